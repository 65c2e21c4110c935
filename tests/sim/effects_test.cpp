// Planted useful, useless and harmful actions under rules with `effect`, by
// seed and in virtual time: how often the verdict is right.
//
// The plant is unkind on purpose: latency follows a season and a slow random
// walk that both sides share, each side has noise of its own with heavy tails,
// and rules fire when latency happens to be high, so that it would fall again
// by itself. Everything a rule sees is a ten second window, as in the agent.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <deque>
#include <functional>
#include <numeric>
#include <random>
#include <string>

#include "rules/engine/engine.hpp"
#include "rules/expr/expression.hpp"

namespace homeostat::rules {
namespace {

using namespace std::chrono_literals;

std::shared_ptr<const Expression> condition(const char* text, bool endpoint) {
  return std::get<0>(Expression::parse_condition(text, endpoint));
}

/// The mean of the last ten seconds.
class Window {
 public:
  double add(double value) {
    values_.push_back(value);
    if (values_.size() > 10) values_.pop_front();
    return std::accumulate(values_.begin(), values_.end(), 0.0) /
           static_cast<double>(values_.size());
  }

 private:
  std::deque<double> values_;
};

class Weather {
 public:
  explicit Weather(unsigned seed) : random_(seed), phase_(uniform(0, 6.28)) {}
  double uniform(double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(random_);
  }
  /// What everybody suffers from: about 2 s, moving by a half in minutes.
  double common() {
    ++second_;
    walk_ = 0.995 * walk_ + std::normal_distribution<double>(0, 0.02)(random_);
    return 2 * std::exp(0.3 * std::sin(phase_ + second_ / 400.0) + walk_);
  }
  /// Of one side in one second: heavy tails, once in a while an outlier.
  double own() {
    double noise = 0.25 * std::student_t_distribution<double>(4)(random_);
    if (std::uniform_int_distribution<int>(0, 99)(random_) == 0) noise += 1.5;
    return std::exp(std::clamp(noise, -2.0, 3.0));
  }

