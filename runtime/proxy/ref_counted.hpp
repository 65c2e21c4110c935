// Intrusive reference counting for objects that live on one worker thread.
//
// The count is a plain integer: taking a reference costs an increment, not a
// locked instruction. REQUIRES: all references to an object are taken and
// dropped on the same thread.
#pragma once

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <cstdint>

namespace homeostat::proxy {

class RefCounted {
 public:
  RefCounted() = default;
  RefCounted(const RefCounted&) = delete;
  RefCounted& operator=(const RefCounted&) = delete;

  /// More than one reference exists.
  [[nodiscard]] bool shared() const noexcept { return references_ > 1; }

 protected:
  virtual ~RefCounted() = default;

 private:
  friend void intrusive_ptr_add_ref(RefCounted* object) noexcept { ++object->references_; }
  friend void intrusive_ptr_release(RefCounted* object) noexcept {
    if (--object->references_ == 0) delete object;
  }
  std::uint32_t references_ = 0;
};

template <class T>
using Ref = boost::intrusive_ptr<T>;

template <class T, class... Args>
[[nodiscard]] Ref<T> make_ref(Args&&... args) {
  return Ref<T>(new T(static_cast<Args&&>(args)...));
}

}  // namespace homeostat::proxy
