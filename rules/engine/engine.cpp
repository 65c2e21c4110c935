#include "rules/engine/engine.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "rules/engine/engine_impl.hpp"
#include "rules/engine/rule_definition.hpp"
#include "rules/engine/rule_override.hpp"

namespace homeostat::rules {
std::string_view to_string(RuleState state) noexcept {
  switch (state) {
    case RuleState::inactive: return "inactive";
    case RuleState::pending: return "pending";
    case RuleState::firing: return "firing";
    case RuleState::holding: return "holding";
  }
  return "?";
}

std::string Engine::Impl::reason_to_be_out(const Rule& rule) const {
  if (!rule.enabled) return "the rule was disabled";
  return "the level is " + std::string(to_string(level)) + ", the rule needs " +
         std::string(to_string(rule.level));
}

Transition Engine::Impl::describe(const Rule& rule, const EndpointSlot* slot, Step step) const {
  Transition transition;
  transition.rule = rule.name;
  if (slot != nullptr) {
    transition.endpoint = slot->id;
    transition.endpoint_name = slot->name;
  }
  transition.from = step.from;
  transition.to = step.to;
  transition.at = now;
  transition.reason = std::move(step.reason);
  transition.dry_run = rule.dry_run;
  return transition;
}

void Engine::Impl::emit(std::size_t index, const EndpointSlot* slot, Step step, TickResult& into) {
  const Rule& rule = set.rules[index];
  RuleRuntime& runtime = runtimes[index];
  if (step.to == RuleState::inactive) runtime.inactive_since = now;
  if (step.to == RuleState::firing && !is_active(step.from) && !rule.dry_run) ++into.triggers;
  const Scene scene = scene_of(slot);
  Transition transition = describe(rule, slot, std::move(step));
  transition.injected = reads_injected(*rule.when, scene) || reads_injected(*runtime.until, scene);
  into.transitions.push_back(std::move(transition));
}

void Engine::Impl::start(const Frame& frame) {
  // A clock that went backwards would stretch every timer; stand still instead.
  const Instant next = ticked ? std::max(now, frame.now) : frame.now;
  gap = ticked ? next - now : Duration::zero();
  now = next;
  global = frame.global;
  if (ticked) return;
  ticked = true;
  for (RuleRuntime& runtime : runtimes) runtime.inactive_since = now;
}

void Engine::Impl::take_endpoints(const Frame& frame, TickResult& into) {
  for (const std::size_t gone : slots.update(frame, now)) {
    const EndpointSlot& slot = slots.all()[gone];
    for (std::size_t i = 0; i < set.rules.size(); ++i) {
      if (set.rules[i].scope != Scope::endpoint) continue;
      auto& instance = runtimes[i].instances[gone];
      if (auto step = force_out(set.rules[i], instance, now, "the endpoint is gone")) {
        emit(i, &slot, std::move(*step), into);
      }
      instance.reset();
    }
    slots.free(gone);
  }
  slots.place_new(frame, now);
  for (std::size_t i = 0; i < set.rules.size(); ++i) {
    if (set.rules[i].scope == Scope::endpoint) runtimes[i].instances.resize(slots.all().size());
  }
}

/// Without a text for those that are not in: this runs each tick.
std::optional<Step> Engine::Impl::leave_if_in(const Rule& rule,
                                              std::unique_ptr<Instance>& instance) {
  const bool in = instance->state != RuleState::inactive;
  return force_out(rule, instance, now, in ? reason_to_be_out(rule) : std::string());
}

void Engine::Impl::step_rule(std::size_t index) {
  const Rule& rule = set.rules[index];
  RuleRuntime& runtime = runtimes[index];
  const bool out = is_out(rule);
  for (std::size_t i = 0; i < runtime.instances.size(); ++i) {
    auto& instance = runtime.instances[i];
    const EndpointSlot* slot = slot_of(rule, i);
    if (slot != nullptr && !slot->used) continue;
    if (out && !instance) continue;
    // An endpoint out of sight starts nothing new, not even with no_data: fire.
    const CheckedRule checked{rule, *runtime.until, slot == nullptr || slot->seen};
    auto step =
        out ? leave_if_in(rule, instance) : advance(checked, instance, scene_of(slot), now, gap);
    if (step) emit(index, slot, std::move(*step), result);
  }
}

void Engine::Impl::take(const Frame& frame, Readings readings, TickResult& into) {
  start(frame);
  for (Transition& transition : owed) {
    transition.at = now;
    into.transitions.push_back(std::move(transition));
  }
  owed.clear();
  take_endpoints(frame, into);
  past.push(now, global);
  global_windows.advance();
  labelled.take(now, readings);
  slots.remember(now);
}

void Engine::Impl::tick(const Frame& frame, Readings readings) {
  begin_result();
  take(frame, readings, result);
  for (std::size_t i = 0; i < set.rules.size(); ++i) step_rule(i);
  occupy_places();
  for (std::size_t i = 0; i < set.rules.size(); ++i) collect(i);
  settle_actions();
  observe_trials();
}

void Engine::Impl::retire(const Rule& rule, RuleRuntime& runtime, const std::string& reason) {
  for (std::size_t i = 0; i < runtime.instances.size(); ++i) {
    auto step = force_out(rule, runtime.instances[i], now, reason);
    if (step) owed.push_back(describe(rule, slot_of(rule, i), std::move(*step)));
  }
}

void Engine::Impl::reload(RuleSet rules) {
  require_valid(rules);
  std::vector<RuleRuntime> fresh;
  fresh.reserve(rules.rules.size());
  for (const Rule& rule : rules.rules) {
    const auto same = std::ranges::find_if(
        set.rules, [&rule](const Rule& old) { return same_definition(old, rule); });
    if (same != set.rules.end()) {
      fresh.push_back(std::move(runtimes[static_cast<std::size_t>(same - set.rules.begin())]));
      continue;
    }
    fresh.push_back(make_runtime(rule));
    fresh.back().inactive_since = now;
  }
  // Kept runtimes were moved from and have no instances left to retire.
  for (std::size_t i = 0; i < set.rules.size(); ++i) {
    const bool changed = std::ranges::any_of(
        rules.rules, [&](const Rule& rule) { return rule.name == set.rules[i].name; });
    retire(set.rules[i], runtimes[i],
           changed ? "the rule was changed by a reload" : "the rule was removed by a reload");
  }
  set = std::move(rules);
  runtimes = std::move(fresh);
  selectors = selectors_of(set);
  labelled.want(selectors);
}

RuleStatus Engine::Impl::status_row(const Rule& rule) const {
  RuleStatus row;
  row.rule = rule.name;
  row.enabled = rule.enabled;
  row.active_at_level = active_at_level(rule);
  row.dry_run = rule.dry_run;
  row.hold = rule.hold;
  return row;
}

RuleStatus Engine::Impl::status_row(const Rule& rule, const Instance& instance,
                                    const EndpointSlot* slot) const {
  RuleStatus row = status_row(rule);
  if (slot != nullptr) {
    row.endpoint = slot->id;
    row.endpoint_name = slot->name;
  }
  row.state = instance.state;
  row.since = instance.since;
  row.hold = instance.relapse.hold(hold_terms(rule));
  if (is_active(instance.state) && !rule.dry_run) row.trial = trial_report(rule, instance);
  row.last_effect = instance.last_effect;
  if (instance.retry_at > now) row.retry_at = instance.retry_at;
  row.pending_clock = instance.pending_clock;
  if (instance.cooldown_until > now) row.cooldown_until = instance.cooldown_until;
  return row;
}

/// Newest first: these are shown because somebody will ask what became of them.
void Engine::Impl::remembered_effects(std::size_t index, std::vector<RuleStatus>& rows) const {
  const Rule& rule = set.rules[index];
  const auto& instances = runtimes[index].instances;
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < instances.size(); ++i) {
    const auto& instance = instances[i];
    if (instance && instance->state == RuleState::inactive && instance->last_effect) {
      found.push_back(i);
    }
  }
  std::ranges::sort(found, [&](std::size_t a, std::size_t b) {
    return std::tuple(instances[b]->last_effect->at, a) <
           std::tuple(instances[a]->last_effect->at, b);
  });
  if (found.size() > last_effects_max) found.resize(last_effects_max);
  for (const std::size_t i : found) {
    rows.push_back(status_row(rule, *instances[i], slot_of(rule, i)));
    rows.back().values = rule.when->explain_values(scene_of(slot_of(rule, i)));
  }
}

