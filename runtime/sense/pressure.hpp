// Pressure stall information: the share of wall time in which some (or all)
// tasks waited for a resource, from the difference of `total` between two
// samples; the kernel's own averages lag by ten seconds and more. What sheds load
// needs more than one interval: a single reclaim or fork stalls everything for some
// ten milliseconds. So `full_lasting` is the lower of the interval's share and the
// kernel's average of ten seconds: it comes when a stall lasts and goes when it ends.
//
// Source: kernel Documentation/accounting/psi.rst. Thread safety: none; one
// owner. Errors: nullopt, also for the first call and after a counter reset.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "runtime/ports/clock.hpp"

namespace homeostat::sense {

class PressureReader {
 public:
  explicit PressureReader(std::string path) : path_(std::move(path)) {}

  struct Sample {
    std::optional<double> some, full;    ///< 0..1 of wall time
    std::optional<double> full_lasting;  ///< `full`, no more than the kernel's avg10
    bool readable = false;
  };
  [[nodiscard]] Sample sample(Instant now);
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
  std::optional<std::uint64_t> some_, full_;
  Instant at_{};
  Sample last_;
};

}  // namespace homeostat::sense
