#include "rules/engine/instance.hpp"

#include <algorithm>

#include "rules/engine/text.hpp"

namespace homeostat::rules {
namespace {

/// The activation is over: what its trial has found is kept for a while, and
/// one without a verdict goes on in the next activation.
void end_trial(Instance& instance, Instant now) {
  if (!instance.trial) return;
  if (!instance.trial->has_goal()) {
    instance.trial.reset();
    return;
  }
  instance.last_effect = EndedTrial{instance.trial->report(), now};
  instance.remember_until = std::max(instance.remember_until, now + effect_remember);
  if (instance.trial->verdict() == TrialVerdict::running) {
    instance.trial->sleep();
  } else {
    instance.trial.reset();
  }
}

class Advance {
 public:
  Advance(const CheckedRule& checked, Instance& instance, const Scene& scene, Instant now,
          Duration gap)
      : rule_(checked.rule),
        until_(checked.until),
        may_start_(checked.may_start),
        instance_(instance),
        scene_(scene),
        now_(now),
        gap_(gap) {}

  std::optional<Step> run() {
    const std::optional<bool> raw = rule_.when->evaluate(scene_);
    no_data_ = !raw.has_value();
    const std::optional<bool> answer = raw.has_value() ? raw : wanted(rule_, scene_);
    switch (instance_.state) {
      case RuleState::inactive: return answer == true && may_start_ ? begin() : std::nullopt;
      case RuleState::pending: return wait(answer);
      case RuleState::firing: return answer == true ? std::nullopt : release();
      case RuleState::holding: return linger(answer);
    }
    return std::nullopt;
  }

 private:
  [[nodiscard]] bool may_fire() const {
    return now_ - instance_.pending_clock >= rule_.for_ && now_ >= instance_.cooldown_until;
  }

  std::optional<Step> begin() {
    instance_.pending_clock = now_;
    return enter(may_fire() ? RuleState::firing : RuleState::pending);
  }

  std::optional<Step> wait(std::optional<bool> answer) {
    if (!answer.has_value() || (*answer && !may_start_)) {
      // Time without data is no evidence: it does not count towards `for`.
      instance_.pending_clock += gap_;
      return std::nullopt;
    }
    if (!*answer) return enter(RuleState::inactive);
    return may_fire() ? enter(RuleState::firing) : std::nullopt;
  }

  std::optional<Step> release() {
    const std::optional<bool> until = until_.evaluate(scene_);
    if (!until.has_value()) {
      no_data_ = true;
      if (rule_.no_data != NoData::clear) return std::nullopt;
    } else if (!*until) {
      return std::nullopt;
    }
    return enter(hold() > Duration::zero() ? RuleState::holding : RuleState::inactive);
  }

  std::optional<Step> linger(std::optional<bool> answer) {
    if (answer == true) return enter(RuleState::firing);
    return now_ - instance_.since >= hold() ? enter(RuleState::inactive) : std::nullopt;
  }

  [[nodiscard]] Duration hold() const { return instance_.relapse.hold(hold_terms(rule_)); }

  std::optional<Step> enter(RuleState to) {
    const RuleState from = instance_.state;
    Step step{from, to, explain_step(rule_, until_, scene_, {from, to, hold(), no_data_})};
    if (to == RuleState::firing) {
      if (!is_active(from)) begin_activation();
      instance_.reason = step.reason;
    }
    if (is_active(from) && to == RuleState::inactive) {
      instance_.cooldown_until = now_ + rule_.cooldown;
      instance_.relapse.end(now_);
      end_trial(instance_, now_);
    }
    instance_.state = to;
    instance_.since = now_;
    return step;
  }

  void begin_activation() {
    instance_.active_since = now_;
    instance_.relapse.begin(now_, hold_terms(rule_));
    if (instance_.trial) instance_.trial->wake(now_);
  }

  const Rule& rule_;
  const Expression& until_;
  bool may_start_;
  Instance& instance_;
  const Scene& scene_;
  Instant now_;
  Duration gap_;
  bool no_data_ = false;
};

void drop_if_done(const Rule& rule, std::unique_ptr<Instance>& instance, Instant now) {
  if (instance->state != RuleState::inactive) return;
  if (instance->remember_until <= now) {
    instance->trial.reset();
    instance->last_effect.reset();
  }
  if (instance->cooldown_until <= now && instance->remember_until <= now &&
      !instance->relapse.remembers(now, hold_terms(rule))) {
    instance.reset();
  }
}

}  // namespace

RelapseHold::Terms hold_terms(const Rule& rule) noexcept {
  const bool emergency = std::ranges::any_of(rule.then, [](const Action& action) {
    return std::holds_alternative<EnterEmergency>(action);
  });
  return {rule.hold, emergency ? RelapseHold::emergency_hold_max : RelapseHold::hold_max};
}

std::optional<bool> wanted(const Rule& rule, const Scene& scene) {
  const std::optional<bool> answer = rule.when->evaluate(scene);
  if (answer.has_value()) return answer;
  switch (rule.no_data) {
    case NoData::clear: return false;
    case NoData::fire: return true;
    case NoData::hold: break;
  }
  return std::nullopt;
}

std::optional<Step> advance(const CheckedRule& checked, std::unique_ptr<Instance>& instance,
                            const Scene& scene, Instant now, Duration gap) {
  if (!instance) {
    // The common case by far, kept free of allocation.
    if (!checked.may_start || wanted(checked.rule, scene) != true) return std::nullopt;
    instance = std::make_unique<Instance>();
    instance->cooldown_until = now;
  }
  auto step = Advance(checked, *instance, scene, now, gap).run();
  drop_if_done(checked.rule, instance, now);
  return step;
}

std::optional<Step> force_out(const Rule& rule, std::unique_ptr<Instance>& instance, Instant now,
                              std::string reason) {
  if (!instance) return std::nullopt;
  const RuleState from = instance->state;
  if (from == RuleState::inactive) {
    drop_if_done(rule, instance, now);
    return std::nullopt;
  }
  if (is_active(from)) {
    instance->cooldown_until = now + rule.cooldown;
    end_trial(*instance, now);
  }
  instance->relapse.reset();
  instance->state = RuleState::inactive;
  instance->since = now;
  drop_if_done(rule, instance, now);
  return Step{from, RuleState::inactive, std::move(reason)};
}

}  // namespace homeostat::rules