void Engine::Impl::status_of(std::size_t index, std::vector<RuleStatus>& rows) const {
  const Rule& rule = set.rules[index];
  const RuleRuntime& runtime = runtimes[index];
  const std::size_t before = rows.size();
  for (std::size_t i = 0; i < runtime.instances.size(); ++i) {
    const auto& instance = runtime.instances[i];
    if (!instance || instance->state == RuleState::inactive) continue;
    const EndpointSlot* slot = slot_of(rule, i);
    RuleStatus live = status_row(rule, *instance, slot);
    live.values = rule.when->explain_values(scene_of(slot));
    rows.push_back(std::move(live));
  }
  if (rule.effect) remembered_effects(index, rows);
  if (rows.size() > before) return;
  RuleStatus row = status_row(rule);
  row.since = runtime.inactive_since;
  if (rule.scope == Scope::global && runtime.instances.front() &&
      runtime.instances.front()->cooldown_until > now) {
    row.cooldown_until = runtime.instances.front()->cooldown_until;
  }
  if (!rule.when->reads_endpoint()) row.values = rule.when->explain_values(scene_of(nullptr));
  rows.push_back(std::move(row));
}

/// What no longer acts compares nothing and spends no time on it; `every: once` begins anew.
void Engine::Impl::turn_dry(std::size_t index) {
  const bool dry = set.rules[index].dry_run;
  for (const auto& instance : runtimes[index].instances) {
    if (!instance || !instance->trial || !is_active(instance->state)) continue;
    if (dry) {
      instance->trial->sleep();
    } else {
      instance->trial->wake(now);
    }
  }
  if (!dry) return;
  for (Pulse& pulse : runtimes[index].pulses) pulse.stop();
}

