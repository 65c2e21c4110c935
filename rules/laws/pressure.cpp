#include "rules/laws/pressure.hpp"

namespace homeostat::rules {

double cpu_ceiling(double cpu, bool queueing, double scale) noexcept {
  if (!queueing || scale >= 1) return 1;
  return std::clamp((1 - cpu) / (1 - scale), ceiling_factor_min, 1.0);
}

double memory_ceiling(double memory, double low, double high) noexcept {
  if (memory <= low) return 1;
  if (memory >= high) return ceiling_factor_min;
  return 1 - (1 - ceiling_factor_min) * (memory - low) / (high - low);
}

double effective_memory(const PressureInput& input, const PressureBounds& bounds) noexcept {
  const double memory = input.memory.value_or(0);
  const bool stalled = input.memory_full.value_or(0) > bounds.memory_full_stall;
  return stalled ? std::max(memory, bounds.memory_shed_normal) : memory;
}

unsigned PressureLadder::step_at(double memory) const noexcept {
  if (memory >= bounds_.memory_shed_high) return 3;
  if (memory >= bounds_.memory_shed_normal) return 2;
  if (memory >= bounds_.memory_shed_low && alarming_) return 1;
  return 0;
}

bool PressureLadder::grows_or_stalls(const PressureInput& input) noexcept {
  const bool grows = input.memory && growth_.update(input.now, *input.memory);
  return grows || input.memory_some.value_or(0) > bounds_.memory_some_stall;
}

void PressureLadder::move_step(Instant now, double memory) noexcept {
  const unsigned entered = step_at(memory);
  if (entered >= step_) {
    step_ = entered;
    calm_since_.reset();
    return;
  }
  const double margin = alarming_ ? bounds_.margin : bounds_.steady_margin;
  if (step_at(memory + margin) >= step_) {  // inside the margin: stay
    calm_since_.reset();
    return;
  }
  if (!calm_since_) calm_since_ = now;
  if (now - *calm_since_ < bounds_.hold) return;
  --step_;
  calm_since_ = now;  // the next step needs its own hold
}

PressureDecision PressureLadder::update(const PressureInput& input) noexcept {
  const double memory = effective_memory(input, bounds_);
  const double cpu = input.cpu.value_or(0);
  alarming_ = grows_or_stalls(input);
  move_step(input.now, memory);
  const auto frozen = [&](double value, double bound, bool before) {
    return value >= (before ? bound - bounds_.margin : bound);
  };
  cpu_frozen_ = input.queueing && frozen(cpu, bounds_.cpu_freeze, cpu_frozen_);
  memory_frozen_ = alarming_ && frozen(memory, bounds_.memory_freeze, memory_frozen_);
  decision_.freeze_growth = cpu_frozen_ || memory_frozen_ || step_ > 0;
  decision_.shed_class_from = step_ == 0 ? shed_nothing : static_cast<std::uint8_t>(4 - step_);
  decision_.stop_keep_alive = step_ >= 2;
  decision_.ceiling_factor = std::max(
      ceiling_factor_min, cpu_ceiling(cpu, input.queueing, bounds_.cpu_scale) *
                              memory_ceiling(step_ == 0 ? 0 : memory, bounds_.memory_shed_low,
                                             bounds_.memory_shed_high));
  return decision_;
}

}  // namespace homeostat::rules
