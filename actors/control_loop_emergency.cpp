// Emergency mode in the control loop: what it is told, and what follows.
#include <fmt/core.h>

#include <utility>
#include <variant>

#include "actors/control_loop.hpp"

namespace homeostat::actors {
namespace {

using config::LoopMode;
using rules::EmergencyEvent;
using rules::SignalId;

double usable_or(const rules::Reading& reading, double otherwise) {
  return reading.usable() ? reading.value : otherwise;
}

std::string demanded_by_rules(const std::vector<rules::ActiveAction>& active) {
  std::string reason;
  for (const rules::ActiveAction& action : active) {
    if (!std::holds_alternative<rules::EnterEmergency>(action.action)) continue;
    if (!reason.empty()) reason += "; ";
    reason += fmt::format("rule {}: {}", subject(action.rule, action.endpoint_name), action.reason);
    if (reason.size() > 500) break;  // enough to explain; every rule is in the report
  }
  return reason;
}

}  // namespace

rules::EmergencyInput ControlLoop::emergency_input(const Now& now) const {
  const Duration period = settings_->monitor.interval;
  rules::EmergencyInput input;
  input.now = now.at;
  input.operator_demands = panic_.has_value();
  input.operator_reason = panic_.value_or("");
  if (mode() == LoopMode::off) return input;
  input.rule_demands = now.result->outcome.emergency;
  if (input.rule_demands) input.rule_reason = demanded_by_rules(now.result->active);
  input.memory_utilization = usable_or(now.frame[SignalId::memory_utilization], 0);
  input.memory_full_pressure = usable_or(now.frame[SignalId::memory_full_pressure], 0);
  const TrafficReadings* traffic = signals_.fresh_traffic(now.at, period);
  const rules::Reading& errors = now.frame[SignalId::upstream_error_ratio];
  if (errors.quality == rules::Quality::injected) {
    input.success_ratio = 1 - errors.value;
  } else if (traffic != nullptr && traffic->figures->upstream_known &&
             traffic->figures->upstream_requests >= success_samples_min) {
    input.success_ratio = 1 - traffic->figures->upstream_error_ratio;
  }
  if (const AdmissionReadings* admission = signals_.fresh_admission(now.at, period)) {
    input.queue_standing = admission->queue_standing;
    // The frame's value, so that an injection reaches the emergency as well.
    input.critical_reject_ratio =
        usable_or(now.frame[SignalId::admission_critical_reject_ratio], 0);
  }
  return input;
}

bool ControlLoop::emergency_acts() const noexcept {
  return emergency_.active() && (mode() == LoopMode::on || panic_.has_value());
}

std::string ControlLoop::emergency_reason() const {
  if (mode() == LoopMode::on || !panic_) return emergency_.reason();
  return panic_->empty() ? "panic switch" : "panic switch: " + *panic_;
}

void ControlLoop::note_emergency(const Now& now, EmergencyEvent event, bool acted) {
  const bool acts = emergency_acts();
  // In shadow the panic switch may take over an emergency that was computed, and give it back.
  const bool turned = event == EmergencyEvent::none && acts != acted;
  if (event == EmergencyEvent::none && !turned) return;
  const bool entered = turned ? acts : event == EmergencyEvent::entered;
  const bool shadow = !acts && !acted;
  const std::string reason = turned && !acts ? "the panic switch was let go" : emergency_reason();
  if (entered) {
    log(LogLevel::error,
        fmt::format("emergency mode entered{}: {}", shadow ? " (shadow, no action)" : "", reason));
  } else {
    log(LogLevel::warning, fmt::format("emergency mode left: {}", reason));
  }
  diary_.emergency(entered, reason, shadow, emergency_injected_, now.wall);
}

void ControlLoop::update_emergency(const Now& now) {
  if (emergency_.active() && last_tick_) {
    emergency_seconds_ += std::chrono::duration<double>(now.at - *last_tick_).count();
  }
  const EmergencyEvent event = emergency_.update(emergency_input(now));
  if (event == EmergencyEvent::entered) {
    ++emergencies_;
    emergency_wall_ = now.wall;
    emergency_injected_ = signals_.any_injected() && !panic_;
  }
  note_emergency(now, event, std::exchange(emergency_acted_, emergency_acts()));
}

}  // namespace homeostat::actors
