// Whether demand exceeds the capacity for longer than a burst does.
//
// Algorithm. A virtual backlog: the work turned away for want of capacity, as
// if it were waiting, less the capacity that stood idle since (a slot of the
// limit that nobody used). Below capacity the backlog of any burst is worked
// off and comes back to zero; above, it grows without end. Demand is standing
// from the moment the backlog would take `patience` to work off until nothing
// is left of it:
//   patience = clamp(60 s / L, 250 ms, 2 s)   s = mean service, L = limit
// A queue of L servers at 90 % load waits 10 s / L on average (M/M/L); six
// times that is exceeded by chance in one of 400 of its busy spells.
//
// How long the queue has not been empty cannot tell: at 90 % load spells of
// 400 services are ordinary.
//
// What has to wait so that servers are not idle by chance depends on how far demand is above
// the capacity. With r = demand / capacity, a queue of at most K requests is empty for less
// than r^-K of the time (M/M/L with bounded queue): K = ln(1 / 0.03) / ln r. Beyond that a
// queue only adds delay. 2 to 4: near to the capacity it would be dozens, for which clients
// of a small upstream do not wait.
//
// Sampling: one update per window of the gate; with none, the last verdict
// holds. r is taken over the last 4 x patience. Bounds: the backlog is at most 1.5 x patience, so
// that it is forgotten soon after an overload of any length. Pure; thread safety: none, one owner.
#pragma once

#include <cstdint>

namespace homeostat::rules {

struct DemandWindow {
  double seconds = 0;
  double turned_away = 0;  ///< expected service seconds of requests rejected for waiting
  double free_slots = 0;   ///< time average of limit - in flight, >= 0
  double limit = 1;
  double service_mean = 0;  ///< seconds; 0 = unknown
};

class StandingDemand {
 public:
  /// Requests that had better wait; 0 while demand does not stand.
  std::uint32_t update(const DemandWindow& window) noexcept;

 private:
  double backlog_ = 0;  ///< service seconds
  bool standing_ = false;
  double turned_away_ = 0, carried_ = 0;  ///< service seconds, fading means of a window

  [[nodiscard]] std::uint32_t queue_needed() const noexcept;
};

}  // namespace homeostat::rules
