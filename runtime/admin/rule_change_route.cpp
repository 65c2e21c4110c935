// PUT /rules/{name}: what an operator says about one rule while the agent runs.
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <variant>

#include "runtime/admin/request_body.hpp"
#include "runtime/admin/routes.hpp"
#include "runtime/admin/rule_override_json.hpp"

namespace homeostat::admin {

namespace json = boost::json;

namespace {

struct Change {
  bool switches = false, overrides = false;  ///< which of the two was sent
  std::optional<bool> enabled;
  rules::RuleOverride terms;
};

void read_switch(BodyReader& reader, Change& change) {
  const json::value* const given = reader.optional_value("enabled");
  if (given == nullptr) return;
  change.switches = true;
  if (given->is_bool()) {
    change.enabled = given->get_bool();
  } else if (!given->is_null()) {
    reader.fail("enabled: expected true, false, or null for what the rule file says");
  }
}

void read_override(const AdminServices& services, const rules::Rule& rule, BodyReader& reader,
                   Change& change) {
  const json::value* const given = reader.optional_value("override");
  if (given == nullptr) return;
  change.overrides = true;
  if (given->is_null()) return;
  if (!given->is_object() || !services.parse_override) {
    reader.fail("override: expected an object, or null for what the rule file says");
    return;
  }
  ParsedOverride parsed = services.parse_override(rule, json::serialize(*given));
  for (std::string& error : parsed.errors) reader.fail(std::move(error));
  change.terms = parsed.terms;
}

/// In force, or null. `set` keeps it alive.
const rules::Rule* find_rule(const rules::RuleSet& set, const std::string& name) {
  for (const rules::Rule& rule : set.rules) {
    if (rule.name == name) return &rule;
  }
  return nullptr;
}

void apply(const RouteContext& context, const Call& call, const std::string& name,
           const Change& change, const std::string& reason) {
  ControlCommands& commands = context.services.commands;
  if (change.switches) {
    commands.set_rule_enabled(name, change.enabled);
    const char* const action = !change.enabled   ? "unswitch_rule"
                               : *change.enabled ? "enable_rule"
                                                 : "disable_rule";
    context.audit.record(call, {action, name, reason, 1});
  }
  if (!change.overrides) return;
  commands.override_rule(name, change.terms);
  const bool ends = change.terms.empty();
  std::string target = ends ? name : name + " " + json::serialize(override_json(change.terms));
  std::erase(target, '"');  // the log would show them as '?'
  context.audit.record(call, {ends ? "end_override" : "override_rule", target, reason, 1});
}

Reply put_rule(const RouteContext& context, const Call& call) {
  const std::string& name = call.parameter("name");
  const auto set = context.services.rules ? context.services.rules() : nullptr;
  const rules::Rule* const rule = set ? find_rule(*set, name) : nullptr;
  if (rule == nullptr) return problem(404, "there is no rule of this name");
  auto body = read_body(call.request);
  if (auto* refused = std::get_if<Reply>(&body)) return std::move(*refused);
  BodyReader reader(std::get<json::object>(body));
  Change change;
  read_switch(reader, change);
  read_override(context.services, *rule, reader, change);
  const std::string reason = reader.required_reason();
  reader.refuse_others();
  if (!change.switches && !change.overrides) {
    reader.fail("enabled, override: expected at least one of them");
  }
  if (!reader.ok()) return reader.to_problem();
  apply(context, call, name, change, reason);
  Reply reply;
  reply.status = 202;
  reply.members["status"] = "accepted";
  reply.members["rule"] = name;
  if (change.switches) {
    reply.members["enabled"] = change.enabled ? json::value(*change.enabled) : json::value();
  }
  if (change.overrides) reply.members["override"] = override_json(change.terms);
  reply.members["reason"] = reason;
  return reply;
}

}  // namespace

void add_rule_change_route(Router& router, const RouteContext& context) {
  router.add({"PUT", "/api/v1/rules/{name}", Access::operator_,
              [&context](const Call& call) { return put_rule(context, call); }});
}

}  // namespace homeostat::admin
