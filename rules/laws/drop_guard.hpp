// Whether refused, reset and timed-out upstream calls mean overload.
//
// A service that always answers some endpoint with 503 must not be throttled
// to nothing for it: only a drop share clearly above the habitual one counts,
// and what persists becomes habitual within some seconds (a limit cut that
// does not help is not repeated for ever).
//
// Thread safety: none; one owner.
#pragma once

#include <cstdint>

#include "rules/engine/frame.hpp"

namespace homeostat::rules {

class DropGuard {
 public:
  /// True when the limit should be cut now; at most every 200 ms.
  [[nodiscard]] bool update(Instant now, std::uint64_t dropped, std::uint64_t succeeded) noexcept;
  [[nodiscard]] double habitual_share() const noexcept { return habitual_; }

 private:
  double habitual_ = 0;
  Instant last_cut_ = Instant::min();
  bool cut_before_ = false;
};

}  // namespace homeostat::rules
