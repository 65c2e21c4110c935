#include "rules/laws/drop_guard.hpp"

namespace homeostat::rules {

namespace {

constexpr double dead_zone = 0.05;        // drop share above the habitual one
constexpr std::uint64_t dropped_min = 2;  // one reset is an accident
constexpr double habit_weight = 0.1;      // per window with calls to the endpoint
constexpr double work_share_min = 0.5;    // of all work: less is no overload of the whole
constexpr Duration cut_interval = std::chrono::milliseconds(200);
/// One window holds too few calls of most endpoints to see a share of drops.
constexpr Duration memory = std::chrono::seconds(1);

}  // namespace

DropGuard::Endpoint& DropGuard::endpoint(EndpointId id) {
  const std::size_t index = id < merge_endpoints_max ? id : 0;
  if (index >= endpoints_.size()) endpoints_.resize(index + 1);
  return endpoints_[index];
}

bool DropGuard::update(const LimitWindow& window, const LatencyBaseline& baseline) {
  double complaining = 0, all = 0;              // work
  double calls_complaining = 0, calls_all = 0;  // where none is done
  std::uint64_t dropped = 0;
  for (const EndpointSamples& samples : window.endpoints) {
    const std::uint64_t total = samples.count + samples.dropped;
    if (total == 0) continue;
    Endpoint& known = endpoint(samples.endpoint);
    const auto calls = static_cast<double>(total);
    const auto lost = static_cast<double>(samples.dropped);
    known.answered.add(0, window.now - known.seen, memory);
    known.dropped.add(0, window.now - known.seen, memory);
    known.seen = window.now;
    known.answered.add(calls - lost, Duration::zero(), memory);
    known.dropped.add(lost, Duration::zero(), memory);
    const double bound = known.habitual + dead_zone;
    const double recent = known.answered.value() + known.dropped.value();
    const bool complains = lost > bound * calls || known.dropped.value() > bound * recent;
    known.habitual += habit_weight * (lost / calls - known.habitual);
    // Before anything is known all requests are alike.
    const double cost = baseline.known() ? baseline.of(samples.endpoint) : 1;
    const double work = cost * known.answered.value();
    all += work;
    calls_all += recent;
    if (!complains) continue;
    complaining += work;
    calls_complaining += recent;
    dropped += samples.dropped;
  }
  complaint_ = dropped > 0;
  const bool most = all > 0 ? complaining >= work_share_min * all
                            : calls_complaining >= work_share_min * calls_all;
  if (dropped < dropped_min || !most) return false;
  if (cut_before_ && window.now - last_cut_ < cut_interval) return false;
  cut_before_ = true;
  last_cut_ = window.now;
  return true;
}

}  // namespace homeostat::rules
