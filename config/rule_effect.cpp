#include <fmt/format.h>

#include <algorithm>

#include "config/rule_schema.hpp"
#include "config/scalar_leaves.hpp"
#include "config/settings/words.hpp"
#include "rules/engine/trial.hpp"
#include "rules/expr/suggestion.hpp"

namespace homeostat::config {
namespace {

using namespace std::chrono_literals;

constexpr auto concurrent_within_min = rules::Trial::within_min(rules::TrialDesign::concurrent);
/// Fifteen pairs of phases; fewer can prove next to nothing.
constexpr auto alternating_within_min = 10min;
static_assert(alternating_within_min >= rules::Trial::within_min(rules::TrialDesign::alternating));
constexpr double rollout_of_trials = 0.5;

/// Why the actions of a rule cannot be judged; empty if they can.
std::string unjudgeable(const rules::Rule& rule) {
  const bool any = std::any_of(rule.then.begin(), rule.then.end(), rules::can_alternate);
  for (const rules::Action& action : rule.then) {
    if (rules::can_alternate(action) || std::holds_alternative<rules::RaiseAlert>(action)) continue;
    return fmt::format("`{}` cannot be taken back to see what it does", rules::action_name(action));
  }
  return any ? std::string() : "there is no action to judge";
}

bool all_divide(const rules::Rule& rule) {
  return rule.scope == rules::Scope::endpoint &&
         std::all_of(rule.then.begin(), rule.then.end(), [](const rules::Action& action) {
           return rules::divides_by_request(action) ||
                  std::holds_alternative<rules::RaiseAlert>(action);
         });
}

/// The signal to improve, checked.
std::optional<rules::SignalId> goal_signal(const EffectDraft& draft, const Node& node,
                                           rules::Scope scope, const std::string& path,
                                           Report& report) {
  const Node* given = node.find("improve");
  if (given == nullptr) {
    report.error(node.place, fmt::format("`{}` needs an `improve`, a signal", path));
    return std::nullopt;
  }
  const std::string name = fmt::format("`{}.improve`", path);
  const bool endpoint = scope == rules::Scope::endpoint;
  const auto signal = rules::find_signal(draft.improve);
  if (!signal) {
    const std::string_view near = rules::nearest_signal(draft.improve, endpoint);
    report.error(given->place, fmt::format("{}: no signal is named {}", name, shown(*given)),
                 near.empty() ? std::string() : fmt::format("did you mean `{}`?", near));
    return std::nullopt;
  }
  if (!endpoint && rules::signal_info(*signal).scope == rules::SignalScope::endpoint) {
    report.error(given->place, fmt::format("{}: `{}` needs scope: endpoint", name, draft.improve));
    return std::nullopt;
  }
  if (!rules::larger_is_better(*signal)) {
    report.error(given->place,
                 fmt::format("{}: more of `{}` is neither better nor worse", name, draft.improve));
    return std::nullopt;
  }
  return signal;
}

}  // namespace

void visit_effect(Visitor& visitor, EffectDraft& draft) {
  visitor.leaf({"improve"}, TextLeaf(draft.improve, "signal", nullptr, TextLeaf::Show::all, 64));
  visitor.leaf({"within"}, DurationLeaf(draft.goal.within, concurrent_within_min, 24h));
  visitor.leaf({"else"}, ChoiceLeaf(draft.unproven, words::unproven));
  visitor.leaf({"retry"}, DurationLeaf(draft.goal.retry, 1min, 24h));
}

void finish_trial(RuleDraft& draft, const Node& row, const std::string& path, Report& report) {
  rules::Rule& rule = draft.rule;
  const Node* rollout = row.find("rollout");
  const bool divides = all_divide(rule);
  if (rollout != nullptr && rule.rollout < 1 && !divides) {
    report.error(rollout->place,
                 fmt::format("`{}.rollout`: only compress and scale_ttl with `by` above 1, with "
                             "scope: endpoint, can apply to a share of the requests",
                             path));
    return;
  }
  const Node* effect = row.find("effect");
  if (effect == nullptr || !effect->is_map()) return;
  const std::string effect_path = path + ".effect";
  if (const std::string why = unjudgeable(rule); !why.empty()) {
    report.error(effect->key_place, fmt::format("`{}`: {}", effect_path, why));
    return;
  }
  const auto signal = goal_signal(draft.effect, *effect, rule.scope, effect_path, report);
  if (!signal) return;
  if (rollout == nullptr && divides) rule.rollout = rollout_of_trials;
  if (rule.rollout < 1 && rules::signal_info(*signal).scope != rules::SignalScope::endpoint) {
    report.error(effect->find("improve")->place,
                 fmt::format("`{}.improve`: requests are told apart by endpoint.* signals only",
                             effect_path),
                 "write rollout: 100% to compare in turns");
    return;
  }
  if (rule.rollout >= 1 && draft.effect.goal.within < alternating_within_min) {
    const Node* within = effect->find("within");
    report.error(within != nullptr ? within->place : effect->place,
                 fmt::format("`{}.within`: actions that all requests get are compared in turns; "
                             "that takes 10m at least",
                             effect_path));
    return;
  }
  rule.effect = draft.effect.goal;
  rule.effect->improve = *signal;
  rule.effect->keep_unproven = draft.effect.unproven == EffectDraft::Unproven::keep;
}

}  // namespace homeostat::config