 private:
  std::mt19937 random_;
  double phase_, walk_ = 0.2;
  int second_ = 0;
};

void put(SignalValues& values, SignalId id, double value, Instant now) {
  values[static_cast<std::size_t>(id)] = {value, now, Quality::good, "plant"};
}

ArmSide side(double latency) {
  ArmSide out;
  out.requests = 300;
  out.values[static_cast<std::size_t>(SignalId::endpoint_latency_p95) - first_endpoint_signal] =
      latency;
  return out;
}

/// What became of one trial.
struct Verdict {
  TrialVerdict verdict = TrialVerdict::waiting;
  bool undone = false;
  int seconds = 0;
};

using Plant = std::function<Verdict(double factor, unsigned seed)>;

Verdict concurrent(double factor, unsigned seed) {
  Rule rule;
  rule.name = "planted";
  rule.scope = Scope::endpoint;
  rule.level = Level::conservative;
  rule.when = condition("endpoint.latency_p95 > 1ms", true);
  rule.then = {ScaleTtl{}};
  rule.rollout = 0.5;
  rule.effect = EffectGoal{.improve = SignalId::endpoint_latency_p95, .within = 5min};
  Engine engine(RuleSet{{rule}});
  Weather weather(seed);
  Window treated, control;
  Frame frame;
  frame.now = Instant{1h};
  frame.endpoints.push_back({1, "GET /", {}, {}});
  bool acts = false;
  for (int second = 0; second < 400; ++second) {
    const double common = weather.common();
    const double on = treated.add(common * weather.own() * (acts ? factor : 1));
    const double off = control.add(common * weather.own());
    put(frame.endpoints[0].values, SignalId::endpoint_latency_p95, (on + off) / 2, frame.now);
    frame.endpoints[0].arms = ArmValues{side(on), side(off), ArmValues::span_short, frame.now};
    const TickResult result = engine.tick(frame);
    acts = !result.outcome.endpoints.empty();
    for (const TrialStep& step : result.trials) {
      if (step.report.verdict == TrialVerdict::running) continue;
      return {step.report.verdict, step.report.undone, second};
    }
    frame.now += 1s;
  }
  return {};
}

Verdict alternating(double factor, unsigned seed) {
  Rule rule;
  rule.name = "planted";
  rule.level = Level::conservative;
  rule.when = condition("traffic.latency_p95 > 2.2s", false);
  rule.until = condition("traffic.latency_p95 < 1ms", false);
  rule.then = {Throttle{0.5}};
  rule.effect = EffectGoal{.improve = SignalId::traffic_latency_p95, .within = 30min};
  Engine engine(RuleSet{{rule}});
  Weather weather(seed);
  Window window;
  Frame frame;
  frame.now = Instant{1h};
  bool acts = false;
  int begun = -1;
  for (int second = 0; second < 9000; ++second) {
    put(frame.global, SignalId::traffic_latency_p95,
        window.add(weather.common() * weather.own() * (acts ? factor : 1)), frame.now);
    const TickResult result = engine.tick(frame);
    acts = result.outcome.throttle_to < 1;
    for (const TrialStep& step : result.trials) {
      if (step.report.verdict == TrialVerdict::running) {
        begun = second;
      } else {
        return {step.report.verdict, step.report.undone, second - begun};
      }
    }
    frame.now += 1s;
  }
  return {};
}

/// Shares of the verdicts over `runs` seeds.
struct Shares {
  double useful = 0, harmful = 0, undone = 0, seconds_max = 0;
};

Shares shares(const Plant& plant, double low, double high, int runs) {
  Shares out;
  Weather draws(1);
  for (int run = 0; run < runs; ++run) {
    const Verdict verdict = plant(draws.uniform(low, high), static_cast<unsigned>(run));
    out.useful += verdict.verdict == TrialVerdict::useful ? 1 : 0;
    out.harmful += verdict.verdict == TrialVerdict::harmful ? 1 : 0;
    out.undone += verdict.undone ? 1 : 0;
    out.seconds_max = std::max(out.seconds_max, static_cast<double>(verdict.seconds));
  }
  for (double* share : {&out.useful, &out.harmful, &out.undone}) *share /= runs;
  return out;
}

struct Design {
  const char* name;
  Plant plant;
  int runs;
  double within;
};

class Effects : public testing::TestWithParam<Design> {
 protected:
  static void tell(const char* what, const Shares& shares) {
    std::printf("%s %s: useful %.1f %%, harmful %.1f %%, undone %.1f %%, at most %.0f s\n",
                GetParam().name, what, shares.useful * 100, shares.harmful * 100,
                shares.undone * 100, shares.seconds_max);
  }
};

TEST_P(Effects, UsefulActionsAreKept) {
  const Shares found = shares(GetParam().plant, 0.5, 0.75, GetParam().runs);
  tell("useful (25 to 50 % better)", found);
  EXPECT_GE(found.useful, 0.95);
}

TEST_P(Effects, HarmfulActionsAreUndoneWithinTheirWindow) {
  const Shares found = shares(GetParam().plant, 1.3, 2.0, GetParam().runs);
  tell("harmful (30 to 100 % worse)", found);
  EXPECT_GE(found.undone, 0.99);
  EXPECT_LE(found.seconds_max, GetParam().within + 1);
  EXPECT_GE(found.harmful, 0.95);  // most of them seen for what they are
}

TEST_P(Effects, UselessActionsAreRemovedAndSeldomMisjudged) {
  const Shares found = shares(GetParam().plant, 1, 1, GetParam().runs);
  tell("useless", found);
  EXPECT_LE(found.useful + found.harmful, 0.05);
  EXPECT_GE(found.undone, 0.95);
}

INSTANTIATE_TEST_SUITE_P(Designs, Effects,
                         testing::Values(Design{"concurrent", concurrent, 1000, 300},
                                         Design{"alternating", alternating, 400, 1800}),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

}  // namespace
}  // namespace homeostat::rules
