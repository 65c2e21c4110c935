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
// Thread safety: pure function.
#pragma once

#include <span>
#include <vector>

#include "rules/engine/engine.hpp"

namespace homeostat::rules {

/// Sets `overruled` in `active` and returns what the actuators should do, but
/// for `release_now`. `priorities` runs parallel to `active`.
[[nodiscard]] Outcome settle(std::vector<ActiveAction>& active, std::span<const int> priorities,
                             std::span<const EndpointId> endpoints);

}  // namespace homeostat::rules
