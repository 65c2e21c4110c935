#include "tests/sim/model/outcome.hpp"

#include <algorithm>
#include <cmath>

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

double ratio(double part, double whole) { return whole > 0 ? part / whole : 0; }

}  // namespace

double Outcome::goodput(double from, double to) const {
  double good = 0, capacity = 0;
  visit(*this, from, to, [&](const Slice& slice) {
    good += slice.good_work;
    capacity += slice.capacity;
  });
  return ratio(good, capacity);
}

double Outcome::reject_ratio(double from, double to) const {
  double rejected = 0, arrived = 0;
  visit(*this, from, to, [&](const Slice& slice) {
    rejected += slice.rejected + slice.refused;
    arrived += slice.arrived;
  });
  return ratio(rejected, arrived);
}

double Outcome::turned_away(double from, double to) const {
  double rejected = 0, arrived = 0;
  visit(*this, from, to, [&](const Slice& slice) {
    rejected += slice.rejected;
    arrived += slice.arrived;
  });
  return ratio(rejected, arrived);
}

double Outcome::refused(double from, double to) const {
  double refused = 0, dispatched = 0;
  visit(*this, from, to, [&](const Slice& slice) {
    refused += slice.refused;
    dispatched += slice.arrived - slice.rejected;
  });
  return ratio(refused, dispatched);
}

double Outcome::success(double from, double to) const {
  double satisfied = 0, wanted = 0;
  visit(*this, from, to, [&](const Slice& slice) {
    satisfied += slice.satisfied;
    wanted += slice.wanted;
  });
  return ratio(satisfied, wanted);
}

double Outcome::limit_mean(double from, double to) const {
  double sum = 0, count = 0;
  visit(*this, from, to, [&](const Slice& slice) {
    sum += slice.limit;
    count += slice.limit > 0 ? 1 : 0;
  });
  return ratio(sum, count);
}

double Outcome::latency(double quantile) const {
  if (latencies.empty()) return 0;
  std::vector<float> sorted = latencies;
  const auto rank = static_cast<std::ptrdiff_t>(quantile * static_cast<double>(sorted.size() - 1));
  std::nth_element(sorted.begin(), sorted.begin() + rank, sorted.end());
  return static_cast<double>(sorted[static_cast<std::size_t>(rank)]);
}

double Outcome::time_to(double share, double since) const {
  for (double from = since; from + 0.5 <= duration; from += slice_length) {
    if (goodput(from, from + 0.5) >= share) return from - since;
  }
  return duration - since;
}

double Outcome::time_to_success(double share, double since) const {
  double last_bad = since;
  for (double from = since; from + 1 <= duration - 1; from += slice_length) {
    if (success(from, from + 1) < share) last_bad = from + slice_length;
  }
  return last_bad - since;
}

double Outcome::fairness() const {
  double sum = 0, squares = 0, count = 0;
  for (const Count& tenant : by_tenant) {
    if (tenant.wanted == 0) continue;
    sum += tenant.share();
    squares += tenant.share() * tenant.share();
    ++count;
  }
  return squares > 0 ? sum * sum / (count * squares) : 1;
}

}  // namespace homeostat::sim
