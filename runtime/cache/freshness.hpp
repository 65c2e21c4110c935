// Age and lifetime of a stored response (RFC 9111 section 4.2).
//
// Plain values; time is an argument. Durations never overflow: origin-given
// seconds are clamped to 2^31 (RFC 9111 section 1.2.2).
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "runtime/ports/clock.hpp"

namespace homeostat::cache {

struct Freshness {
  Instant received{};                              ///< steady instant of the response head
  WallTime received_wall{};                        ///< the same on the wall clock
  Duration initial_age{};                          ///< corrected_initial_age
  Duration lifetime{};                             ///< freshness lifetime
  std::chrono::seconds stale_if_error{0};          ///< RFC 5861; 0 = not given
  std::chrono::seconds stale_while_revalidate{0};  ///< RFC 5861; 0 = not given
  bool must_revalidate = false;  ///< must-revalidate, proxy-revalidate or s-maxage: never stale
  bool no_cache = false;         ///< revalidated before every use

  /// current_age
  [[nodiscard]] Duration age(Instant now) const noexcept {
    return initial_age + std::max(Duration::zero(), now - received);
  }
  /// Negative when stale.
  [[nodiscard]] Duration remaining(Instant now) const noexcept { return lifetime - age(now); }
  [[nodiscard]] bool fresh(Instant now) const noexcept {
    return !no_cache && remaining(now) > Duration::zero();
  }
  [[nodiscard]] Instant expires() const noexcept { return received + (lifetime - initial_age); }
  /// RFC 9111 section 4.2.4: these directives win over every stale extension.
  [[nodiscard]] bool may_serve_stale() const noexcept { return !must_revalidate && !no_cache; }
  /// Stale, but allowed because the upstream failed. `grace` is the operator's
  /// own bound, used when the origin gave none.
  [[nodiscard]] bool stale_allowed_on_error(Instant now,
                                            std::chrono::seconds grace) const noexcept {
    if (!may_serve_stale()) return false;
    const std::chrono::seconds bound = stale_if_error.count() > 0 ? stale_if_error : grace;
    return -remaining(now) <= bound;
  }
  [[nodiscard]] bool stale_allowed_while_revalidating(Instant now) const noexcept {
    return may_serve_stale() && -remaining(now) <= stale_while_revalidate;
  }
};

}  // namespace homeostat::cache
