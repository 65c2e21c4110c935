#include "rules/laws/window_merge.hpp"

#include <algorithm>

namespace homeostat::rules {

void WindowMerge::add(const LimitWindow& window) {
  const double length = std::chrono::duration<double>(window.length).count();
  if (length <= 0) return;
  seconds_ += length;
  in_flight_area_ += window.in_flight_mean * length;
  limited_area_ += window.limited_share * length;
  for (const EndpointSamples& fresh : window.endpoints) add(fresh);
}

void WindowMerge::add(const WindowMerge& other) {
  seconds_ += other.seconds_;
  in_flight_area_ += other.in_flight_area_;
  limited_area_ += other.limited_area_;
  for (const EndpointSamples& fresh : other.endpoints_) add(fresh);
}

void WindowMerge::add(const EndpointSamples& fresh) {
  if (fresh.count == 0) return;
  const EndpointId id = fresh.endpoint < merge_endpoints_max ? fresh.endpoint : 0;
  if (id >= slot_of_.size()) slot_of_.resize(id + 1, 0);
  if (slot_of_[id] == 0) {
    endpoints_.push_back(EndpointSamples{.endpoint = id, .latency_min = fresh.latency_min});
    slot_of_[id] = static_cast<std::uint32_t>(endpoints_.size());
  }
  EndpointSamples& sum = endpoints_[slot_of_[id] - 1];
  sum.count += fresh.count;
  sum.latency_sum += fresh.latency_sum;
  sum.latency_square_sum += fresh.latency_square_sum;
  sum.latency_min = std::min(sum.latency_min, fresh.latency_min);
  samples_ += fresh.count;
  latency_sum_ += fresh.latency_sum;
}

void WindowMerge::clear() {
  for (const EndpointSamples& endpoint : endpoints_) slot_of_[endpoint.endpoint] = 0;
  endpoints_.clear();
  seconds_ = in_flight_area_ = limited_area_ = latency_sum_ = 0;
  samples_ = 0;
}

EndpointRates rates_of(const WindowMerge& window) {
  EndpointRates rates;
  if (window.seconds() <= 0) return rates;
  for (const EndpointSamples& endpoint : window.endpoints()) {
    rates.push_back({endpoint.endpoint, static_cast<double>(endpoint.count) / window.seconds()});
  }
  return rates;
}

void blend(EndpointRates& rates, const EndpointRates& fresh, double weight) {
  for (EndpointRate& known : rates) known.rate *= 1 - weight;
  for (const EndpointRate& one : fresh) {
    const auto found = std::find_if(rates.begin(), rates.end(), [&](const EndpointRate& known) {
      return known.endpoint == one.endpoint;
    });
    if (found == rates.end()) {
      rates.push_back({one.endpoint, weight * one.rate});
    } else {
      found->rate += weight * one.rate;
    }
  }
}

}  // namespace homeostat::rules
