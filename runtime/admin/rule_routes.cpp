// GET /rules, PUT /rules/{name}, POST /rules/reload.
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "rules/expr/expression.hpp"
#include "runtime/admin/report_json.hpp"
#include "runtime/admin/request_body.hpp"
#include "runtime/admin/routes.hpp"
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
  const auto at = [&](Duration after) {
    return json::value(rfc3339(wall_time_of(report, status.since + after)));
  };
  switch (status.state) {
    case RuleState::inactive:
      return json::object{{"to", "pending"}, {"when", rule->when->text()}, {"not_before", nullptr}};
    case RuleState::pending:
      return json::object{
          {"to", "firing"}, {"when", rule->when->text()}, {"not_before", at(rule->for_)}};
    case RuleState::firing:
      return json::object{{"to", rule->hold > Duration{} ? "holding" : "inactive"},
                          {"when", until_text(*rule)},
                          {"not_before", nullptr}};
    case RuleState::holding:
      return json::object{
          {"to", "inactive"}, {"when", until_text(*rule)}, {"not_before", at(rule->hold)}};
  }
  return nullptr;
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
  out["retry_at"] = status.retry_at ? json::value(rfc3339(wall_time_of(report, *status.retry_at)))
                                    : json::value();
  out["next"] = next_transition(report, status, rule);
  return out;
}

Reply list_rules(const AdminServices& services) {
  const auto report = services.board.current();
  const auto set = rule_set(services);
  std::map<std::string, const rules::Rule*> definitions;
  std::vector<std::string> order;
  for (const rules::Rule& rule : set->rules) {
    definitions[rule.name] = &rule;
    order.push_back(rule.name);
  }
  std::map<std::string, std::vector<const rules::RuleStatus*>> states;
  for (const rules::RuleStatus& status : report->rules) {
    if (!definitions.contains(status.rule) && !states.contains(status.rule)) {
      order.push_back(status.rule);
    }
    states[status.rule].push_back(&status);
  }
  json::array list;
  for (const std::string& name : order) {
    const auto found = definitions.find(name);
    const rules::Rule* const rule = found == definitions.end() ? nullptr : found->second;
    const auto& instances = states[name];
    json::object item{{"name", name}};
    if (rule != nullptr) add_definition(*rule, item);
    const bool known = !instances.empty();
    item["enabled"] = known ? instances.front()->enabled : rule->enabled;
    item["active_at_level"] =
        known ? json::value(instances.front()->active_at_level) : json::value();
    item["dry_run"] = known ? instances.front()->dry_run : rule->dry_run;
    json::array shown;
    for (const rules::RuleStatus* status : instances) {
      shown.push_back(instance_json(*report, *status, rule));
    }
    item["instances"] = std::move(shown);
    list.push_back(std::move(item));
  }
  Reply reply;
  reply.members["total"] = list.size();
  reply.members["rules"] = std::move(list);
  return reply;
}

bool rule_exists(const AdminServices& services, const std::string& name) {
  const auto set = rule_set(services);
  for (const rules::Rule& rule : set->rules) {
    if (rule.name == name) return true;
  }
  const auto report = services.board.current();
  for (const rules::RuleStatus& status : report->rules) {
    if (status.rule == name) return true;
  }
  return false;
}

Reply put_rule(const RouteContext& context, const Call& call) {
  const std::string& name = call.parameter("name");
  if (!rule_exists(context.services, name)) return problem(404, "there is no rule of this name");
  auto body = read_body(call.request);
  if (auto* refused = std::get_if<Reply>(&body)) return std::move(*refused);
  BodyReader reader(std::get<json::object>(body));
  const auto enabled = reader.required_flag("enabled");
  const std::string reason = reader.required_reason();
  reader.refuse_others();
  if (!reader.ok()) return reader.to_problem();
  context.services.commands.set_rule_enabled(name, *enabled);
  context.audit.record(call, {*enabled ? "enable_rule" : "disable_rule", name, reason, 1});
  Reply reply;
  reply.status = 202;
  reply.members["status"] = "accepted";
  reply.members["rule"] = name;
  reply.members["enabled"] = *enabled;
  reply.members["reason"] = reason;
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
              [&context](const Call&) { return list_rules(context.services); }});
  router.add({"POST", "/api/v1/rules/reload", Access::operator_,
              [&context](const Call& call) { return reload(context, call); }});
  router.add({"POST", "/api/v1/rules/rollback", Access::operator_,
              [&context](const Call& call) { return rollback(context, call); }});
  router.add({"PUT", "/api/v1/rules/{name}", Access::operator_,
              [&context](const Call& call) { return put_rule(context, call); }});
}

}  // namespace homeostat::admin
