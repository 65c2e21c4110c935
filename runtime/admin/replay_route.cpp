// POST /rules/replay: rule sets over recorded signals, without touching what
// runs. What it takes is done on a thread of its own, one replay at a time; the admin
// thread reads the body and sends the answer.
#include <algorithm>
#include <atomic>
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
/// What these keep is some 30 MB at most: the agent has 64 MiB for all that is not stored.
constexpr std::size_t states_max = 3'000, endpoints_max = 1'000;
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
  std::shared_ptr<const json::object> body;
  std::function<std::optional<std::string>()> recorded;  ///< the agent's own; else `signals`
  const json::value* signals = nullptr;                  ///< in `body`: CSV, or a query's answer
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

/// On the job's thread: a recording is read from a disk.
Signals signals_of(const Order& order) {
  if (order.recorded) {
    const auto recorded = order.recorded();
    if (recorded) return rules::read_recording(*recorded);
  }
  if (order.signals == nullptr) {
    return rules::RecordingError{
        0,
        "nothing is recorded here; set monitor.record.file, or send CSV or the answer of a "
        "Prometheus range query"};
  }
  const json::string* const csv = order.signals->if_string();
  return csv != nullptr ? rules::read_recording({csv->data(), csv->size()})
                        : read_range_query(*order.signals);
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
  Order order;
  order.body = std::make_shared<const json::object>(std::move(std::get<json::object>(body)));
  BodyReader reader(*order.body);
  const std::string text = reader.optional_text("rules");
  const std::string other = reader.optional_text("compare");
  order.level =
      reader.optional_word("level", {rules::to_string(services.board.current()->level),
                                     "conservative", "balanced", "aggressive", "adaptive"});
  order.step_seconds = step_of(reader);
  order.signals = reader.optional_value("signals");
  const bool named = order.signals != nullptr && order.signals->is_string();
  if (named && order.signals->get_string() == "recorded") order.signals = nullptr;
  if (order.signals == nullptr) order.recorded = services.recorded_signals;
  reader.refuse_others();
  order.parse = services.parse_rules;
  order.first = rules_of(services, text, "rules", reader);
  if (!other.empty()) order.second = rules_of(services, other, "compare", reader);
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

/// Why the replay would take too much; empty if it would not.
std::string too_much(const Sets& sets, const rules::Recording& recording,
                     std::chrono::seconds step) {
  rules::ReplayNeeds needs;
  for (const rules::RuleSet& set : sets) {
    const rules::ReplayNeeds own = rules::needs_of(recording, set, step);
    needs.evaluations += own.evaluations;
    needs.states = std::max(needs.states, own.states);
    needs.endpoints = own.endpoints;
  }
  const auto refused = [](const std::string& what, auto count, auto most) {
    return "the replay needs " + std::to_string(count) + " " + what + ", the most is " +
           std::to_string(most) +
           ": send fewer rules, endpoints or hours, a larger step_seconds, or use homeostat replay";
  };
  if (needs.evaluations > evaluations_max) {
    return refused("evaluations (ticks x rules x endpoints)", std::llround(needs.evaluations),
                   std::llround(evaluations_max));
  }
  if (needs.states > states_max) {
    return refused("states (rules x endpoints)", needs.states, states_max);
  }
  return needs.endpoints > endpoints_max ? refused("endpoints", needs.endpoints, endpoints_max)
                                         : std::string();
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
  const Signals signals = signals_of(order);
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
  auto left = std::make_shared<std::atomic<bool>>(false);
  Reply reply;
  reply.later = [order, left, &context](std::function<void(Reply)> done) {
    const auto work = [order, done](const std::atomic<bool>& cancelled) {
      auto answer = std::make_shared<Reply>(replay_or_say_why(*order, cancelled));
      return [done, answer] { done(std::move(*answer)); };
    };
    if (!context.background.start(work, left)) done(busy());
  };
  reply.abandoned = [left] { *left = true; };
  return reply;
}

}  // namespace

void add_replay_route(Router& router, const RouteContext& context) {
  router.add({"POST", "/api/v1/rules/replay", Access::viewer,
              [&context](const Call& call) { return replay_rules(context, call); },
              body_bytes_largest});
}

}  // namespace homeostat::admin
