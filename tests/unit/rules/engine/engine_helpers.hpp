// Shared by the engine tests: rules from text, frames from values, timelines.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "rules/engine/engine.hpp"
#include "rules/expr/expression.hpp"

namespace homeostat::rules::testing {

using namespace std::chrono_literals;
using ExpressionPtr = std::shared_ptr<const Expression>;

inline ExpressionPtr condition(std::string_view text) {
  auto parsed = Expression::parse_condition(text, true);
  if (const auto* error = std::get_if<ExpressionError>(&parsed)) {
    ADD_FAILURE() << text << ": " << error->message;
    return std::get<ExpressionPtr>(Expression::parse_condition("false", false));
  }
  return std::get<ExpressionPtr>(parsed);
}

inline Rule rule(std::string name, std::string_view when, std::vector<Action> then = {}) {
  Rule out;
  out.name = std::move(name);
  out.when = condition(when);
  out.scope = out.when->reads_endpoint() ? Scope::endpoint : Scope::global;
  out.then = std::move(then);
  return out;
}

inline RuleSet set_of(std::vector<Rule> rules) { return RuleSet{std::move(rules)}; }

inline void put(SignalValues& values, SignalId id, double value, Quality quality = Quality::good) {
  values[static_cast<std::size_t>(id)] = {value, {}, quality, "test"};
}

/// Drives an engine second by second over one global and several endpoint values.
class Timeline {
 public:
  explicit Timeline(RuleSet rules, Level level = Level::balanced)
      : engine(std::move(rules), level) {}

  Timeline& cpu(std::optional<double> value, Quality quality = Quality::good) {
    frame_.global[static_cast<std::size_t>(SignalId::cpu_utilization)] = {};
    if (value) put(frame_.global, SignalId::cpu_utilization, *value, quality);
    return *this;
  }
  Timeline& memory(double value) {
    put(frame_.global, SignalId::memory_utilization, value);
    return *this;
  }
  /// Sets an endpoint's p95 latency, adding the endpoint if it is new.
  Timeline& latency(EndpointId id, double seconds) {
    put(endpoint(id).values, SignalId::endpoint_latency_p95, seconds);
    return *this;
  }
  Timeline& forget(EndpointId id) {
    std::erase_if(frame_.endpoints, [id](const auto& endpoint) { return endpoint.id == id; });
    return *this;
  }
  EndpointFrame& endpoint(EndpointId id) {
    for (EndpointFrame& known : frame_.endpoints) {
      if (known.id == id) return known;
    }
    EndpointFrame fresh;
    fresh.id = id;
    fresh.name = "GET /" + std::to_string(id);
    frame_.endpoints.push_back(std::move(fresh));
    return frame_.endpoints.back();
  }

  SignalValues& global() { return frame_.global; }

  /// Ticks now, then lets `step` pass. Values without a time are of now.
  TickResult tick(Duration step = 1s) {
    frame_.now = now;
    Frame frame = frame_;
    stamp(frame.global);
    for (EndpointFrame& endpoint : frame.endpoints) stamp(endpoint.values);
    TickResult result = engine.tick(frame);
    now += step;
    return result;
  }

  [[nodiscard]] RuleState state(std::string_view name,
                                std::optional<EndpointId> endpoint = std::nullopt) const {
    for (const RuleStatus& row : engine.status()) {
      if (row.rule == name && (row.endpoint == endpoint)) return row.state;
    }
    return RuleState::inactive;
  }

  Engine engine;
  Instant now{1h};

 private:
  void stamp(SignalValues& values) const {
    for (Reading& reading : values) {
      if (reading.at == Instant{}) reading.at = now;
    }
  }

  Frame frame_;
};

/// "ipfh": one letter per tick for inactive, pending, firing, holding.
inline char letter(RuleState state) { return to_string(state).front(); }

/// Ticks once per character of `input` ('#': cpu 99 %, '=': 88 %, '.': 10 %,
/// '?': missing) and returns the letters of the rule's states.
inline std::string play(Timeline& timeline, std::string_view name, std::string_view input) {
  std::string states;
  for (const char c : input) {
    switch (c) {
      case '#': timeline.cpu(0.99); break;
      case '=': timeline.cpu(0.88); break;
      case '.': timeline.cpu(0.10); break;
      default: timeline.cpu(std::nullopt); break;
    }
    (void)timeline.tick();
    states += letter(timeline.state(name));
  }
  return states;
}

}  // namespace homeostat::rules::testing
