#include "actors/signal_board.hpp"

#include <algorithm>

#include "actors/admission_loop.hpp"
#include "actors/traffic_signals.hpp"

namespace homeostat::actors {
namespace {

using rules::Quality;
using rules::Reading;
using rules::SignalId;
using rules::SignalValues;

bool is_fresh(Instant at, Instant now, Duration period) {
  return now - at <= stale_periods * period;
}

/// The admission loop reports with the monitors, but while nothing happens only once in a
/// quiet period.
Duration admission_period(Duration monitors) {
  return std::max(monitors, AdmissionLoop::quiet_period);
}

void age(SignalValues& values) {
  for (Reading& reading : values) {
    if (reading.quality == Quality::good) reading.quality = Quality::stale;
  }
}

/// Copies what the source measured; leaves other sources' entries alone.
void merge(const SignalValues& from, SignalValues& into) {
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (from[i].quality != Quality::missing) into[i] = from[i];
  }
}

}  // namespace

void SignalBoard::inject(SignalId signal, double value, Instant now, Duration for_) {
  const auto index = static_cast<std::size_t>(signal);
  if (index >= injections_.size()) return;
  if (for_ <= Duration::zero()) {
    injections_[index].reset();
    return;
  }
  injections_[index] = Injection{value, now + std::min(for_, injection_max)};
}

bool SignalBoard::any_injected() const noexcept {
  return std::any_of(injections_.begin(), injections_.end(),
                     [](const auto& injection) { return injection.has_value(); });
}

std::vector<std::string> SignalBoard::injected() const {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < injections_.size(); ++i) {
    if (injections_[i]) names.emplace_back(rules::signal_info(static_cast<SignalId>(i)).name);
  }
  return names;
}

void SignalBoard::merge_admission(SignalValues& values) const {
  const auto set = [&](SignalId id, double value) {
    values[static_cast<std::size_t>(id)] = {value, admission_->at, Quality::good, "gate"};
  };
  set(SignalId::admission_limit, admission_->limit);
  set(SignalId::admission_in_flight, admission_->in_flight);
  set(SignalId::admission_queue_wait, admission_->queue_wait_p95);
  set(SignalId::admission_reject_ratio, admission_->reject_ratio);
  set(SignalId::admission_critical_reject_ratio, admission_->critical_reject_ratio);
}

std::vector<rules::LabelledReading> SignalBoard::labelled(
    Instant now, Duration period, std::span<const rules::Selector> selectors) const {
  std::vector<rules::LabelledReading> readings;
  if (resources_ && is_fresh(resources_->at, now, period)) readings = resources_->labelled;
  if (fresh_traffic(now, period) != nullptr) objectives_.fill(selectors, traffic_->at, readings);
  return readings;
}

rules::Frame SignalBoard::frame(Instant now, Duration period) {
  rules::Frame frame;
  frame.now = now;
  if (resources_) {
    SignalValues values = resources_->values;
    if (!is_fresh(resources_->at, now, period)) age(values);
    merge(values, frame.global);
  }
  if (traffic_ && traffic_->figures) {
    SignalValues values{};
    fill_traffic_signals(*traffic_->figures, traffic_->at, values);
    if (traffic_->cache_utilization) {
      values[static_cast<std::size_t>(SignalId::cache_utilization)] = {
          *traffic_->cache_utilization, traffic_->at, Quality::good, "cache"};
    }
    frame.endpoints = endpoint_frames(*traffic_->figures, traffic_->at);
    if (!is_fresh(traffic_->at, now, period)) {
      age(values);
      for (rules::EndpointFrame& endpoint : frame.endpoints) age(endpoint.values);
    }
    merge(values, frame.global);
  }
  if (admission_) {
    SignalValues values{};
    merge_admission(values);
    if (!is_fresh(admission_->at, now, admission_period(period))) age(values);
    merge(values, frame.global);
  }
  apply_injections(frame);
  return frame;
}

void SignalBoard::apply_injections(rules::Frame& frame) {
  for (std::size_t i = 0; i < injections_.size(); ++i) {
    if (!injections_[i]) continue;
    if (frame.now >= injections_[i]->until) {
      injections_[i].reset();
      continue;
    }
    const Reading reading{injections_[i]->value, frame.now, Quality::injected, "injected"};
    if (rules::signal_info(static_cast<SignalId>(i)).scope == rules::SignalScope::global) {
      frame.global[i] = reading;
      continue;
    }
    for (rules::EndpointFrame& endpoint : frame.endpoints) endpoint.values[i] = reading;
  }
}

const TrafficReadings* SignalBoard::fresh_traffic(Instant now, Duration period) const {
  return traffic_ && traffic_->figures && is_fresh(traffic_->at, now, period) ? traffic_.get()
                                                                              : nullptr;
}

const AdmissionReadings* SignalBoard::fresh_admission(Instant now, Duration period) const {
  return admission_ && is_fresh(admission_->at, now, admission_period(period)) ? admission_.get()
                                                                               : nullptr;
}

}  // namespace homeostat::actors
