// GET /rules, POST /rules/reload, POST /rules/rollback.
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

#include "rules/expr/expression.hpp"
#include "runtime/admin/report_json.hpp"
#include "runtime/admin/request_body.hpp"
#include "runtime/admin/routes.hpp"
#include "runtime/admin/rule_override_json.hpp"
#include "runtime/admin/subject.hpp"
#include "runtime/ports/rfc3339.hpp"

namespace homeostat::admin {

namespace json = boost::json;
using rules::RuleState;

namespace {

double seconds_of(Duration duration) { return std::chrono::duration<double>(duration).count(); }

std::shared_ptr<const rules::RuleSet> rule_set(const AdminServices& services) {
  auto set = services.rules ? services.rules() : nullptr;
  return set ? set : std::make_shared<const rules::RuleSet>();
}

/// The condition under which a rule leaves, as text.
std::string until_text(const rules::Rule& rule) {
  constexpr double margin_standard = 0.1;
  if (rule.until) return rule.until->text();
  const auto derived = rule.when->negated_with_margin(margin_standard);
  return derived ? derived->text() : std::string();
}

json::value goal_json(const rules::Rule& rule) {
  if (!rule.effect) return nullptr;
  return json::object{{"improve", rules::signal_info(rule.effect->improve).name},
                      {"within_seconds", seconds_of(rule.effect->within)},
                      {"else", rule.effect->keep_unproven ? "keep" : "rollback"},
                      {"retry_seconds", seconds_of(rule.effect->retry)}};
}

void add_definition(const rules::Rule& rule, json::object& out) {
  json::array actions;
  for (const rules::Action& action : rule.then) actions.emplace_back(rules::describe(action));
  out["description"] = rule.description;
  out["level"] = rules::to_string(rule.level);
  out["every_level"] = rule.every_level;
  out["scope"] = rules::to_string(rule.scope);
  out["when"] = rule.when->text();
  out["until"] = until_text(rule);
  out["for_seconds"] = seconds_of(rule.for_);
  out["hold_seconds"] = seconds_of(rule.hold);
  out["cooldown_seconds"] = seconds_of(rule.cooldown);
  out["then"] = std::move(actions);
  out["rollout"] = rule.rollout;
  out["effect"] = goal_json(rule);
  out["source"] = rule.where.file + ":" + std::to_string(rule.where.line) + ":" +
                  std::to_string(rule.where.column);
}

/// Where this instance may go next, when at the earliest, and on what.
json::value next_transition(const ControlReport& report, const rules::RuleStatus& status,
                            const rules::Rule* rule) {
  if (rule == nullptr || !status.enabled || !status.active_at_level) return nullptr;
  switch (status.state) {
    case RuleState::inactive:
      return json::object{{"to", "pending"}, {"when", rule->when->text()}, {"not_before", nullptr}};
    case RuleState::pending: {
      const bool counted = status.pending_clock != Instant{};
      Instant earliest = (counted ? status.pending_clock : status.since) + rule->for_;
      if (status.cooldown_until) earliest = std::max(earliest, *status.cooldown_until);
      return json::object{{"to", "firing"},
                          {"when", rule->when->text()},
                          {"not_before", rfc3339(wall_time_of(report, earliest))}};
    }
    case RuleState::firing:
      return json::object{{"to", rule->hold > Duration{} ? "holding" : "inactive"},
                          {"when", until_text(*rule)},
                          {"not_before", nullptr}};
    case RuleState::holding:
      return json::object{
          {"to", "inactive"},
          {"when", until_text(*rule)},
          {"not_before", rfc3339(wall_time_of(report, status.since + status.hold))}};
  }
  return nullptr;
}

/// Of the activation before this one.
json::value last_effect_json(const ControlReport& report, const rules::RuleStatus& status) {
  if (!status.last_effect) return nullptr;
  json::object out = effect_json(status.last_effect->report).as_object();
  out["at"] = rfc3339(wall_time_of(report, status.last_effect->at));
  return out;
}

json::object instance_json(const ControlReport& report, const rules::RuleStatus& status,
                           const rules::Rule* rule) {
  json::object out;
  out["endpoint"] =
      status.endpoint_name.empty() ? json::value() : json::value(status.endpoint_name);
  out["state"] = rules::to_string(status.state);
  out["since"] = status.since == Instant{}
                     ? json::value()
                     : json::value(rfc3339(wall_time_of(report, status.since)));
  out["values"] = status.values;
  out["effect"] = status.trial ? effect_json(*status.trial) : json::value();
  out["last_effect"] = last_effect_json(report, status);
  out["retry_at"] = status.retry_at ? json::value(rfc3339(wall_time_of(report, *status.retry_at)))
                                    : json::value();
  out["cooldown_until"] = status.cooldown_until
                              ? json::value(rfc3339(wall_time_of(report, *status.cooldown_until)))
                              : json::value();
  out["next"] = next_transition(report, status, rule);
  return out;
}

/// One rule with its instances; `loaded` is null if only its state is known.
json::object rule_json(const ControlReport& report, const std::string& name,
                       const rules::Rule* loaded,
                       const std::vector<const rules::RuleStatus*>& instances) {
  static const rules::RuleChoice none;
  const auto chosen = report.rule_choices.find(name);
  const rules::RuleChoice& choice = chosen == report.rule_choices.end() ? none : chosen->second;
  std::optional<rules::Rule> rule;
  if (loaded != nullptr) rule = rules::with(*loaded, choice);
  json::object item{{"name", name}};
  if (rule) add_definition(*rule, item);
  const bool known = !instances.empty();
  item["enabled"] = known ? instances.front()->enabled : rule->enabled;
  item["switched_by_command"] = choice.enabled ? json::value(*choice.enabled) : json::value();
  item["override"] = override_json(choice.terms);
  item["active_at_level"] = known ? json::value(instances.front()->active_at_level) : json::value();
  item["dry_run"] = known ? instances.front()->dry_run : rule->dry_run;
  json::array shown;
  for (const rules::RuleStatus* status : instances) {
    shown.push_back(instance_json(report, *status, rule ? &*rule : nullptr));
  }
  item["instances"] = std::move(shown);
  return item;
}

using Rows = std::vector<const rules::RuleStatus*>;

/// Those in force first, then the newest; `count` of them at most.
void keep_most_relevant(Rows& rows, std::size_t count) {
  keep_first(rows, count, [](const rules::RuleStatus* row) {
    const bool acts = row->state == RuleState::firing || row->state == RuleState::holding;
    return std::make_tuple(!acts, row->state == RuleState::inactive,
                           -row->since.time_since_epoch(), row);
  });
}

/// The rules a reader asks for, with the states the report knows.
struct Listing {
  std::vector<std::string_view> order;
  std::unordered_map<std::string_view, const rules::Rule*> definitions;
  std::unordered_map<std::string_view, Rows> states;

