// The arithmetic of the admission queue: who waits, for how long at most, who
// is next, and when a rejected client should come back.
//
// Pure functions on plain values, used by the gate on the request path and by
// the simulation. No allocation, no clock. Thread safety: none needed.
// Units: std::chrono durations; limits are concurrent requests (>= 1).
//
// Sources: predicted wait is Little's law on the work ahead; the two budgets
// (a generous one for bursts, a short one for a standing queue) follow CoDel's
// distinction of good and bad queue (Nichols and Jacobson, ACM Queue 2012).
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "rules/engine/frame.hpp"

namespace homeostat::rules {

/// 0 critical, 1 high, 2 normal, 3 low.
inline constexpr std::size_t priority_class_count = 4;
/// Is always judged as in a burst: it had better wait than be rejected.
inline constexpr std::uint8_t critical_class = 0;

/// Clamps anything beyond the lowest class into it.
[[nodiscard]] constexpr std::uint8_t clamp_class(std::uint8_t priority_class) noexcept {
  return priority_class < priority_class_count
             ? priority_class
             : static_cast<std::uint8_t>(priority_class_count - 1);
}

struct QueueBounds {
  Duration max_wait = std::chrono::milliseconds(100);  ///< in a burst
  std::size_t length_max = 1024;                       ///< all workers together
  int burst_services = 2;  ///< in a burst as many service times, where longer
  Duration standing_wait = std::chrono::milliseconds(20);  ///< shortest budget when standing
};

/// What an arrival sees.
struct QueueView {
  Duration work_ahead{};           ///< sum of expected service of equal or higher classes
  double limit = 1;                ///< requests served at once
  std::size_t length = 0;          ///< waiting now, all classes
  std::uint32_t queue_needed = 0;  ///< by standing_demand.hpp; 0: demand does not stand
  Duration service_mean{};         ///< of all upstream calls; 0 = not known yet
  Duration own_service{};          ///< expected service of the arrival itself, as loaded as now
  Duration own_unloaded{};         ///< the same without queueing in the upstream
};

/// Time until the work ahead has been served by `limit` servers.
[[nodiscard]] Duration predicted_wait(Duration work_ahead, double limit) noexcept;

/// Longest predicted wait with which an arrival may join. In a burst 0.85 of
/// max_wait (the rest is for what the prediction is wrong by), or burst_services
/// service times if that is longer, up to burst_budget_max: where one request takes
/// a second, nobody is helped by being rejected for 100 ms. When demand stands, a
/// queue only adds delay: clamp(service_mean, 1, 2.5 x standing_wait), or the time to serve
/// `queue_needed` requests if longer, so that a small upstream is not idle by chance; never
/// above the former. A max_wait of zero rejects at once, always.
[[nodiscard]] Duration wait_budget(const QueueBounds& bounds, std::uint32_t queue_needed,
                                   Duration service_mean, double limit) noexcept;

inline constexpr Duration burst_budget_max = std::chrono::seconds(1);

/// After this wait a queued request is rejected: budget / 0.85 in a burst,
/// max(2.5 x standing_wait, 2 x budget) when standing, never above the former.
[[nodiscard]] Duration wait_limit(const QueueBounds& bounds, std::uint32_t queue_needed,
                                  Duration service_mean, double limit) noexcept;

enum class ArrivalVerdict : std::uint8_t {
  join,
  queue_full,
  predicted_wait,
  deadline,  ///< the wait leaves too little of the time to its deadline
  too_late,  ///< too little was left to begin with
};

/// `time_left` is the time to the request's own deadline, when it has one; two
/// service times are reserved for the upstream call itself. What has less than two of an
/// upstream without load is too late whatever the load: a client that chose it says
/// nothing about capacity. What would have done without load is overload's victim.
[[nodiscard]] ArrivalVerdict judge_arrival(const QueueBounds& bounds, const QueueView& view,
                                           std::optional<Duration> time_left) noexcept;

using ClassCounts = std::array<std::uint32_t, priority_class_count>;

/// Strict priority with a floor share: each grant that passes over a waiting
/// lower class adds one credit to it; at this many credits it is served next.
/// one of twenty is a floor of 5 % for each class.
inline constexpr std::uint32_t floor_credits = 19;

struct ClassChoice {
  std::uint8_t priority_class = 0;
  bool by_floor = false;  ///< chosen by its floor share, not by rank
};

/// What is served before an arrival's turn comes.
struct TurnAhead {
  Duration work{};
  bool by_floor = false;  ///< its class's floor share comes before its rank does
};

/// `ahead` is the work that waits at or above its class. The floor share of a class in
/// which `waiting` wait may come sooner: after floor_credits grants, of a mean request
/// each, for everyone in it and for the arrival, less the credits that it has. Where it
/// does, the arrival is judged as in a burst: its wait is that of its share, however
/// long demand stands, and no more can join so than are served within that budget.
[[nodiscard]] TurnAhead turn_ahead(Duration ahead, std::uint32_t waiting, std::uint32_t credits,
                                   Duration service_mean) noexcept;

/// nullopt when nobody waits.
[[nodiscard]] std::optional<ClassChoice> choose_class(const ClassCounts& waiting,
                                                      const ClassCounts& credits) noexcept;

/// Credits after the grant. Classes that do not wait keep none.
[[nodiscard]] ClassCounts credits_after(const ClassCounts& waiting, ClassCounts credits,
                                        ClassChoice granted) noexcept;

inline constexpr std::chrono::seconds retry_after_max{60};

/// Retry-After: the predicted drain, at least `minimum`, spread by half a
/// second (or a quarter of the value) to both sides so that clients do not
/// return together; at most retry_after_max, or a quarter above a minimum near or
/// beyond that. `unit_random` is in [0, 1).
[[nodiscard]] std::chrono::seconds retry_after(Duration predicted_drain,
                                               std::chrono::seconds minimum,
                                               double unit_random) noexcept;

}  // namespace homeostat::rules
