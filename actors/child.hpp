// The supervised actors by name, and their heartbeats.
//
// Thread safety: Heartbeats may be used from any thread; each entry is written
// by one actor and read by its senders and the supervisor.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "runtime/ports/clock.hpp"

namespace homeostat::actors {

/// In start order; shutdown goes by `stop_stage`.
enum class Child : std::uint8_t {
  alerter,
  cache_tuner,
  throttler,
  memory_keeper,
  rule_engine,
  resource_monitor,
  endpoint_monitor,
};
inline constexpr std::size_t child_count = 7;

inline constexpr std::array<std::string_view, child_count> child_names = {
    "alerter",     "cache_tuner",      "throttler",       "memory_keeper",
    "rule_engine", "resource_monitor", "endpoint_monitor"};

[[nodiscard]] constexpr std::size_t index_of(Child child) noexcept {
  return static_cast<std::size_t>(child);
}

[[nodiscard]] constexpr std::string_view to_string(Child child) noexcept {
  return child_names[index_of(child)];
}

[[nodiscard]] constexpr std::optional<Child> find_child(std::string_view name) noexcept {
  for (std::size_t i = 0; i < child_count; ++i) {
    if (child_names[i] == name) return static_cast<Child>(i);
  }
  return std::nullopt;
}

/// Producers end first, the alerter last.
[[nodiscard]] constexpr int stop_stage(Child child) noexcept {
  switch (child) {
    case Child::resource_monitor:
    case Child::endpoint_monitor: return 0;
    case Child::rule_engine: return 1;
    case Child::cache_tuner:
    case Child::throttler:
    case Child::memory_keeper: return 2;
    case Child::alerter: return 3;
  }
  return 3;
}
inline constexpr int stop_stage_count = 4;

/// When each actor last finished a tick. Senders skip actors that have not
/// beaten for `stalled_after`, which bounds the mailbox of a stuck one.
class Heartbeats {
 public:
  void beat(Child child, Instant now) noexcept {
    beats_[index_of(child)].store(now.time_since_epoch().count(), std::memory_order_relaxed);
  }
  void set_stalled_after(Duration limit) noexcept {
    limit_.store(limit.count(), std::memory_order_relaxed);
  }
  /// True when the actor has beaten before, but not for `stalled_after`.
  [[nodiscard]] bool stalled(Child child, Instant now) const noexcept {
    const auto last = beats_[index_of(child)].load(std::memory_order_relaxed);
    return last != 0 &&
           now.time_since_epoch().count() - last > limit_.load(std::memory_order_relaxed);
  }

 private:
  std::array<std::atomic<Duration::rep>, child_count> beats_{};
  std::atomic<Duration::rep> limit_{Duration(std::chrono::seconds(10)).count()};
};

}  // namespace homeostat::actors
