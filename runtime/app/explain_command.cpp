#include "runtime/app/explain_command.hpp"

#include <fmt/core.h>

#include <boost/json/array.hpp>
#include <boost/url/encode.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>
#include <iostream>
#include <string_view>
#include <variant>

namespace homeostat::app {
namespace {

namespace json = boost::json;

const json::array& list(const json::value& value) {
  static const json::array empty;
  const json::array* array = value.if_array();
  return array == nullptr ? empty : *array;
}

std::string percent(const json::value& share) {
  return share.is_number() ? fmt::format("{:.4g} %", share.to_number<double>() * 100)
                           : shown(share);
}

/// The members of a list, one after the other.
std::string listed(const json::value& value) {
  std::string out;
  for (const json::value& item : list(value)) out += (out.empty() ? "" : ", ") + shown(item);
  return out;
}

/// A line that counts what an answer has left out of a list; empty if nothing.
std::string left_out(std::size_t listed, const json::value& total, const char* what) {
  const std::size_t all = total.is_number() ? total.to_number<std::size_t>() : listed;
  return all > listed ? fmt::format("  and {} {}\n", all - listed, what) : std::string();
}

std::string instance_text(const json::value& instance, bool per_endpoint) {
  std::string out =
      "  " + shown(member_at(instance, "state")) + " since " + shown(member_at(instance, "since"));
  const std::string values = shown(member_at(instance, "values"));
  if (!member_at(instance, "endpoint").is_null()) {
    out += " at " + shown(member_at(instance, "endpoint"));
  } else if (per_endpoint) {
    out += " at every endpoint; homeostat explain 'GET /a' has the figures of one";
  }
  out += "\n";
  if (!values.empty()) out += "    now:  " + values + "\n";
  const json::value& effect = member_at(instance, "effect");
  if (effect.is_object()) {
    out += "    effect on " + shown(member_at(effect, "signal")) + ": " +
           shown(member_at(effect, "verdict"));
    if (member_at(effect, "undone") == json::value(true)) out += ", undone";
    out += ", " + shown(member_at(effect, "summary")) + ", share " +
           percent(member_at(effect, "share")) + " of the requests\n";
  }
  const json::value& last = member_at(instance, "last_effect");
  if (last.is_object()) {
    out += "    before (" + shown(member_at(last, "at")) + "), effect on " +
           shown(member_at(last, "signal")) + ": " + shown(member_at(last, "verdict"));
    if (member_at(last, "undone") == json::value(true)) out += ", undone";
    out += ", " + shown(member_at(last, "summary")) + "\n";
  }
  if (member_at(instance, "retry_at").is_string()) {
    out +=
        "    undone before: does not act before " + shown(member_at(instance, "retry_at")) + "\n";
  }
  const json::value& next = member_at(instance, "next");
  if (next.is_object()) {
    out += "    next: " + shown(member_at(next, "to")) + " when " + shown(member_at(next, "when"));
    if (!member_at(next, "not_before").is_null())
      out += ", not before " + shown(member_at(next, "not_before"));
    out += "\n";
  }
  return out;
}

/// Whether an action is the subject's: of a rule, or at an endpoint. A global rule that changes
/// responses does so at every endpoint.
bool concerns(const json::value& action, const std::string& member, const std::string& subject) {
  if (shown(member_at(action, member == "rule" ? "name" : member.c_str())) == subject) return true;
  const std::string what = shown(member_at(action, "action"));
  return member == "endpoint" && member_at(action, "endpoint").is_null() &&
         (what == "scale_ttl" || what == "compress");
}

/// What the subject does now, and what was decided about it lately.
std::string decisions_text(const json::value& status, const char* member,
                           const std::string& subject) {
  std::string out;
  const auto& actions = list(member_at(status, "performance_status.active_optimizations"));
  for (const auto& action : actions) {
    if (!concerns(action, member, subject)) continue;
    const bool shadow = member_at(action, "shadow") == json::value(true);
    out += (shadow ? "  would be in force since " : "  in force since ") +
           shown(member_at(action, "enabled_at")) + ": " + shown(member_at(action, "action")) +
           " " + shown(member_at(action, "config")) + " by " + shown(member_at(action, "name"));
    if (member_at(action, "endpoint").is_null() && std::string_view(member) == "endpoint") {
      out += ", at every endpoint";
    }
    if (member_at(action, "overruled") == json::value(true))
      out += " (overruled by " + shown(member_at(action, "overruled_by")) + ")";
    out += marks(action) + "\n    because " + shown(member_at(action, "reason")) + "\n";
  }
  out +=
      left_out(actions.size(), member_at(status, "performance_status.active_optimizations_total"),
               "more actions");
  for (const auto& decision : list(member_at(status, "performance_status.recent_decisions"))) {
    if (shown(member_at(decision, member)) != subject) continue;
    const json::value& place = member_at(decision, "endpoint");
    out += "  " + shown(member_at(decision, "at")) + " " + shown(member_at(decision, "rule")) +
           (place.is_null() ? "" : " at " + shown(place)) + ": " +
           shown(member_at(decision, "from")) + " -> " + shown(member_at(decision, "to")) + "  " +
           shown(member_at(decision, "reason")) + marks(decision) + "\n";
  }
  return out.empty() ? "  nothing lately\n" : out;
}

/// How its action has to prove itself; empty if it need not.
std::string trial_text(const json::value& rule) {
  const json::value& effect = member_at(rule, "effect");
  const json::value& share = member_at(rule, "rollout");
  const bool divided = share.is_number() && share.to_number<double>() < 1;
  if (!effect.is_object() && !divided) return {};
  std::string out = "  tried on " + percent(share) + " of the requests";
  if (effect.is_object()) {
    out += ", has to improve " + shown(member_at(effect, "improve")) + " within " +
           shown(member_at(effect, "within_seconds")) + " s, else " +
           shown(member_at(effect, "else"));
  }
  return out + "\n";
}

std::string rule_text(const json::value& rule, const json::value& status) {
  const std::string name = shown(member_at(rule, "name"));
  std::string out = "rule " + name + " (" + shown(member_at(rule, "source")) + ")\n";
  if (const std::string about = shown(member_at(rule, "description")); !about.empty()) {
    out += "  " + about + "\n";
  }
  out += "  when  " + shown(member_at(rule, "when")) + " for " +
         shown(member_at(rule, "for_seconds")) + " s\n";
  out += "  until " + shown(member_at(rule, "until")) + ", hold " +
         shown(member_at(rule, "hold_seconds")) + " s, cooldown " +
         shown(member_at(rule, "cooldown_seconds")) + " s\n";
  out += "  then  " + listed(member_at(rule, "then")) + "\n" + trial_text(rule);
  out += "  level " + shown(member_at(rule, "level")) + ", effective level " +
         shown(member_at(status, "performance_status.effective_level"));
  if (member_at(rule, "enabled") == json::value(false)) out += ", DISABLED";
  if (member_at(rule, "active_at_level") == json::value(false)) out += ", not active at this level";
  if (member_at(rule, "dry_run") == json::value(true)) out += ", dry run: does not act";
  const std::string mode = shown(member_at(status, "performance_status.optimization_mode"));
  if (mode == "off" || mode == "shadow") out += ", optimization.mode " + mode + ": does not act";
  out += "\nstate\n";
  const auto& instances = list(member_at(rule, "instances"));
  const bool per_endpoint = shown(member_at(rule, "scope")) == "endpoint";
  for (const auto& instance : instances) out += instance_text(instance, per_endpoint);
  out += left_out(instances.size(), member_at(rule, "instances_total"),
                  "more endpoints; ask for one of them: homeostat explain 'GET /a'");
  return out + "decisions\n" + decisions_text(status, "rule", name);
}

std::string endpoint_text(const json::value& profile, const json::value& rules,
                          const json::value& status) {
  const std::string name =
      shown(member_at(profile, "method")) + " " + shown(member_at(profile, "endpoint"));
  std::string out = "endpoint " + name + ", last five minutes\n";
  for (const char* figure :
       {"request_count", "rate_per_second", "avg_duration_ms", "p95_duration_ms", "p99_duration_ms",
        "error_rate", "cache_hit_rate", "optimization_score"}) {
    out += "  " + std::string(figure) + " " + shown(member_at(profile, figure)) + "\n";
  }
  for (const auto& lowered : list(member_at(status, "performance_status.lowered_lifetimes"))) {
    if (shown(member_at(lowered, "endpoint")) != name) continue;
    out += "lifetime " + shown(member_at(lowered, "summary")) + "\n";
  }
  out += "rules that are not inactive here\n";
  for (const auto& rule : list(member_at(rules, "rules"))) {
    for (const auto& instance : list(member_at(rule, "instances"))) {
      if (shown(member_at(instance, "endpoint")) != name) continue;
      out += "  " + shown(member_at(rule, "name")) + "\n" + instance_text(instance, true);
    }
  }
  return out + "decisions\n" + decisions_text(status, "endpoint", name);
}

}  // namespace

std::optional<std::string> explanation_of(const std::string& subject, const json::value& rules,
                                          const json::value& status, const json::value& profiles) {
  for (const auto& rule : list(member_at(rules, "rules"))) {
    if (shown(member_at(rule, "name")) == subject) return rule_text(rule, status);
  }
  std::string out;
  for (const auto& profile : list(member_at(profiles, "profiles"))) {
    const std::string route = shown(member_at(profile, "endpoint"));
    if (subject != route && subject != shown(member_at(profile, "method")) + " " + route) continue;
    out += endpoint_text(profile, rules, status);
  }
  return out.empty() ? std::nullopt : std::optional(out);
}

int run_explain(const ExplainCommand& command) {
  std::string why;
  const auto ask = [&](const std::string& path) {
    auto answer = why.empty() ? get_json(command.target, path) : json::value();
    if (auto* error = std::get_if<std::string>(&answer)) why = std::move(*error);
    return why.empty() ? std::get<json::value>(std::move(answer)) : json::value();
  };
  const std::string subject = boost::urls::encode(command.subject, boost::urls::unreserved_chars);
  json::value rules = ask("/api/v1/rules?rule=" + subject), profiles;
  const bool is_rule = !list(member_at(rules, "rules")).empty();
  if (!is_rule) {
    rules = ask("/api/v1/rules?endpoint=" + subject);
    profiles = ask("/api/v1/performance/profiles");
  }
  const json::value status =
      ask("/api/v1/performance/status?" + std::string(is_rule ? "rule=" : "endpoint=") + subject);
  if (!why.empty()) {
    std::cerr << why << "\n";
    return 1;
  }
  const auto explained = explanation_of(command.subject, rules, status, profiles);
  if (!explained) {
    std::cerr << "no rule and no endpoint is named '" << command.subject << "'\n";
    return 2;
  }
  std::cout << *explained;
  return 0;
}

}  // namespace homeostat::app
