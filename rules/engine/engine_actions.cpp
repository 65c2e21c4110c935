// From active rules to what should be in force.
#include <utility>

#include "rules/engine/engine_impl.hpp"

namespace homeostat::rules {

/// Empty, with the memory of the tick before: an action that stays in force is written over
/// itself.
void Engine::Impl::begin_result() {
  result.transitions.clear();
  result.trials.clear();
  result.off_phases.clear();
  result.triggers = 0;
  Outcome& outcome = result.outcome;
  outcome.endpoints.clear();
  outcome.release_now.clear();
  outcome.throttle_to = outcome.shrink_cache_to = 1;
  outcome.emergency = false;
  active_count = 0;
  priorities.clear();
}

ActiveAction& Engine::Impl::next_entry() {
  if (active_count == result.active.size()) result.active.emplace_back();
  ActiveAction& entry = result.active[active_count++];
  entry.endpoint.reset();
  entry.endpoint_name.clear();
  entry.overruled = entry.measured = false;
  entry.overruled_by.clear();
  entry.share = 1;
  entry.trial.reset();
  return entry;
}

void Engine::Impl::collect(std::size_t index) {
  const Rule& rule = set.rules[index];
  if (rule.dry_run) return;
  bool active = false;
  for (std::size_t i = 0; i < runtimes[index].instances.size(); ++i) {
    const auto& instance = runtimes[index].instances[i];
    if (!instance || !is_active(instance->state)) continue;
    active = true;
    act({&rule, instance.get(), slot_of(rule, i)});
  }
  pulse(index, active);
}

/// Whether the actions of a trial's activation are in force in this tick.
bool Engine::Impl::seat_admitted(const TrialSeat& seat) {
  bool began = false;
  const bool admitted = trials.admits(seat, now, began);
  if (began) result.trials.push_back(trial_step(seat));
  return admitted;
}

void Engine::Impl::act(const TrialSeat& seat) {
  const bool on_trial = has_trial(*seat.rule);
  const bool admitted = !on_trial || seat_admitted(seat);
  if (on_trial && seat.instance->trial) {
    seats.push_back(seat);
    if (!admitted && seat.instance->trial->alternates()) {
      result.off_phases.emplace_back(seat.rule->name,
                                     seat.slot != nullptr ? seat.slot->name : std::string());
    }
  }
  for (const Action& action : seat.rule->then) {
    const bool tried = on_trial && can_alternate(action);
    if (tried && !admitted) continue;
    ActiveAction& entry = next_entry();
    entry.rule = seat.rule->name;
    if (seat.slot != nullptr) {
      entry.endpoint = seat.slot->id;
      entry.endpoint_name = seat.slot->name;
    }
    entry.action = action;
    entry.since = seat.instance->active_since;
    entry.reason = seat.instance->reason;
    if (tried) {
      entry.share = seat.instance->trial->share();
      entry.measured = seat.instance->trial->measures();
      entry.trial = seat.instance->trial->report();
    }
    priorities.push_back(seat.rule->priority);
    seat_of.push_back(tried ? seats.size() - 1 : no_seat);
  }
}

void Engine::Impl::occupy_places() {
  trials.begin_tick();
  seats.clear();
  seat_of.clear();
  for (std::size_t r = 0; r < set.rules.size(); ++r) {
    if (!has_trial(set.rules[r]) || set.rules[r].dry_run) continue;
    for (std::size_t i = 0; i < runtimes[r].instances.size(); ++i) {
      const auto& instance = runtimes[r].instances[i];
      if (instance) trials.occupy({&set.rules[r], instance.get(), slot_of(set.rules[r], i)});
    }
  }
}

/// Whether another rule acts on an actuator that a trial turns on and off: its
/// off phases are then not without.
bool Engine::Impl::control_spoilt(const TrialSeat& seat) const {
  const Instance& instance = *seat.instance;
  if (!instance.trial || !instance.trial->alternates()) return false;
  const auto& own = seat.rule->then;
  return std::ranges::any_of(result.active, [&](const ActiveAction& entry) {
    const bool elsewhere = entry.endpoint && seat.slot != nullptr &&
                           *entry.endpoint != seat.slot->id &&
                           !std::holds_alternative<Throttle>(entry.action);
    const bool itself =
        entry.rule == seat.rule->name &&
        entry.endpoint == (seat.slot != nullptr ? std::optional(seat.slot->id) : std::nullopt);
    if (itself || elsewhere || !can_alternate(entry.action)) return false;
    return std::ranges::any_of(
        own, [&](const Action& action) { return action.index() == entry.action.index(); });
  });
}

void Engine::Impl::observe_trials() {
  for (std::size_t i = 0; i < result.active.size(); ++i) {
    if (seat_of[i] != no_seat && result.active[i].overruled) seats[seat_of[i]].paused = true;
  }
  for (TrialSeat& seat : seats) {
    seat.paused = seat.paused || control_spoilt(seat);
    if (auto step = trials.observe(seat, global, now)) result.trials.push_back(std::move(*step));
  }
}

void Engine::Impl::settle_actions() {
  result.active.resize(active_count);
  // What a burst of actions took is not kept for ever.
  constexpr std::size_t spare_max = 1024;
  if (result.active.capacity() > spare_max + 4 * active_count) result.active.shrink_to_fit();
  if (result.active.empty()) return;
  endpoints.clear();
  for (const EndpointSlot& slot : slots.all()) {
    if (slot.used) endpoints.push_back(slot.id);
  }
  conflicts.settle({result.active, priorities, endpoints}, result.outcome);
}

void Engine::Impl::pulse(std::size_t index, bool active) {
  const Rule& rule = set.rules[index];
  for (std::size_t i = 0; i < rule.then.size(); ++i) {
    const auto* release = std::get_if<ReleaseMemory>(&rule.then[i]);
    if (release == nullptr) continue;
    Pulse& timer = runtimes[index].pulses[i];
    if (!active) {
      timer.stop();
    } else if (timer.due(now, release->every)) {
      result.outcome.release_now.push_back({rule.name, *release});
    }
  }
}

}  // namespace homeostat::rules