  Listing(const rules::RuleSet& set, const ControlReport& report, const Subject& subject) {
    for (const rules::Rule& rule : set.rules) {
      if (!subject.has_rule(rule.name)) continue;
      definitions[rule.name] = &rule;
      order.push_back(rule.name);
    }
    for (const rules::RuleStatus& status : report.rules) {
      if (!subject.has_rule(status.rule) || !subject.has_endpoint(status.endpoint_name)) continue;
      if (!definitions.contains(status.rule) && !states.contains(status.rule)) {
        order.push_back(status.rule);
      }
      states[status.rule].push_back(&status);
    }
    if (subject.endpoint.empty()) return;
    std::erase_if(order, [this](std::string_view name) { return !states.contains(name); });
  }

  /// How many rows each rule may have: all share what one answer shows, and has one at least.
  [[nodiscard]] std::size_t rows_each() const {
    const auto many =
        std::ranges::count_if(states, [](const auto& entry) { return entry.second.size() > 1; });
    return std::max<std::size_t>(1, rows_shown / std::max<std::size_t>(1, std::size_t(many)));
  }
};

Reply list_rules(const AdminServices& services, const Call& call) {
  const auto report = services.board.current();
  const auto set = rule_set(services);
  Listing listing(*set, *report, Subject::of(call.request));
  const std::size_t rows_each = listing.rows_each();
  json::array list;
  for (const std::string_view name : listing.order) {
    const auto found = listing.definitions.find(name);
    Rows& rows = listing.states[name];
    const std::size_t total = rows.size();
    keep_most_relevant(rows, rows_each);
    json::object item =
        rule_json(*report, std::string(name),
                  found == listing.definitions.end() ? nullptr : found->second, rows);
    item["instances_total"] = total;
    list.push_back(std::move(item));
  }
  Reply reply;
  reply.members["total"] = list.size();
  reply.members["rules"] = std::move(list);
  return reply;
}

Reply reload(const RouteContext& context, const Call& call) {
  auto body = read_body(call.request);
  if (auto* refused = std::get_if<Reply>(&body)) return std::move(*refused);
  BodyReader reader(std::get<json::object>(body));
  const std::string reason = reader.optional_reason();
  reader.refuse_others();
  if (!reader.ok()) return reader.to_problem();
  if (!context.services.reload_rules) return problem(503, "reloading rules is not available");
  const ReloadOutcome outcome = context.services.reload_rules();
  if (!outcome.errors.empty()) {
    context.audit.record(call, {"reload_rules_refused", outcome.errors.front(), reason, 0});
    return problem(422, "the rules have errors; those in force stay as they were", outcome.errors);
  }
  context.audit.record(call, {"reload_rules", "", reason, outcome.rules_total});
  Reply reply;
  reply.members["status"] = "success";
  reply.members["message"] = "rules reloaded";
  reply.members["rules_total"] = outcome.rules_total;
  return reply;
}

Reply rollback(const RouteContext& context, const Call& call) {
  auto body = read_body(call.request);
  if (auto* refused = std::get_if<Reply>(&body)) return std::move(*refused);
  BodyReader reader(std::get<json::object>(body));
  const std::string reason = reader.required_reason();
  reader.refuse_others();
  if (!reader.ok()) return reader.to_problem();
  if (!context.services.rollback_rules) return problem(503, "rolling rules back is not available");
  const ReloadOutcome outcome = context.services.rollback_rules();
  if (!outcome.errors.empty()) return problem(409, outcome.errors.front());
  context.audit.record(call, {"rollback_rules", "", reason, outcome.rules_total});
  Reply reply;
  reply.members["status"] = "success";
  reply.members["message"] = "the rules before the last reload are in force again";
  reply.members["rules_total"] = outcome.rules_total;
  reply.members["reason"] = reason;
  return reply;
}

}  // namespace

void add_rule_routes(Router& router, const RouteContext& context) {
  router.add({"GET", "/api/v1/rules", Access::viewer,
              [&context](const Call& call) { return list_rules(context.services, call); }});
  router.add({"POST", "/api/v1/rules/reload", Access::operator_,
              [&context](const Call& call) { return reload(context, call); }});
  router.add({"POST", "/api/v1/rules/rollback", Access::operator_,
              [&context](const Call& call) { return rollback(context, call); }});
}

}  // namespace homeostat::admin
