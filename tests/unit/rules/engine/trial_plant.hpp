// A planted effect at one endpoint, for the tests of trials.
#pragma once

#include "tests/unit/rules/engine/engine_helpers.hpp"

namespace homeostat::rules::testing {

inline constexpr EndpointId page = 1;

inline Rule tried(std::string name = "cache-more", Action action = ScaleTtl{},
                  double rollout = 0.5) {
  Rule out = rule(std::move(name), "endpoint.latency_p95 > 2s", {std::move(action)});
  out.rollout = rollout;
  out.effect = EffectGoal{.improve = SignalId::endpoint_latency_p95, .within = 5min};
  return out;
}

/// An endpoint whose treated requests take `factor` times as long, with a little noise.
class Plant {
 public:
  explicit Plant(RuleSet rules) : timeline(std::move(rules)) {}

  TickResult tick(double factor, double latency = 3) {
    timeline.latency(page, latency);
    ++second_;
    // A fixed pattern of noise, a few percent.
    const double noise = 0.03 * (static_cast<double>(second_ * 7 % 11) / 5.0 - 1);
    ArmValues arms;
    arms.span = span;
    arms.at = timeline.now - (timeline.now - Instant{}) % every;
    fill(arms.treated, latency * factor * (1 + noise));
    fill(arms.control, latency * (1 - noise));
    timeline.endpoint(page).arms = arms;
    return timeline.tick();
  }
  /// Until a trial comes to a verdict, or `seconds` have passed.
  std::optional<TrialStep> verdict(double factor, int seconds = 400) {
    for (int i = 0; i < seconds; ++i) {
      for (const TrialStep& step : tick(factor).trials) {
        if (step.report.verdict != TrialVerdict::running) return step;
      }
    }
    return std::nullopt;
  }
  double share() {
    const TickResult result = tick(1);
    return result.outcome.endpoints.empty() ? 0 : result.outcome.endpoints[0].ttl_share;
  }
  std::optional<TrialReport> report(std::string_view rule = "cache-more") {
    for (const RuleStatus& row : timeline.engine.status()) {
      if (row.rule == rule) return row.trial;
    }
    return std::nullopt;
  }

  Timeline timeline;
  Duration span = 10s;
  Duration every = 1s;  ///< how often the values are new

 private:
  static void fill(ArmSide& side, double latency) {
    side.requests = 200;
    side.values[static_cast<std::size_t>(SignalId::endpoint_latency_p95) - first_endpoint_signal] =
        latency;
  }
  int second_ = 0;
};

}  // namespace homeostat::rules::testing
