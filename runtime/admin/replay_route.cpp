// POST /rules/replay: rule sets over recorded signals, without touching what
// runs. What it takes is done on a thread of its own, one replay at a time; the admin
// thread reads the body and sends the answer.
#include <algorithm>
#include <boost/json/value.hpp>
#include <cmath>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/admin/recording_json.hpp"
#include "runtime/admin/request_body.hpp"
#include "runtime/admin/routes.hpp"

namespace homeostat::admin {

namespace json = boost::json;

namespace {

/// Longer recordings are looked at less often, unless the sender names the step.
constexpr double ticks_standard = 20'000;
/// Ticks x rules x endpoints of all rule sets, large conditions counted as many: seconds of one
/// CPU, a minute at most.
constexpr double evaluations_max = 5'000'000;
constexpr std::size_t rules_bytes_max = std::size_t{256} * 1024;
constexpr std::int64_t step_max = 3600;

using Signals = std::variant<rules::Recording, rules::RecordingError>;

/// Rules as they were sent, or those in force.
struct Rules {
  std::string text;  ///< empty: `set`
  rules::RuleSet set;
};

/// What one replay needs; complete, so that it can be done anywhere.
struct Order {
  std::function<ParsedRules(const std::string&)> parse;
  Rules first;
  std::optional<Rules> second;
  std::optional<std::string> csv;
  json::value answer;  ///< of a range query, if there is no CSV
  std::string level;
  std::optional<std::int64_t> step_seconds;
};

std::string described(const rules::RecordingError& error) {
  if (error.line == 0) return "signals: " + error.message;
  return "signals, line " + std::to_string(error.line) + ": " + error.message;
}

Rules rules_of(const AdminServices& services, std::string text, const char* member,
               BodyReader& reader) {
  if (text.empty()) return {{}, services.rules ? *services.rules() : rules::RuleSet{}};
  if (!services.parse_rules) reader.fail(std::string(member) + ": rules cannot be read here");
  if (text.size() > rules_bytes_max) reader.fail(std::string(member) + ": at most 256 KiB");
  return {std::move(text), {}};
}

/// On the job's thread: many rules that use large macros take a while. Errors are added.
rules::RuleSet read(const Order& order, const Rules& rules, const char* member,
                    std::vector<std::string>& errors) {
  if (rules.text.empty()) return rules.set;
  ParsedRules parsed = order.parse(rules.text);
  for (const std::string& error : parsed.errors) errors.push_back(member + (": " + error));
  return std::move(parsed.rules);
}

void take_signals(const AdminServices& services, const json::value* given, Order& order,
                  BodyReader& reader) {
  const bool recorded =
      given == nullptr || (given->is_string() && given->get_string() == "recorded");
  if (recorded) {
    order.csv = services.recorded_signals ? services.recorded_signals() : std::nullopt;
    if (!order.csv) {
      reader.fail(
          "signals: nothing is recorded here; set monitor.record.file, or send CSV or the answer "
          "of a Prometheus range query");
    }
  } else if (given->is_string()) {
    order.csv = std::string(given->get_string());
  } else {
    order.answer = *given;
  }
}

std::optional<std::int64_t> step_of(BodyReader& reader) {
  const json::value* const given = reader.optional_value("step_seconds");
  if (given == nullptr) return std::nullopt;
  if (given->is_int64() && given->get_int64() >= 1 && given->get_int64() <= step_max) {
    return given->get_int64();
  }
  reader.fail("step_seconds: expected a whole number from 1 to 3600");
  return std::nullopt;
}

std::variant<Order, Reply> read_order(const AdminServices& services, const AdminRequest& request) {
  auto body = read_body(request);
  if (auto* refused = std::get_if<Reply>(&body)) return std::move(*refused);
  BodyReader reader(std::get<json::object>(body));
  Order order;
  const std::string text = reader.optional_text("rules");
  const std::string other = reader.optional_text("compare");
  order.level =
      reader.optional_word("level", {rules::to_string(services.board.current()->level),
                                     "conservative", "balanced", "aggressive", "adaptive"});
  order.step_seconds = step_of(reader);
  const json::value* given = reader.optional_value("signals");
  reader.refuse_others();
  order.parse = services.parse_rules;
  order.first = rules_of(services, text, "rules", reader);
  if (!other.empty()) order.second = rules_of(services, other, "compare", reader);
  take_signals(services, given, order, reader);
  if (!reader.ok()) return reader.to_problem();
  return order;
}

std::chrono::seconds step_for(const Order& order, const rules::Recording& recording) {
  if (order.step_seconds) return std::chrono::seconds(*order.step_seconds);
  const auto [from, to] = recording.span();
  const double step = std::ceil((to - from) / ticks_standard);
  return std::chrono::seconds(std::max<std::int64_t>(1, static_cast<std::int64_t>(step)));
}

/// The rule sets of an order, read.
using Sets = std::vector<rules::RuleSet>;

/// Why the replay would take too long; empty if it would not.
std::string too_much(const Sets& sets, const rules::Recording& recording,
                     std::chrono::seconds step) {
  double evaluations = 0;
  for (const rules::RuleSet& set : sets) {
    evaluations += rules::replay_evaluations(recording, set, step);
  }
  if (evaluations <= evaluations_max) return {};
  return "the replay needs " + std::to_string(std::llround(evaluations)) +
         " evaluations (ticks x rules x endpoints), the most is " +
         std::to_string(std::llround(evaluations_max)) +
         ": send fewer rules, endpoints or hours, a larger step_seconds, or use homeostat replay";
}

Reply unusable(std::vector<std::string> errors) {
  return problem(422, "the body cannot be used", std::move(errors));
}

/// On the job's thread.
Reply replay(const Order& order, const std::atomic<bool>& cancelled) {
  std::vector<std::string> errors;
  Sets sets{read(order, order.first, "rules", errors)};
  if (order.second) sets.push_back(read(order, *order.second, "compare", errors));
  if (!errors.empty()) return unusable(std::move(errors));
  Signals signals = order.csv ? Signals(rules::read_recording(*order.csv))
                              : Signals(read_range_query(order.answer));
  if (const auto* error = std::get_if<rules::RecordingError>(&signals)) {
    return unusable({described(*error)});
  }
  const auto& recording = std::get<rules::Recording>(signals);
  const std::chrono::seconds step = step_for(order, recording);
  if (std::string why = too_much(sets, recording, step); !why.empty()) {
    return unusable({std::move(why)});
  }
  const rules::ReplayOptions options{*rules::parse_level(order.level), step, &cancelled};
  Reply reply;
  reply.members["step_seconds"] = step.count();
  reply.members["level"] = order.level;
  constexpr const char* names[] = {"replay", "compare"};
  for (std::size_t i = 0; i < sets.size(); ++i) {
    reply.members[names[i]] = to_json(rules::replay(recording, sets[i], options));
  }
  return reply;
}

Reply replay_or_say_why(const Order& order, const std::atomic<bool>& cancelled) {
  try {
    return replay(order, cancelled);
  } catch (const std::exception& error) {
    return problem(500, std::string("the replay failed: ") + error.what());
  }
}

Reply busy() {
  Reply reply = problem(503, "another replay is under way");
  reply.headers.emplace_back("Retry-After", "5");
  return reply;
}

Reply replay_rules(const RouteContext& context, const Call& call) {
  if (context.background.busy()) return busy();
  auto read = read_order(context.services, call.request);
  if (auto* refused = std::get_if<Reply>(&read)) return std::move(*refused);
  auto order = std::make_shared<const Order>(std::move(std::get<Order>(read)));
  Reply reply;
  reply.later = [order, &context](std::function<void(Reply)> done) {
    const bool begun = context.background.start([order, done](const std::atomic<bool>& cancelled) {
      auto answer = std::make_shared<Reply>(replay_or_say_why(*order, cancelled));
      return [done, answer] { done(std::move(*answer)); };
    });
    if (!begun) done(busy());
  };
  return reply;
}

}  // namespace

void add_replay_route(Router& router, const RouteContext& context) {
  router.add({"POST", "/api/v1/rules/replay", Access::viewer,
              [&context](const Call& call) { return replay_rules(context, call); },
              body_bytes_largest});
}

}  // namespace homeostat::admin
