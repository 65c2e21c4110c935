// Which priority classes are rejected on arrival while emergency mode lasts.
//
// The lowest class goes at once. The normal class follows only when the danger
// goes on for `escalate_after` and the operator has named more important
// classes: without priorities every request is normal, and rejecting all of
// them would turn an emergency into an outage. It returns once the danger has
// been absent for `relax_after`. High and critical classes are never shed here (the memory
// ladder of rules/laws/pressure.hpp may).
//
// Pure: time comes in. Thread safety: none; owned by the throttler.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "runtime/ports/clock.hpp"

namespace homeostat::actors {

class ClassShedding {
 public:
  static constexpr std::uint8_t nothing = 255;
  static constexpr std::uint8_t low_class = 3;
  static constexpr std::uint8_t normal_class = 2;
  static constexpr Duration escalate_after = std::chrono::seconds(15);
  static constexpr Duration relax_after = std::chrono::seconds(15);

  struct Input {
    Instant now{};
    bool emergency = false;
    bool danger = false;  ///< the machine or the queue is still in trouble
    bool ranked = false;  ///< some requests are configured above normal
  };

  /// Returns the first class to reject, `nothing` for none.
  [[nodiscard]] std::uint8_t update(const Input& input) {
    if (!input.emergency) {
      shed_from_ = nothing;
      since_.reset();
      return shed_from_;
    }
    if (shed_from_ == nothing) shed_from_ = low_class;
    const bool wants_step = shed_from_ == low_class ? input.danger && input.ranked : !input.danger;
    if (!wants_step) {
      since_.reset();
      return shed_from_;
    }
    if (!since_) since_ = input.now;
    if (input.now - *since_ >= (shed_from_ == low_class ? escalate_after : relax_after)) {
      shed_from_ = shed_from_ == low_class ? normal_class : low_class;
      since_.reset();
    }
    return shed_from_;
  }

 private:
  std::uint8_t shed_from_ = nothing;
  std::optional<Instant> since_;  ///< for how long the next step has been wanted
};

}  // namespace homeostat::actors
