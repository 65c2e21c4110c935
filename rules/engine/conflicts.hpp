// Several rules on one actuator: decides which of their actions count.
//
// The most restrictive action wins as a whole; effects are never multiplied.
//   throttle     the smallest `to`
//   scale_ttl    per endpoint the smallest `by`: lowering beats raising, the
//                stronger lowering beats the weaker, and of two raises the
//                smaller wins, since stale content is the risk; on equal `by`
//                the smaller `max`
//   compress     per endpoint off beats on; then the lower level
//   emergency    any
//   release      the smallest shrink; every rule's own pulses count
// Ties go to the larger priority, then to the name. An action of a global rule
// on a per-endpoint actuator applies to every known endpoint.
//
// Thread safety: none; one owner. The outcome depends on the arguments alone: what it
// keeps from call to call is memory, so that actions that stay in force allocate nothing.
// Memory: about 150 bytes per endpoint, once any action is in force.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "rules/engine/engine.hpp"

namespace homeostat::rules {

/// The actions of one tick and where they may apply.
struct Contest {
  std::span<ActiveAction> active;
  std::span<const int> priorities;  ///< parallel to `active`
  std::span<const EndpointId> endpoints;
};

class Conflicts {
 public:
  /// Sets `overruled` and `overruled_by` in `active`, and in `outcome` what the actuators
  /// should do, but for `release_now`.
  void settle(const Contest& contest, Outcome& outcome);

 private:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  void settle_throttle(Outcome& outcome) const;
  template <class Kind, class Apply>
  void settle_endpoints(const Apply& apply);
  template <class Kind>
  void name_winners(std::size_t global) const;
  template <class Kind>
  [[nodiscard]] bool stricter(std::size_t a, std::size_t b) const;
  template <class Kind>
  [[nodiscard]] std::size_t stricter_of(std::size_t a, std::size_t b) const;
  [[nodiscard]] std::size_t place_of(EndpointId id) const noexcept;

  Contest contest_;
  std::vector<EndpointId> ids_;           ///< sorted, so that the same frames give the same result
  std::vector<std::size_t> winners_;      ///< of the kind in hand, by place in ids_
  std::vector<EndpointOutcome> touched_;  ///< by place in ids_
};

}  // namespace homeostat::rules
