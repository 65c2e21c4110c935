// POST /rules/replay: rule sets over recorded signals, without touching what
// runs.
#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "runtime/admin/recording_json.hpp"
#include "runtime/admin/request_body.hpp"
#include "runtime/admin/routes.hpp"

namespace homeostat::admin {

namespace json = boost::json;

namespace {

/// Bounds what one request may cost the management thread: about half a second.
constexpr double evaluations_max = 20'000;

using Signals = std::variant<rules::Recording, rules::RecordingError>;

Signals read_signals(const AdminServices& services, const json::value* given) {
  if (given == nullptr || (given->is_string() && given->get_string() == "recorded")) {
    const auto text = services.recorded_signals ? services.recorded_signals() : std::nullopt;
    if (!text) {
      return rules::RecordingError{0,
                                   "nothing is recorded here; set monitor.record.file, or send "
                                   "CSV or the answer of a Prometheus range query"};
    }
    return rules::read_recording(*text);
  }
  if (!given->is_string()) return read_range_query(*given);
  return rules::read_recording({given->get_string().data(), given->get_string().size()});
}

std::string described(const rules::RecordingError& error) {
  if (error.line == 0) return "signals: " + error.message;
  return "signals, line " + std::to_string(error.line) + ": " + error.message;
}

/// The set of a member, or the one in force where it is absent.
std::optional<rules::RuleSet> rules_of(const AdminServices& services, const std::string& text,
                                       const char* member, BodyReader& reader) {
  if (text.empty()) return services.rules ? *services.rules() : rules::RuleSet{};
  if (!services.parse_rules) {
    reader.fail(std::string(member) + ": rules cannot be read here");
    return std::nullopt;
  }
  ParsedRules parsed = services.parse_rules(text);
  for (const std::string& error : parsed.errors) reader.fail(std::string(member) + ": " + error);
  if (!parsed.errors.empty()) return std::nullopt;
  return std::move(parsed.rules);
}

rules::ReplayOptions options_for(const rules::Recording& recording, rules::LevelSetting level) {
  const auto [from, to] = recording.span();
  const double step = std::ceil((to - from) / evaluations_max);
  return {level, std::chrono::seconds(std::max<std::int64_t>(1, static_cast<std::int64_t>(step)))};
}

Reply replay_rules(const AdminServices& services, const Call& call) {
  auto body = read_body(call.request);
  if (auto* refused = std::get_if<Reply>(&body)) return std::move(*refused);
  BodyReader reader(std::get<json::object>(body));
  const std::string text = reader.optional_text("rules");
  const std::string other = reader.optional_text("compare");
  const std::string level =
      reader.optional_word("level", {rules::to_string(services.board.current()->level),
                                     "conservative", "balanced", "aggressive", "adaptive"});
  const json::value* given = reader.optional_value("signals");
  reader.refuse_others();
  const auto first = rules_of(services, text, "rules", reader);
  auto second = other.empty() ? std::nullopt : rules_of(services, other, "compare", reader);
  Signals signals = read_signals(services, given);
  if (const auto* error = std::get_if<rules::RecordingError>(&signals)) {
    reader.fail(described(*error));
  }
  if (!reader.ok()) return reader.to_problem();
  const auto& recording = std::get<rules::Recording>(signals);
  const auto options = options_for(recording, *rules::parse_level(level));
  Reply reply;
  reply.members["step_seconds"] = options.step.count();
  reply.members["level"] = level;
  reply.members["replay"] = to_json(rules::replay(recording, *first, options));
  if (second) reply.members["compare"] = to_json(rules::replay(recording, *second, options));
  return reply;
}

}  // namespace

void add_replay_route(Router& router, const RouteContext& context) {
  const AdminServices& services = context.services;
  router.add({"POST", "/api/v1/rules/replay", Access::viewer,
              [&services](const Call& call) { return replay_rules(services, call); }});
}

}  // namespace homeostat::admin
