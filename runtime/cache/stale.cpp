#include "runtime/cache/stale.hpp"

#include <algorithm>

#include "rules/laws/refresh_ahead.hpp"
#include "runtime/cache/object.hpp"
#include "runtime/cache/request_rules.hpp"

namespace homeostat::cache {
namespace {

std::chrono::seconds revalidate_window(const Freshness& freshness,
                                       const StaleWindows& windows) noexcept {
  if (windows.while_revalidate_wins) return windows.while_revalidate;
  return freshness.stale_while_revalidate.value_or(windows.while_revalidate);
}

std::chrono::seconds error_window(const Freshness& freshness, const StaleWindows& windows,
                                  Trouble trouble) noexcept {
  const std::chrono::seconds window = windows.if_error_wins
                                          ? windows.if_error
                                          : freshness.stale_if_error.value_or(windows.if_error);
  return trouble == Trouble::unreachable ? std::max(window, windows.if_unreachable) : window;
}

}  // namespace

StaleUse decide_stale(const StaleView& view) noexcept {
  if (view.purge_grace) return view.emergency ? StaleUse::emergency : StaleUse::revalidating;
  if (view.by_request || view.doubtful || !view.freshness.may_serve_stale())
    return StaleUse::validate;
  const Duration staleness = -view.freshness.remaining(view.now);
  if (view.emergency && staleness <= view.windows.in_emergency) return StaleUse::emergency;
  if (staleness <= revalidate_window(view.freshness, view.windows)) {
    return StaleUse::revalidating;
  }
  if (view.trouble != Trouble::none &&
      staleness <= error_window(view.freshness, view.windows, view.trouble)) {
    return StaleUse::origin_trouble;
  }
  return StaleUse::validate;
}

bool in_purge_grace(const Object& object, const RequestDecision& request, Duration grace,
                    Instant now) noexcept {
  const std::optional<Instant> purged = object.softened();
  if (!purged || now - *purged > grace) return false;
  if (object.refresh().hits() < rules::ahead_hits_min) return false;
  const Freshness& stated = object.head().freshness;
  return stated.fresh(now) && request.accepts(stated, now);
}

bool stale_bridges(const StaleView& view) noexcept {
  if (view.doubtful || !view.freshness.may_serve_stale()) return false;
  const Duration staleness = -view.freshness.remaining(view.now);
  // Still fresh: only the request's own directives wanted it validated, and
  // those say what it prefers (RFC 9111 section 5.2.1).
  if (staleness < Duration::zero()) return true;
  if (view.emergency && staleness <= view.windows.in_emergency) return true;
  return staleness <= error_window(view.freshness, view.windows, view.trouble);
}

Reason sharing_refusal(Freshness freshness, const RequestDecision& request, Instant now) noexcept {
  if (freshness.no_cache) return Reason::no_cache;
  if (request.plain_lifetime) freshness.make_plain();
  if (!request.accepts(freshness, now)) return Reason::request_directive;
  if (freshness.fresh(now)) return Reason::none;
  StaleView view{freshness, request.stale_windows()};
  view.now = now;
  return decide_stale(view) == StaleUse::revalidating ? Reason::none : Reason::expired;
}

bool for_its_request_only(const Freshness& freshness, Instant now) noexcept {
  static constexpr RequestDecision anybody;
  return sharing_refusal(freshness, anybody, now) != Reason::none;
}

Duration stale_usable(const Freshness& freshness, const StaleWindows& windows) noexcept {
  if (!freshness.may_serve_stale()) return Duration::zero();
  return std::max(revalidate_window(freshness, windows),
                  error_window(freshness, windows, Trouble::unreachable));
}

}  // namespace homeostat::cache
