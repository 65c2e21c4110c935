// Age and lifetime of a stored response (RFC 9111 section 4.2).
//
// Plain values; time is an argument. Durations never overflow: origin-given
// seconds are clamped to 2^31 (RFC 9111 section 1.2.2).
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

#include "runtime/ports/clock.hpp"

namespace homeostat::cache {

struct Freshness {
  Instant received{};                                  ///< steady instant of the response head
  WallTime received_wall{};                            ///< the same on the wall clock
  Duration initial_age{};                              ///< corrected_initial_age
  Duration lifetime{};                                 ///< freshness lifetime
  Duration plain_lifetime = Duration::max();           ///< without the control plane's multiplier
  std::optional<std::chrono::seconds> stale_if_error;  ///< RFC 5861, as the origin gave it
  std::optional<std::chrono::seconds> stale_while_revalidate;  ///< the same
  Duration stale_usable{};       ///< how long it is worth keeping once stale
  bool must_revalidate = false;  ///< must-revalidate, proxy-revalidate or s-maxage: never stale
  bool no_cache = false;         ///< revalidated before every use

  /// As a request sees it that the multiplier does not apply to.
  void make_plain() noexcept { lifetime = std::min(lifetime, plain_lifetime); }

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
  /// For what is allowed otherwise see stale.hpp.
  [[nodiscard]] bool may_serve_stale() const noexcept { return !must_revalidate && !no_cache; }
};

}  // namespace homeostat::cache
