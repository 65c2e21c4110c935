// Whether a stale stored response may be used: the one place that decides.
//
// Precedence, first that applies:
//   0. Purged softly a moment ago, hot, and still fresh by its own lifetime: serve,
//      refresh in the background. No rule of HTTP forbids it: only the purge made it
//      stale, and who purges softly wants no stampede. In emergency mode: ask nobody.
//   1. must-revalidate, proxy-revalidate, s-maxage or no-cache of the response, or
//      directives of the request that refuse a fresh one: validate.
//      What may have been purged elsewhere is validated, too, and bridges nothing.
//   2. Emergency mode, up to `stale_in_emergency` past expiry: serve, ask nobody.
//   3. Within stale-while-revalidate: serve, refresh in the background.
//   4. The key, its route or the origin is in trouble (refresh_control.hpp), within
//      the window for failures: serve, let at most one background attempt out.
//   5. Else validate; if that fails, the window for the failure decides.
// A window is the origin's where it gave one, else the rule's, else the
// configuration's; with `override_origin` the rule's wins. An origin that cannot
// be reached at all also has `stale_if_unreachable`; the longer one counts.
//
// Sources: RFC 9111 section 4.2.4, RFC 5861. Pure; thread safety: plain values.
#pragma once

#include <chrono>
#include <cstdint>

#include "runtime/cache/freshness.hpp"
#include "runtime/cache/reason.hpp"

namespace homeostat::cache {

/// What the operator allows, resolved per rule when the configuration loads.
struct StaleWindows {
  std::chrono::seconds while_revalidate{0};
  std::chrono::seconds if_error{0};
  std::chrono::seconds if_unreachable{0};
  std::chrono::seconds in_emergency{0};
  bool while_revalidate_wins = false;  ///< over what the origin gave
  bool if_error_wins = false;
};

/// What is wrong with the origin.
enum class Trouble : std::uint8_t {
  none,
  error,        ///< it answers with failures, throttles, or admission refused the request
  unreachable,  ///< no answer at all
};

struct StaleView {
  Freshness freshness;
  const StaleWindows& windows;
  Instant now{};
  bool by_request = false;  ///< the request wants validation, fresh or not
  bool emergency = false;
  Trouble trouble = Trouble::none;
  bool purge_grace = false;  ///< in_purge_grace()
  bool doubtful = false;     ///< Object::doubtful()
};

class Object;
struct RequestDecision;
/// Rule 0. `grace`: how long after the purge.
[[nodiscard]] bool in_purge_grace(const Object& object, const RequestDecision& request,
                                  Duration grace, Instant now) noexcept;

enum class StaleUse : std::uint8_t {
  validate,       ///< ask the origin first
  emergency,      ///< serve; ask nobody
  revalidating,   ///< serve; one background refresh
  origin_trouble  ///< serve; one background attempt if it is time
};

[[nodiscard]] StaleUse decide_stale(const StaleView& view) noexcept;

/// Instead of the failure of a request that went upstream.
[[nodiscard]] bool stale_bridges(const StaleView& view) noexcept;

/// Why a response that was fetched for another request may not answer this one without
/// being validated (RFC 9111 section 4); none: it may. For who waits for another's fetch.
[[nodiscard]] Reason sharing_refusal(Freshness freshness, const RequestDecision& request,
                                     Instant now) noexcept;

/// No request but the one that fetched it may be answered by it, at `now` or later.
[[nodiscard]] bool for_its_request_only(const Freshness& freshness, Instant now) noexcept;

/// How long past expiry the response may still be of use, emergencies aside.
[[nodiscard]] Duration stale_usable(const Freshness& freshness,
                                    const StaleWindows& windows) noexcept;

}  // namespace homeostat::cache
