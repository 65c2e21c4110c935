// What a simulated run came to.
#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/sim/world.hpp"

namespace homeostat::sim {
namespace {

template <class Visit>
void visit(const Outcome& outcome, double from, double to, Visit&& each) {
  const auto first = static_cast<std::size_t>(std::llround(from / slice_length));
  const auto last = static_cast<std::size_t>(std::llround(to / slice_length));
  for (std::size_t index = first; index < last && index < outcome.slices.size(); ++index) {
    each(outcome.slices[index]);
  }
}

}  // namespace

double Outcome::goodput(double from, double to) const {
  double good = 0, capacity = 0;
  visit(*this, from, to, [&](const Slice& slice) {
    good += slice.good_work;
    capacity += slice.capacity;
  });
  return capacity > 0 ? good / capacity : 0;
}

double Outcome::reject_ratio(double from, double to) const {
  double rejected = 0, arrived = 0;
  visit(*this, from, to, [&](const Slice& slice) {
    rejected += slice.rejected + slice.refused;
    arrived += slice.arrived;
  });
  return arrived > 0 ? rejected / arrived : 0;
}

double Outcome::success(std::size_t priority_class) const {
  double good = 0, arrived = 0;
  visit(*this, measure_from, duration, [&](const Slice& slice) {
    good += slice.good_by_class[priority_class];
    arrived += slice.arrived_by_class[priority_class];
  });
  return arrived > 0 ? good / arrived : 0;
}

double Outcome::limit_mean(double from, double to) const {
  double sum = 0, count = 0;
  visit(*this, from, to, [&](const Slice& slice) {
    sum += slice.limit;
    count += slice.limit > 0 ? 1 : 0;
  });
  return count > 0 ? sum / count : 0;
}

double Outcome::latency_p99() const {
  if (latencies.empty()) return 0;
  std::vector<float> sorted = latencies;
  const auto rank = static_cast<std::ptrdiff_t>(0.99 * static_cast<double>(sorted.size() - 1));
  std::nth_element(sorted.begin(), sorted.begin() + rank, sorted.end());
  return static_cast<double>(sorted[static_cast<std::size_t>(rank)]);
}

double Outcome::time_to(double share, double since) const {
  for (double from = since; from + 0.5 <= duration; from += slice_length) {
    if (goodput(from, from + 0.5) >= share) return from - since;
  }
  return duration;
}

}  // namespace homeostat::sim