Engine::Engine(RuleSet rules, Level level, std::size_t history_bytes)
    : impl_(std::make_unique<Impl>(history_bytes)) {
  impl_->level = level;
  impl_->reload(std::move(rules));
}
Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;

const TickResult& Engine::tick(const Frame& frame, Readings labelled) {
  impl_->tick(frame, labelled);
  return impl_->result;
}

void Engine::observe(const Frame& frame, Readings labelled) {
  TickResult ignored;
  impl_->take(frame, labelled, ignored);
}

void Engine::restart(RuleSet rules) {
  require_valid(rules);
  impl_->set.rules.clear();
  impl_->runtimes.clear();
  impl_->owed.clear();
  impl_->reload(std::move(rules));
}

const std::vector<Selector>& Engine::selectors() const noexcept { return impl_->selectors; }

const SeriesGroup& Engine::history() const noexcept { return impl_->past; }

const HistoryBudget& Engine::history_budget() const noexcept {
  return impl_->slots.history_budget();
}

void Engine::set_level(Level level) noexcept { impl_->level = level; }

Level Engine::level() const noexcept { return impl_->level; }

void Engine::reload(RuleSet rules) { impl_->reload(std::move(rules)); }

bool Engine::adjust(const Rule& rule) {
  const auto found = std::ranges::find(impl_->set.rules, rule.name, &Rule::name);
  if (found == impl_->set.rules.end()) return false;
  const bool was_dry = found->dry_run;
  copy_terms(rule, *found);
  const auto index = static_cast<std::size_t>(found - impl_->set.rules.begin());
  if (was_dry != rule.dry_run) impl_->turn_dry(index);
  return true;
}

const RuleSet& Engine::rules() const noexcept { return impl_->set; }

std::vector<RuleStatus> Engine::status() const {
  std::vector<RuleStatus> rows;
  rows.reserve(impl_->set.rules.size());
  for (std::size_t i = 0; i < impl_->set.rules.size(); ++i) impl_->status_of(i, rows);
  return rows;
}

}  // namespace homeostat::rules
