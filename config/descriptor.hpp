// An open file of the system: closes it in the end.
//
// Thread safety: none; one owner.
#pragma once

#include <unistd.h>

namespace homeostat::config {

class Descriptor {
 public:
  /// Negative: there is none, as ::open says.
  explicit Descriptor(int number) noexcept : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const noexcept { return number_; }

 private:
  int number_;
};

}  // namespace homeostat::config
