// Background refreshes of the whole process: who may begin one, and how far a
// failing origin is left alone.
//
// Three levels back off by the same law (rules/laws/refresh_backoff.hpp): the key
// (in its object), the route, and the origin. A key is in trouble after one
// failure, a route or the origin after `tolerance` + 1 in a row without a success
// between. The origin's level counts only fetches without any answer. While a
// level is in trouble, one attempt at a time goes through it, at its own pace.
//
// Misses are not held back: there is nothing to answer them with.
//
// Thread safety: all methods from any thread. Never called for a fresh hit;
// a fetch that succeeds writes nothing shared but the budget. Bounds: `routes`
// cells (endpoints beyond share them); RefreshSettings. Errors: none.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>

#include "config/settings/cache.hpp"
#include "rules/laws/refresh_ahead.hpp"
#include "runtime/cache/fetch_end.hpp"
#include "runtime/cache/object.hpp"
#include "runtime/cache/stale.hpp"

namespace homeostat::cache {

enum class RefreshKind : std::uint8_t {
  revalidate,  ///< stale, within stale-while-revalidate
  attempt,     ///< stale, served because the origin is in trouble
  ahead,       ///< fresh and hot
};
inline constexpr std::size_t refresh_kind_count = 3;
[[nodiscard]] const char* to_string(RefreshKind kind) noexcept;

enum class RefreshResult : std::uint8_t {
  updated,       ///< a new response is stored
  not_modified,  ///< 304
  uncacheable,   ///< the response may not be stored any more
  failed,        ///< no answer, a failure, or throttled
  rejected,      ///< at admission
  dropped,       ///< not stored (invalidated meanwhile, declined), or shut down
};
inline constexpr std::size_t refresh_result_count = 6;
[[nodiscard]] const char* to_string(RefreshResult result) noexcept;

/// Why a refresh was not begun.
enum class RefreshHold : std::uint8_t { concurrency, budget, origin, gate, shadow };
inline constexpr std::size_t refresh_hold_count = 5;
[[nodiscard]] const char* to_string(RefreshHold hold) noexcept;

struct RefreshFigures {
  std::array<std::array<std::uint64_t, refresh_result_count>, refresh_kind_count> ended{};
  std::array<std::uint64_t, refresh_kind_count> started{};
  std::array<std::uint64_t, refresh_hold_count> held{};
  std::uint64_t ahead_wasted = 0;
  std::uint64_t failures = 0, throttled = 0;  ///< of all fetches of the cache
  std::size_t running = 0;
  std::size_t routes_in_trouble = 0;
  bool origin_in_trouble = false;
};

class RefreshControl {
 public:
  static constexpr std::size_t routes = 1024;
  static constexpr unsigned route_tolerance = 2;
  static constexpr unsigned origin_tolerance = 2;

  /// What is known to be wrong with what `object` would be fetched from.
  [[nodiscard]] Trouble trouble(const Object& object, EndpointId route, Instant now) const noexcept;

  struct Request {
    RefreshKind kind = RefreshKind::revalidate;
    const Object& object;
    EndpointId route = 0;
    const config::RefreshSettings& settings;
    Duration lease{};        ///< longer than any fetch takes
    bool gate_busy = false;  ///< others wait for the origin: nothing ahead of time
    Instant now{};
  };
  /// True for one caller at a time per key. finish() must follow.
  [[nodiscard]] bool begin(const Request& request);
  /// The refresh turned out not to be needed (somebody else fetches already).
  void withdraw(const Request& request);
  void finish(RefreshKind kind, RefreshResult result) noexcept;

  /// After every fetch for the cache. `object`: what was to be replaced, or null.
  void report(const Object* object, EndpointId route, const FetchEnd& end,
              const config::RefreshSettings& settings, Instant now);
  /// A fetch goes out: it earns its share for refreshing ahead.
  void fetch_begins(const config::RefreshSettings& settings);
  /// An object leaves the cache.
  void leaves(const Object& object);

  [[nodiscard]] RefreshFigures figures(Instant now) const;

 private:
  bool hold(RefreshHold reason) noexcept;  ///< always false
  [[nodiscard]] bool ahead_allowed(const Request& request);
  [[nodiscard]] bool pass_levels(const Request& request);
  [[nodiscard]] BackoffCell& route(EndpointId id) noexcept { return routes_[id % routes]; }
  [[nodiscard]] const BackoffCell& route(EndpointId id) const noexcept {
    return routes_[id % routes];
  }
  [[nodiscard]] double random_unit() noexcept;

  using Count = std::atomic<std::uint64_t>;
  std::array<BackoffCell, routes> routes_;
  BackoffCell origin_;
  std::atomic<std::size_t> running_{0};
  std::atomic<std::uint64_t> random_{0x9E3779B97F4A7C15ULL};
  std::mutex budget_mutex_;
  rules::RefreshBudget budget_;  // guarded by budget_mutex_

  std::array<std::array<Count, refresh_result_count>, refresh_kind_count> ended_{};
  std::array<Count, refresh_kind_count> started_{};
  std::array<Count, refresh_hold_count> held_{};
  Count ahead_wasted_{0}, failures_{0}, throttled_{0};
};

}  // namespace homeostat::cache
