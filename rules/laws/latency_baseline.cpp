#include "rules/laws/latency_baseline.hpp"

#include <algorithm>
#include <cmath>

namespace homeostat::rules {

namespace {

/// Below this a measured latency is clock noise; keeps ratios finite.
constexpr double latency_floor = 1e-6;
/// Fewer samples than this say nothing about one endpoint's mean.
constexpr std::uint64_t samples_min = 3;
constexpr std::uint64_t lower_samples_min = 10;
constexpr double least_weight = 0.3;  // of a probe with 30 samples or more
constexpr double learn_samples = 30;
constexpr double doubt_errors = 2;  // standard errors

double mean_of(const EndpointSamples& samples) {
  return std::max(samples.latency_sum / static_cast<double>(samples.count), latency_floor);
}

double variance_of(const EndpointSamples& samples) {
  const double mean = mean_of(samples);
  const double count = static_cast<double>(samples.count);
  return std::max(samples.latency_square_sum / count - mean * mean, 0.0);
}

}  // namespace

double LatencyBaseline::of(EndpointId endpoint) const noexcept {
  return endpoint < base_.size() ? base_[endpoint].seconds : 0;
}

Congestion LatencyBaseline::judge(const WindowMerge& window) const {
  double latency = 0, base = 0, variance = 0, weight = 0;  // of sums, not of means
  double doubt = 0;  // variance of `base`, for latencies with CV = 1
  for (const EndpointSamples& samples : window.endpoints()) {
    const double known = of(samples.endpoint);
    if (known <= 0) continue;
    const double count = static_cast<double>(samples.count);
    latency += samples.latency_sum;
    base += count * known;
    doubt += count * known * count * known / std::max(base_[samples.endpoint].evidence, 1.0);
    variance += count * variance_of(samples);
    weight += count;
  }
  Congestion result;
  if (base <= 0 || window.seconds() <= 0) return result;
  result.ratio = latency / base;
  // Little's law: in flight = sum(latency)/T, of which sum(base)/T are served
  // and the rest queues. Equal to Vegas' n (1 - 1/r).
  result.queue = std::max(latency - base, 0.0) / window.seconds();
  result.doubt = std::sqrt(doubt) / window.seconds();
  // Relative variance of the sum, per sample: with one endpoint this is CV^2;
  // rare slow endpoints raise it, because they carry most of the sum.
  result.cv_square = weight * variance / (latency * latency);
  return result;
}

double LatencyBaseline::work_rate(const EndpointRates& rates) const {
  double work = 0;
  for (const EndpointRate& rate : rates) work += rate.rate * of(rate.endpoint);
  return work;
}

/// Averages by the number of samples behind both sides, so that the first
/// probes converge like a mean and later ones still follow a drift.
void LatencyBaseline::Entry::learn(double mean, double count, bool anew) noexcept {
  const double least = least_weight * std::min(1.0, count / learn_samples);
  const double weight = anew ? 1 : std::max(count / (count + evidence), least);
  seconds += weight * (mean - seconds);
  evidence = count / weight;
}

void LatencyBaseline::replace(const WindowMerge& window) {
  for (const EndpointSamples& samples : window.endpoints()) {
    Entry& known = entry(samples.endpoint);
    const bool enough = samples.count >= samples_min;
    known.learn(mean_of(samples), static_cast<double>(samples.count),
                enough || known.evidence <= 0);
    known_ = true;
  }
}

LatencyBaseline::Entry& LatencyBaseline::entry(EndpointId endpoint) {
  if (endpoint >= base_.size()) base_.resize(endpoint + 1);
  return base_[endpoint];
}

void LatencyBaseline::adopt_new(const WindowMerge& window, double ratio) {
  for (const EndpointSamples& samples : window.endpoints()) {
    Entry& known = entry(samples.endpoint);
    if (known.evidence >= learn_samples) continue;
    const double fresh = std::max(mean_of(samples) / std::max(ratio, 1.0), latency_floor);
    known.learn(fresh, static_cast<double>(samples.count), known.evidence <= 0);
    known_ = true;
  }
}

void LatencyBaseline::average(const WindowMerge& window, double memory) {
  for (const EndpointSamples& samples : window.endpoints()) {
    if (of(samples.endpoint) <= 0) continue;
    Entry& known = base_[samples.endpoint];
    const double count = static_cast<double>(samples.count);
    const double weight = std::min(1.0, std::max(count / (count + known.evidence), count / memory));
    known.seconds += weight * (mean_of(samples) - known.seconds);
    known.evidence = std::min(known.evidence + count, memory);
  }
}

void LatencyBaseline::lower(const WindowMerge& window, double weight) {
  for (const EndpointSamples& samples : window.endpoints()) {
    const double known = of(samples.endpoint);
    if (known <= 0 || samples.count < lower_samples_min) continue;
    const double mean = mean_of(samples);
    // The known value is the hypothesis: its own spread is taken as CV = 1 at least.
    const double spread = std::max(std::sqrt(variance_of(samples)), known);
    const double error = spread / std::sqrt(static_cast<double>(samples.count));
    if (known - mean > doubt_errors * error)
      base_[samples.endpoint].seconds += weight * (mean - known);
  }
}

BaselineShift LatencyBaseline::correct(const WindowMerge& window, double errors) {
  BaselineShift shift;
  shift.ratio = known_ ? judge(window).ratio : 1;
  double difference = 0, error_square = 0;
  for (const EndpointSamples& samples : window.endpoints()) {
    const double known = of(samples.endpoint);
    if (known <= 0 || samples.count < samples_min) continue;
    Entry& known_entry = base_[samples.endpoint];
    const double count = static_cast<double>(samples.count);
    const double mean = mean_of(samples);
    difference += count * (mean - known);
    error_square += count * variance_of(samples);
    const double error = std::sqrt(variance_of(samples) / count);
    const bool jump = std::abs(mean - known) > errors * error;
    known_entry.learn(mean, count, jump);
  }
  shift.significant = std::abs(difference) > errors * std::sqrt(error_square);
  adopt_new(window, 1);
  return shift;
}

}  // namespace homeostat::rules
