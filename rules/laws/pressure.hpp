// What CPU and memory pressure mean for admission: a ceiling over the limit,
// a freeze of its growth, which classes are shed, and whether connections outlive an answer.
//
// High CPU alone is not overload: a busy upstream whose latency is at its
// baseline is healthy. CPU therefore only counts while requests queue inside
// the upstream. Memory counts by itself. A working set that is high and stays where it
// is may be high by nature (memory_growth.hpp): below `memory_shed_normal` it counts only
// while it grows, or while tasks wait for memory. From there on it always counts: what is
// left is too little to wait and see.
//
// Tightening is immediate, loosening one step per hold (the asymmetry of the
// Kubernetes HPA). A missing measurement is no pressure and lets go by the
// same rules. Pure: time comes in. Thread safety: none; one owner.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "rules/engine/frame.hpp"
#include "rules/laws/memory_growth.hpp"

namespace homeostat::rules {

struct PressureInput {
  Instant now{};
  std::optional<double> cpu;          ///< utilisation of the usable CPUs, 0..1
  std::optional<double> memory;       ///< working set / limit, 0..1
  std::optional<double> memory_full;  ///< PSI memory full that lasts (avg10), 0..1
  bool queueing = false;              ///< LimitDecision::queueing
  std::optional<double> memory_some;  ///< PSI memory some of the last interval, 0..1
};

struct PressureBounds {
  double cpu_freeze = 0.85, cpu_scale = 0.90;
  double memory_freeze = 0.80;       ///< if it grows or stalls
  double memory_shed_low = 0.90;     ///< class 3, if it grows or stalls
  double memory_shed_normal = 0.95;  ///< classes 2 and 3
  double memory_shed_high = 0.98;    ///< all but class 0
  double memory_full_stall = 0.05;   ///< PSI full above this counts as memory_shed_normal
  double memory_some_stall = 0.10;   ///< PSI some above this: what is high is too high
  double margin = 0.05;              ///< a step is left this far below where it was entered
  double steady_margin = 0.01;       ///< the same, of memory that neither grows nor stalls
  Duration hold = std::chrono::seconds(10);
};

inline constexpr std::uint8_t shed_nothing = 255;
inline constexpr double ceiling_factor_min = 0.3;

struct PressureDecision {
  /// Of the configured maximum, not of the present limit: L = min(L, max x
  /// factor). Scaling the limit itself would cut throughput of an upstream
  /// that is merely busy.
  double ceiling_factor = 1;                    ///< ceiling_factor_min..1
  std::uint8_t shed_class_from = shed_nothing;  ///< classes >= this are rejected
  bool freeze_growth = false;
  bool stop_keep_alive = false;  ///< from the second step on: idle connections hold memory
};

/// clamp((1 - cpu) / (1 - scale), 0.3, 1) while queueing, else 1.
[[nodiscard]] double cpu_ceiling(double cpu, bool queueing, double scale) noexcept;

/// 1 below `low`, 0.3 from `high` on, linear between (Envoy's scaled trigger).
[[nodiscard]] double memory_ceiling(double memory, double low, double high) noexcept;

/// The working set, or the step a stalled memory (PSI) stands for.
[[nodiscard]] double effective_memory(const PressureInput& input,
                                      const PressureBounds& bounds) noexcept;

/// L = min(law's limit, configured maximum x ceiling factor), at least 1.
[[nodiscard]] inline double limit_under(double limit, double limit_max,
                                        const PressureDecision& pressure) noexcept {
  return std::max(1.0, std::min(limit, limit_max * pressure.ceiling_factor));
}

class PressureLadder {
 public:
  explicit PressureLadder(PressureBounds bounds = {}) : bounds_(bounds) {}

  PressureDecision update(const PressureInput& input) noexcept;
  /// From the next update on.
  void set_cpu_freeze(double utilization) noexcept { bounds_.cpu_freeze = utilization; }
  [[nodiscard]] const PressureDecision& current() const noexcept { return decision_; }

 private:
  /// 0 = none, 1 = class 3 shed, 2 = classes 2..3, 3 = classes 1..3.
  [[nodiscard]] unsigned step_at(double memory) const noexcept;
  void move_step(Instant now, double memory) noexcept;
  [[nodiscard]] bool grows_or_stalls(const PressureInput& input) noexcept;

  PressureBounds bounds_;
  PressureDecision decision_;
  unsigned step_ = 0;
  std::optional<Instant> calm_since_;  ///< memory below the step's leaving point
  bool cpu_frozen_ = false, memory_frozen_ = false;
  MemoryGrowth growth_;
  bool alarming_ = false;  ///< memory grows or stalls
};

}  // namespace homeostat::rules
