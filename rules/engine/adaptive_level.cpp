#include "rules/engine/adaptive_level.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace homeostat::rules {
namespace {

/// A signal and the value at which it counts as exhausted.
struct Scale {
  SignalId signal;
  double full;
  const char* name;
};

constexpr std::array scales = {
    Scale{SignalId::cpu_utilization, 1.0, "cpu.utilization"},
    Scale{SignalId::memory_utilization, 1.0, "memory.utilization"},
    Scale{SignalId::cpu_pressure, 0.5, "cpu.pressure"},
    Scale{SignalId::memory_pressure, 0.2, "memory.pressure"},
    Scale{SignalId::admission_reject_ratio, 0.2, "admission.reject_ratio"},
    Scale{SignalId::admission_queue_wait, 1.0, "admission.queue_wait"},
    Scale{SignalId::traffic_error_ratio, 0.2, "traffic.error_ratio"},
};

constexpr double burn_full = 14.4;

std::string explain(const Pressure& pressure, const char* relation, double threshold,
                    Duration after) {
  char text[160];
  std::snprintf(text, sizeof text, "%s: pressure %.2f %s %.2f for %lds", pressure.signal,
                pressure.value, relation, threshold,
                static_cast<long>(std::chrono::duration_cast<std::chrono::seconds>(after).count()));
  return text;
}

}  // namespace

std::optional<Pressure> pressure_of(const SignalValues& values, double objective_burn) {
  std::optional<Pressure> worst;
  for (const Scale& scale : scales) {
    const Reading& reading = values[static_cast<std::size_t>(scale.signal)];
    if (!reading.usable()) continue;
    const double value = std::clamp(reading.value / scale.full, 0.0, 1.0);
    if (!worst || value > worst->value) worst = Pressure{value, scale.name};
  }
  const double burn = std::clamp(objective_burn / burn_full, 0.0, 1.0);
  if (burn > 0 && (!worst || burn > worst->value)) worst = Pressure{burn, "slo.burn"};
  return worst;
}

LevelMove AdaptiveLevel::move_to(Level next, std::string reason) {
  high_since_.reset();
  low_since_.reset();
  return {std::exchange(level_, next), next, std::move(reason)};
}

std::optional<LevelMove> AdaptiveLevel::consider_raise(const Pressure& pressure, Instant now) {
  const bool lowest = level_ == Level::conservative;
  const double threshold = lowest ? bounds_.balanced_raise_at : bounds_.aggressive_raise_at;
  if (level_ == Level::aggressive || pressure.value < threshold) {
    high_since_.reset();
    return std::nullopt;
  }
  if (!high_since_) high_since_ = now;
  if (now - *high_since_ < bounds_.raise_after) return std::nullopt;
  if (lowered_at_ && now - *lowered_at_ <= bounds_.relapse_within) {
    patience_ = std::min(patience_ * 2, bounds_.lower_after_max);
    lowered_at_.reset();
  }
  return move_to(lowest ? Level::balanced : Level::aggressive,
                 explain(pressure, ">=", threshold, bounds_.raise_after));
}

std::optional<LevelMove> AdaptiveLevel::consider_lower(const Pressure& pressure, Instant now) {
  const bool highest = level_ == Level::aggressive;
  const double threshold = highest ? bounds_.aggressive_lower_at : bounds_.balanced_lower_at;
  if (level_ == Level::conservative || pressure.value >= threshold) {
    low_since_.reset();
    return std::nullopt;
  }
  if (!low_since_) low_since_ = now;
  if (now - *low_since_ < patience_) return std::nullopt;
  lowered_at_ = now;
  return move_to(highest ? Level::balanced : Level::conservative,
                 explain(pressure, "<", threshold, patience_));
}

std::optional<LevelMove> AdaptiveLevel::update(const std::optional<Pressure>& pressure,
                                               Instant now) {
  // Without a measurement nothing is proven in either direction.
  if (!pressure) {
    high_since_.reset();
    low_since_.reset();
    return std::nullopt;
  }
  if (lowered_at_ && now - *lowered_at_ > std::max(bounds_.relapse_within, patience_)) {
    patience_ = bounds_.lower_after;
    lowered_at_.reset();
  }
  if (auto move = consider_raise(*pressure, now)) return move;
  return consider_lower(*pressure, now);
}

}  // namespace homeostat::rules
