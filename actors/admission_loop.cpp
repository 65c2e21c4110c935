#include "actors/admission_loop.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "actors/signal_board.hpp"

namespace homeostat::actors {
namespace {

using config::LoopMode;
using rules::SignalId;

/// Beyond these the machine itself is about to fail.
constexpr double cpu_danger = 0.98;
constexpr double memory_danger = 0.95;

bool is_busy(const GateFigures& figures) {
  return figures.admitted + figures.rejected + figures.queued > 0 || figures.queue_length > 0 ||
         figures.window.in_flight_mean > 0;
}

}  // namespace

rules::LimitBounds AdmissionLoop::bounds_of(const config::AdmissionSettings& settings,
                                            double limit) {
  rules::LimitBounds bounds{settings.limit_initial, settings.limit_min, settings.limit_max};
  if (limit > 0) bounds.initial = std::clamp(limit, bounds.min, std::max(bounds.min, bounds.max));
  return bounds;
}

AdmissionLoop::AdmissionLoop(Shared<config::Settings> settings, Instant now, double resume_limit)
    : settings_(std::move(settings)),
      law_(bounds_of(settings_->admission, resume_limit)),
      limit_(law_.limit()),
      profile_(rules::admission_profile(rules::Level::balanced, settings_->admission.max_wait)),
      last_busy_(now) {}

void AdmissionLoop::reload(Shared<config::Settings> settings) {
  const rules::LimitBounds before = bounds_of(settings_->admission);
  settings_ = std::move(settings);
  const rules::LimitBounds bounds = bounds_of(settings_->admission);
  if (bounds.initial == before.initial && bounds.min == before.min && bounds.max == before.max) {
    return;
  }
  law_ = rules::ConcurrencyLimit(bounds_of(settings_->admission, law_.limit()));
}

const Directive* AdmissionLoop::current_directive(Instant now) const {
  const bool current = directive_ && now - directive_->at <= settings_->optimization.policy_lease;
  return current ? directive_.get() : nullptr;
}

std::optional<double> AdmissionLoop::resource(SignalId id, Instant now) const {
  if (!resources_ || now - resources_->at > stale_periods * settings_->monitor.interval) {
    return std::nullopt;
  }
  const rules::Reading& reading = resources_->values[static_cast<std::size_t>(id)];
  return reading.usable() ? std::optional(reading.value) : std::nullopt;
}

bool AdmissionLoop::in_danger(const GateFigures& figures, Instant now) const {
  return figures.queue_standing >= standing_danger ||
         resource(SignalId::cpu_utilization, now).value_or(0) >= cpu_danger ||
         resource(SignalId::memory_utilization, now).value_or(0) >= memory_danger;
}

rules::PressureInput AdmissionLoop::pressure_input(bool queueing, Instant now) const {
  return {now,
          resource(SignalId::cpu_utilization, now),
          resource(SignalId::memory_utilization, now),
          resource(SignalId::memory_full_pressure, now),
          queueing,
          resource(SignalId::memory_pressure, now)};
}

std::uint8_t AdmissionLoop::shed_from(const GateFigures& figures, bool ranked, Instant now) {
  const Directive* directive = current_directive(now);
  const bool emergency = directive != nullptr && directive->emergency;
  const bool danger = in_danger(figures, now);
  return std::min(shedding_.update({now, emergency, danger, ranked}),
                  pressure_.current().shed_class_from);
}

rules::Level AdmissionLoop::follow_level(Instant now) {
  const Directive* directive = current_directive(now);
  const rules::Level level = directive != nullptr ? directive->waits : rules::Level::balanced;
  profile_ = rules::admission_profile(level, settings_->admission.max_wait);
  pressure_.set_cpu_freeze(profile_.cpu_freeze);
  return level;
}

AdmissionPolicy AdmissionLoop::decide(const GateFigures& figures, Instant now) {
  AdmissionPolicy policy;
  policy.level = follow_level(now);
  rules::LimitWindow window = figures.window;
  window.freeze_growth = pressure_.current().freeze_growth;
  window.observing = settings_->admission.mode == LoopMode::shadow;
  rules::LimitDecision decision = law_.update(window);
  const rules::PressureDecision& pressure =
      pressure_.update(pressure_input(decision.queueing, now));
  limit_ = rules::limit_under(decision.limit, settings_->admission.limit_max, pressure);
  reason_ = std::move(decision.reason);

  policy.limit = limit_;
  double ceiling = 1;
  if (const Directive* directive = current_directive(now)) {
    ceiling = std::clamp(directive->outcome.throttle_to, ceiling_min, 1.0);
  }
  const auto& priorities = settings_->admission.priorities;
  const bool ranked = std::any_of(priorities.begin(), priorities.end(), [](const auto& rule) {
    return rule.priority_class < ClassShedding::normal_class;
  });
  policy.shed_class_from = shed_from(figures, ranked, now);
  if (!ranked && policy.shed_class_from < ClassShedding::low_class) {
    policy.shed_class_from = ClassShedding::low_class;
    ceiling = std::min(ceiling, unranked_ceiling);
  }
  policy.ceiling_factor = ceiling_.towards(ceiling, now);
  policy.stop_keep_alive = pressure.stop_keep_alive && settings_->admission.mode == LoopMode::on;
  explain_pressure(policy);
  return policy;
}

void AdmissionLoop::explain_pressure(const AdmissionPolicy& policy) {
  const rules::PressureDecision& pressure = pressure_.current();
  if (pressure.ceiling_factor < 1) {
    reason_ +=
        fmt::format("; pressure: at most {:.0f}% of limit_max", pressure.ceiling_factor * 100);
  }
  if (pressure.freeze_growth) reason_ += "; growth frozen";
  if (pressure.stop_keep_alive) reason_ += "; no keep-alive";
  if (policy.ceiling_factor < 1) {
    reason_ += fmt::format("; throttled to {:.0f}%", policy.ceiling_factor * 100);
  }
  if (policy.shed_class_from != ClassShedding::nothing) {
    reason_ += fmt::format("; shedding class {} and below", policy.shed_class_from);
  }
}

void AdmissionLoop::add_up(const GateFigures& figures) {
  const double seconds = std::chrono::duration<double>(figures.window.length).count();
  sums_.admitted += figures.admitted;
  sums_.rejected += figures.rejected;
  sums_.critical_admitted += figures.critical_admitted;
  sums_.critical_rejected += figures.critical_rejected;
  sums_.queue_wait_p95 = std::max(sums_.queue_wait_p95, figures.queue_wait_p95);
  sums_.in_flight_seconds += figures.window.in_flight_mean * seconds;
  sums_.seconds += seconds;
}

Shared<AdmissionReadings> AdmissionLoop::readings(const GateFigures& figures, Instant now) {
  // Rule ticks are slower than this loop: one message per monitor interval.
  if (reported_at_ && now - *reported_at_ < settings_->monitor.interval) return nullptr;
  reported_at_ = now;
  auto readings = std::make_shared<AdmissionReadings>();
  readings->at = now;
  readings->limit = limit_;
  readings->reason = reason_;
  readings->offered = sums_.admitted + sums_.rejected;
  readings->queue_wait_p95 = sums_.queue_wait_p95;
  readings->queue_standing = figures.queue_standing;
  readings->profile = profile_;
  if (sums_.seconds > 0) readings->in_flight = sums_.in_flight_seconds / sums_.seconds;
  readings->reject_ratio = reject_share_.update({now, readings->offered, sums_.rejected});
  readings->critical_reject_ratio = critical_reject_share_.update(
      {now, sums_.critical_admitted + sums_.critical_rejected, sums_.critical_rejected});
  sums_ = {};
  return readings;
}

AdmissionLoop::Step AdmissionLoop::step(const GateFigures& figures, Instant now) {
  Step step;
  if (is_busy(figures)) last_busy_ = now;
  if (now - last_busy_ > quiet_after) step.next_period = quiet_period;
  const LoopMode mode = settings_->admission.mode;
  if (mode != LoopMode::off) {
    // In shadow, too: the gate refuses nobody, and counts by what is published.
    step.policy = decide(figures, now);
    if (mode == LoopMode::shadow) reason_.insert(0, "shadow: ");
  } else {
    reason_ = "off";
  }
  add_up(figures);
  step.readings = readings(figures, now);
  return step;
}

}  // namespace homeostat::actors
