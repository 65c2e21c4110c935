// POST /test/performance: overrides a signal for a while, so that an operator
// can see the rules react.
#include <boost/json/value.hpp>
#include <chrono>
#include <string>

#include "rules/expr/expression.hpp"
#include "rules/expr/signal.hpp"
#include "rules/expr/suggestion.hpp"
#include "runtime/admin/quantity.hpp"
#include "runtime/admin/request_body.hpp"
#include "runtime/admin/routes.hpp"
#include "runtime/ports/rfc3339.hpp"

namespace homeostat::admin {

namespace json = boost::json;

namespace {

constexpr std::chrono::milliseconds for_max = std::chrono::minutes(10);
constexpr std::chrono::milliseconds for_standard = std::chrono::seconds(10);

struct Injection {
  rules::SignalId signal = rules::SignalId::cpu_utilization;
  double value = 0;
  std::chrono::milliseconds for_ = for_standard;
};

/// `cpu` and `memory` are shorthands whose bare values are percentages.
bool read_shorthand(std::string_view metric, rules::SignalId& signal) {
  if (metric == "cpu") {
    signal = rules::SignalId::cpu_utilization;
  } else if (metric == "memory") {
    signal = rules::SignalId::memory_utilization;
  } else {
    return false;
  }
  return true;
}

std::string unknown_metric(std::string_view metric) {
  std::string text = "metric: expected cpu, memory or a signal name" + instead_of(metric);
  const std::string_view near = rules::nearest_signal(metric, true);
  if (!near.empty()) text += "; did you mean " + std::string(near) + "?";
  return text;
}

Injection read_query(const AdminRequest& request, std::vector<std::string>& errors) {
  Injection out;
  const std::string_view metric = request.parameter("metric");
  const bool shorthand = read_shorthand(metric, out.signal);
  const auto named = rules::find_signal(metric);
  if (named) out.signal = *named;
  if (!shorthand && !named) errors.push_back(unknown_metric(metric));
  if (shorthand || named) {
    std::string text(request.parameter("value"));
    const bool bare = !text.empty() && text.find_first_not_of("0123456789.") == std::string::npos;
    if (shorthand && bare) text += '%';
    const auto value = parse_quantity(text, rules::signal_info(out.signal).unit);
    if (const auto* wrong = std::get_if<std::string>(&value)) {
      errors.push_back(
          "value: " + (shorthand ? "expected a percentage between 0 and 100" : *wrong) +
          instead_of(request.parameter("value")));
    } else {
      out.value = std::get<double>(value);
    }
  }
  if (const auto text = request.parameter("for"); !text.empty()) {
    const auto parsed = parse_duration(text);
    if (!parsed || *parsed > for_max) {
      errors.push_back("for: expected a duration up to 10m such as 10s" + instead_of(text));
    } else {
      out.for_ = *parsed;
    }
  }
  return out;
}

Reply inject(const RouteContext& context, const Call& call) {
  if (!context.allow_injection) {
    return problem(403, "signal injection is off; set admin.allow_injection: true to allow it");
  }
  std::vector<std::string> errors;
  const Injection injection = read_query(call.request, errors);
  const std::string reason(call.request.parameter("reason"));
  if (reason.size() > reason_bytes_max) errors.emplace_back("reason: at most 500 bytes");
  if (!errors.empty()) return problem(422, "the query cannot be used", std::move(errors));
  const rules::SignalInfo& info = rules::signal_info(injection.signal);
  context.services.commands.inject(injection.signal, injection.value, injection.for_);
  const auto until = context.services.clock.wall_now() + injection.for_;
  const std::string shown = rules::format_value(injection.value, info.unit);
  context.audit.record(
      call, {"inject_signal", std::string(info.name) + " = " + shown + " until " + rfc3339(until),
             reason, 1});
  Reply reply;
  reply.status = 202;
  reply.members["status"] = "accepted";
  reply.members["injected"] = true;
  reply.members["signal"] = info.name;
  reply.members["value"] = injection.value;
  reply.members["unit"] = rules::to_string(info.unit);
  reply.members["shown_as"] = shown;
  reply.members["for_seconds"] = static_cast<double>(injection.for_.count()) / 1000;
  reply.members["until"] = rfc3339(until);
  return reply;
}

}  // namespace

void add_injection_route(Router& router, const RouteContext& context) {
  router.add({"POST", "/api/v1/test/performance", Access::operator_,
              [&context](const Call& call) { return inject(context, call); }});
}

}  // namespace homeostat::admin
