#include "runtime/telemetry/objectives.hpp"

#include <utility>

#include "runtime/ports/request_match.hpp"

namespace homeostat::telemetry {

Objectives::Objectives(std::vector<config::ObjectiveSettings> settings)
    : settings_(std::move(settings)), counts_(settings_.size()) {
  for (const config::ObjectiveSettings& objective : settings_) {
    const double limit = std::chrono::duration<double>(objective.latency).count();
    std::size_t bucket = 0;
    while (bucket < LatencyBuckets::count && LatencyBuckets::middle_seconds(bucket) <= limit) {
      ++bucket;
    }
    slow_from_.push_back(bucket);
  }
}

std::uint32_t Objectives::matched(const EndpointName& name) const {
  std::uint32_t mask = 0;
  for (std::size_t i = 0; i < settings_.size(); ++i) {
    if (matches(settings_[i].match, name.method, name.route)) mask |= 1U << i;
  }
  return mask;
}

void Objectives::add(EndpointId id, const EndpointName& name, const TrafficDelta& delta) {
  if (settings_.empty()) return;
  if (id >= matches_.size()) matches_.resize(id + 1);
  if (!matches_[id]) matches_[id] = matched(name);
  for (std::size_t i = 0; i < settings_.size(); ++i) {
    if ((*matches_[id] & (1U << i)) == 0) continue;
    Count& count = counts_[i];
    count.offered += delta.offered;
    count.answered += delta.answered;
    if (settings_[i].latency.count() == 0) {
      count.bad += delta.failed;
      continue;
    }
    for (const BucketCount& item : delta.latency) {
      if (item.bucket >= slow_from_[i]) count.bad += item.count;
    }
  }
}

std::vector<ObjectiveFigures> Objectives::figures() const {
  std::vector<ObjectiveFigures> out;
  out.reserve(settings_.size());
  for (std::size_t i = 0; i < settings_.size(); ++i) {
    const Count& count = counts_[i];
    // Half written records may leave an answer a tick ahead of its request.
    const std::uint64_t rejected =
        count.offered > count.answered ? count.offered - count.answered : 0;
    out.push_back({settings_[i].name, settings_[i].target, std::max(count.offered, count.answered),
                   count.bad + rejected, std::nullopt});
    if (settings_[i].latency.count() > 0) out.back().late_total = count.bad;
  }
  return out;
}

}  // namespace homeostat::telemetry
