#include "rules/engine/lifetime_retreat.hpp"

#include <algorithm>
#include <iterator>

namespace homeostat::rules {

void LifetimeRetreat::apply(std::vector<EndpointOutcome>& endpoints, Instant now) {
  const double step = std::chrono::duration<double>(now - last_).count() * share_per_second;
  last_ = now;
  for (const EndpointOutcome& before : longer_) {
    auto place = std::ranges::lower_bound(endpoints, before.id, {}, &EndpointOutcome::id);
    const bool known = place != endpoints.end() && place->id == before.id;
    // Another action decides about lifetimes now: longer ones, or shorter at once.
    if (known && place->ttl_multiplier != 1) {
      if (place->ttl_multiplier > 1) {
        place->ttl_share = std::max(place->ttl_share, before.ttl_share - step);
      }
      continue;
    }
    const double share = before.ttl_share - step;
    if (share <= 0) continue;
    if (!known) {
      place = endpoints.insert(place, EndpointOutcome{});
      place->id = before.id;
    }
    place->ttl_multiplier = before.ttl_multiplier;
    place->ttl_max = before.ttl_max;
    place->ttl_share = share;
  }
  longer_.clear();
  std::ranges::copy_if(endpoints, std::back_inserter(longer_),
                       [](const EndpointOutcome& one) { return one.ttl_multiplier > 1; });
}

}  // namespace homeostat::rules
