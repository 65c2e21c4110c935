// The inside of the engine, for its own files.
//
// Thread safety: none.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "rules/engine/conflicts.hpp"
#include "rules/engine/endpoint_slots.hpp"
#include "rules/engine/engine.hpp"
#include "rules/engine/instance.hpp"
#include "rules/engine/rule_runtime.hpp"
#include "rules/engine/trials.hpp"
#include "rules/expr/expression.hpp"
#include "rules/expr/labelled_signals.hpp"
#include "rules/history/window_results.hpp"

namespace homeostat::rules {

using Readings = std::span<const LabelledReading>;

struct Engine::Impl {
  explicit Impl(std::size_t history_bytes) : slots(history_bytes) {}

  RuleSet set;
  Level level = Level::balanced;
  std::vector<RuleRuntime> runtimes;  ///< parallel to set.rules
  EndpointSlots slots;
  SignalValues global{};
  Instant now{};
  Duration gap{};
  bool ticked = false;
  std::vector<Transition> owed;  ///< by a reload, told in the next tick
  SeriesGroup past{first_endpoint_signal, global_history};
  LabelledSignals labelled;
  mutable WindowResults global_windows;
  std::vector<Selector> selectors;
  Trials trials;
  std::vector<TrialSeat> seats;      ///< of this tick's trials
  std::vector<std::size_t> seat_of;  ///< of each entry of TickResult::active
  static constexpr std::size_t no_seat = static_cast<std::size_t>(-1);
  Conflicts conflicts;
  TickResult result;                  ///< of the last tick; written over by the next
  std::size_t active_count = 0;       ///< entries of result.active that belong to this tick
  std::vector<int> priorities;        ///< of each of them
  std::vector<EndpointId> endpoints;  ///< that are known, while actions are settled

  void tick(const Frame& frame, Readings readings);
  void take(const Frame& frame, Readings readings, TickResult& into);
  void start(const Frame& frame);
  void take_endpoints(const Frame& frame, TickResult& into);
  void step_rule(std::size_t index);
  std::optional<Step> leave_if_in(const Rule& rule, std::unique_ptr<Instance>& instance);
  void collect(std::size_t index);
  void pulse(std::size_t index, bool active);
  void occupy_places();
  void act(const TrialSeat& seat);
  void begin_result();
  [[nodiscard]] ActiveAction& next_entry();
  [[nodiscard]] bool seat_admitted(const TrialSeat& seat);
  void observe_trials();
  [[nodiscard]] bool control_spoilt(const TrialSeat& seat) const;
  void settle_actions();
  void reload(RuleSet rules);
  void turn_dry(std::size_t index);
  void retire(const Rule& rule, RuleRuntime& runtime, const std::string& reason);
  void status_of(std::size_t index, std::vector<RuleStatus>& rows) const;
  [[nodiscard]] RuleStatus status_row(const Rule& rule) const;
  [[nodiscard]] RuleStatus status_row(const Rule& rule, const Instance& instance,
                                      const EndpointSlot* slot) const;
  void remembered_effects(std::size_t index, std::vector<RuleStatus>& rows) const;

  [[nodiscard]] bool active_at_level(const Rule& rule) const {
    return rule.every_level || rule.level <= level;
  }
  [[nodiscard]] const EndpointSlot* slot_of(const Rule& rule, std::size_t number) const {
    return rule.scope == Scope::endpoint ? &slots.all()[number] : nullptr;
  }
  [[nodiscard]] Scene scene_of(const EndpointSlot* slot) const {
    if (slot == nullptr) {
      return {&global, nullptr, &past, nullptr, &labelled, &global_windows, nullptr};
    }
    return {&global,         &slot->values,      &past, slot->past.get(), &labelled,
            &global_windows, slot->windows.get()};
  }
  [[nodiscard]] bool is_out(const Rule& rule) const {
    return !rule.enabled || !active_at_level(rule);
  }
  [[nodiscard]] std::string reason_to_be_out(const Rule& rule) const;
  [[nodiscard]] Transition describe(const Rule& rule, const EndpointSlot* slot, Step step) const;
  void emit(std::size_t index, const EndpointSlot* slot, Step step, TickResult& into);
};

}  // namespace homeostat::rules
