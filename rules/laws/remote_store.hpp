// When a remote store is asked before the origin, and for how long.
//
// A store that answers later than the origin would, or not at all, is worse than
// none. These are the parts, one for each way to be of no use:
//
//   LatencyEstimate  smoothed mean and deviation of answers (RFC 6298 section 2):
//                      deviation += (|sample - mean| - deviation) / 4
//                      mean      += (sample - mean) / 8
//   StoreBreaker     `opens_after` failures in a row: not asked; `closes_after` good
//                    pings in a row: asked again. No request is used to find out.
//                    What was asked before a failure was known is part of it: one pause of the
//                    store is one failure, however many calls it delays.
//   HitShare         smoothed share of reads that brought something:
//                      share += (1 or 0 - share) / 64, beginning with 1
//   read_budget      how long one read may take:
//                      3 x (mean + 4 x deviation) of the store,
//                      never longer than the origin's own mean, nor than `longest`,
//                      never shorter than `budget_min`: below it the clock's and
//                      the scheduler's noise would decide
//   worth_asking     no while the store's mean is above the origin's mean. Once per
//                    `learning_interval` a read is due that no request waits for, so
//                    that a store that has become fast again is noticed.
//   worth_a_rejection  false for what would be turned away at the origin while less than
//                    `hit_share_min` of the reads bring something: a rejection is
//                    to be cheap. One read per `probe_interval` is made all the same.
//
// Pure values and functions: time is an argument. Thread safety: none; one owner.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "rules/engine/frame.hpp"

namespace homeostat::rules {

class LatencyEstimate {
 public:
  /// Negative samples count as zero.
  void add(Duration sample) noexcept;
  /// Zero before the first sample.
  [[nodiscard]] Duration mean() const noexcept { return to_duration(mean_); }
  [[nodiscard]] Duration deviation() const noexcept { return to_duration(deviation_); }
  [[nodiscard]] bool known() const noexcept { return known_; }

 private:
  [[nodiscard]] static Duration to_duration(double seconds) noexcept {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
  }
  double mean_ = 0, deviation_ = 0;  // seconds
  bool known_ = false;
};

class HitShare {
 public:
  void add(bool brought) noexcept { share_ += ((brought ? 1.0 : 0.0) - share_) / 64; }
  [[nodiscard]] double share() const noexcept { return share_; }

 private:
  double share_ = 1;
};

class StoreBreaker {
 public:
  static constexpr unsigned opens_after = 3;
  static constexpr unsigned closes_after = 2;

  void succeeded() noexcept;
  /// Of a call made at `made`.
  void failed(Instant made, Instant now) noexcept;
  /// The connection is gone: nothing more needs to be tried.
  void lost() noexcept;
  /// A new connection has answered.
  void connected() noexcept;
  [[nodiscard]] bool open() const noexcept { return open_; }

 private:
  unsigned failures_ = 0, successes_ = 0;  // in a row
  std::optional<Instant> failed_at_;       // when the last one was known
  bool open_ = true;                       // until a connection has answered
};

inline constexpr Duration budget_min = std::chrono::milliseconds(5);
inline constexpr Duration probe_interval = std::chrono::seconds(1);
inline constexpr Duration learning_interval = std::chrono::milliseconds(250);
inline constexpr double hit_share_min = 0.1;

/// An unknown estimate puts no bound of its own.
[[nodiscard]] Duration read_budget(const LatencyEstimate& store, const LatencyEstimate& origin,
                                   Duration longest) noexcept;

/// `to_learn`: the request does better without, but it is time to see how fast the store is now.
enum class Worth : std::uint8_t { yes, no, to_learn };

class ReadGovernor {
 public:
  /// Whether the store is asked for something the origin needs `origin` for.
  [[nodiscard]] Worth worth_asking(const LatencyEstimate& origin, Instant now) noexcept;
  /// Whether the store is asked for something that would be turned away at the origin.
  [[nodiscard]] bool worth_a_rejection(const HitShare& hits, Instant now) noexcept;
  void answered(Duration took) noexcept { store_.add(took); }
  /// A read that was given up after `budget`. Nobody knows what it would have taken; counted as
  /// the budget, which is the origin's time, the store would always seem as fast as that.
  void late(Duration budget) noexcept { store_.add(2 * budget); }
  [[nodiscard]] const LatencyEstimate& store() const noexcept { return store_; }

 private:
  LatencyEstimate store_;
  Instant probed_{}, tried_{};
};

}  // namespace homeostat::rules
