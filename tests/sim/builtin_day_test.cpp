// A day on which every built-in rule has its reason once, in virtual time and without a
// service that answers: each episode is clear at first, then wavers about the rule's
// threshold, then ends. By seed.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "config/rule_loader.hpp"
#include "rules/engine/engine.hpp"
#include "rules/laws/relapse_hold.hpp"

namespace homeostat::rules {
namespace {

using namespace std::chrono_literals;

using Values = std::map<SignalId, double>;

/// What a rule's reason looks like, and how it wavers: not as far as to its `until`.
struct Episode {
  const char* rule;
  Values clear, at_threshold;
  double noise;  ///< of the values at the threshold, as a share of each
};

const std::vector<Episode>& episodes() {
  using S = SignalId;
  static const std::vector<Episode> all = {
      {"high-cpu-gc", {{S::cpu_utilization, 0.93}}, {{S::cpu_utilization, 0.9}}, 0.03},
      {"cpu-throttle", {{S::cpu_utilization, 0.97}}, {{S::cpu_utilization, 0.95}}, 0.03},
      {"cpu-emergency", {{S::cpu_utilization, 0.985}}, {{S::cpu_utilization, 0.98}}, 0.015},
      {"cpu-exhausted",
       {{S::cpu_utilization, 0.995}, {S::cpu_pressure, 0.8}},
       {{S::cpu_utilization, 0.99}, {S::cpu_pressure, 0.6}},
       0.01},
      {"cache-cleanup", {{S::memory_utilization, 0.83}}, {{S::memory_utilization, 0.8}}, 0.03},
      {"aggressive-gc", {{S::memory_utilization, 0.92}}, {{S::memory_utilization, 0.9}}, 0.02},
      {"memory-emergency", {{S::memory_utilization, 0.96}}, {{S::memory_utilization, 0.95}}, 0.02},
      {"memory-exhausted",
       {{S::memory_utilization, 0.985}},
       {{S::memory_utilization, 0.98}},
       0.015},
      {"enhanced-caching", {{S::endpoint_latency_p95, 2.5}}, {{S::endpoint_latency_p95, 2}}, 0.2},
      {"response-compression",
       {{S::endpoint_latency_p95, 6}},
       {{S::endpoint_latency_p95, 5}},
       0.15},
      {"upstream-errors", {{S::upstream_error_ratio, 0.5}}, {{S::upstream_error_ratio, 0.3}}, 0.5},
      {"upstream-queueing",
       {{S::admission_queue_wait, 0.1}, {S::upstream_latency_p95, 0.5}},
       {{S::admission_queue_wait, 0.05}, {S::upstream_latency_p95, 0.3}},
       0.5},
  };
  return all;
}

constexpr int clear_seconds = 120, wavering_seconds = 2880, episode_seconds = 7200;

const RuleSet& builtin() {
  static const RuleSet set = config::load_rules({"builtin"}, ".", {}).rules;
  return set;
}

/// Two endpoints; only the first is ever slow.
class Signals {
 public:
  explicit Signals(unsigned seed) : random_(seed) {}

  const Frame& at(int second, const Episode& episode) {
    frame_.now += 1s;
    Values values{{SignalId::cpu_utilization, 0.4},      {SignalId::cpu_pressure, 0.05},
                  {SignalId::cpu_throttled, 0},          {SignalId::memory_utilization, 0.5},
                  {SignalId::memory_full_pressure, 0},   {SignalId::upstream_error_ratio, 0.001},
                  {SignalId::upstream_latency_p95, 0.1}, {SignalId::traffic_rate, 20},
                  {SignalId::admission_queue_wait, 0},   {SignalId::endpoint_latency_p95, 0.2}};
    if (second < clear_seconds) {
      for (const auto& [id, value] : episode.clear) values[id] = value;
    } else if (second < wavering_seconds) {
      // Above it and below it in turns, each longer than any `for`.
      const double side = second / 90 % 2 == 0 ? episode.noise : -episode.noise;
      std::uniform_real_distribution<double> far(0.3, 1);
      for (const auto& [id, value] : episode.at_threshold) {
        values[id] = value * (1 + side * far(random_));
      }
    }
    frame_.endpoints.resize(2);
    for (EndpointId id : {0U, 1U}) {
      EndpointFrame& endpoint = frame_.endpoints[id];
      endpoint.id = id;
      endpoint.name = id == 0 ? "GET /page" : "GET /other";
      set(endpoint.values, SignalId::endpoint_latency_p95,
          id == 0 ? values[SignalId::endpoint_latency_p95] : 0.2);
    }
    for (const auto& [id, value] : values) {
      if (signal_info(id).scope == SignalScope::global) set(frame_.global, id, value);
    }
    return frame_;
  }

 private:
  void set(SignalValues& values, SignalId id, double value) const {
    values[static_cast<std::size_t>(id)] = {value, frame_.now, Quality::good, "day"};
  }

  std::mt19937 random_;
  Frame frame_;
};

class BuiltinDay : public testing::TestWithParam<std::tuple<unsigned, Level>> {
 protected:
  /// What is decided is what the rules that act ask for, the strictest of it, and no more.
  static void expect_within_bounds(const TickResult& tick) {
    double throttle = 1, shrink = 1;
    bool emergency = false;
    for (const ActiveAction& active : tick.active) {
      if (const auto* a = std::get_if<Throttle>(&active.action))
        throttle = std::min(throttle, a->to);
      if (const auto* a = std::get_if<ReleaseMemory>(&active.action)) {
        shrink = std::min(shrink, a->shrink_cache_to);
      }
      emergency = emergency || std::holds_alternative<EnterEmergency>(active.action);
      const bool elsewhere = active.endpoint && active.endpoint_name != "GET /page";
      ASSERT_FALSE(elsewhere) << active.rule << " at " << active.endpoint_name;
    }
    ASSERT_EQ(tick.outcome.throttle_to, throttle);
    ASSERT_EQ(tick.outcome.shrink_cache_to, shrink);
    ASSERT_EQ(tick.outcome.emergency, emergency);
    for (const EndpointOutcome& endpoint : tick.outcome.endpoints) {
      ASSERT_EQ(endpoint.id, 0U) << "the other endpoint is not slow";
      ASSERT_LE(endpoint.ttl_multiplier, 2);
      ASSERT_GE(endpoint.ttl_multiplier, 1);
      ASSERT_LE(endpoint.ttl_max, 1h);
    }
  }

  static void expect_nothing_left(const TickResult& tick, const Engine& engine) {
    for (const ActiveAction& active : tick.active) {
      FAIL() << active.rule << " still acts: " << active.reason;
    }
    for (const RuleStatus& row : engine.status()) {
      ASSERT_EQ(row.state, RuleState::inactive) << row.rule;
    }
    ASSERT_TRUE(tick.outcome.endpoints.empty());
    ASSERT_TRUE(tick.outcome.release_now.empty());
  }
};

TEST_P(BuiltinDay, SeesEachRuleActOnceWithinItsBoundsAndNothingAfterItsReason) {
  const auto [seed, level] = GetParam();
  Engine engine(builtin(), level);
  Signals signals(seed);
  std::set<std::string> acted, expected;
  for (const Rule& rule : builtin().rules) {
    if (rule.every_level || rule.level <= level) expected.insert(rule.name);
  }
  for (const Episode& episode : episodes()) {
    SCOPED_TRACE(episode.rule);
    std::map<std::string, int> activations;
    for (int second = 0; second < episode_seconds; ++second) {
      const TickResult& tick = engine.tick(signals.at(second, episode));
      for (const Transition& transition : tick.transitions) {
        const bool fires = transition.to == RuleState::firing;
        if (fires && transition.from != RuleState::holding) ++activations[transition.rule];
      }
      for (const ActiveAction& active : tick.active) acted.insert(active.rule);
      expect_within_bounds(tick);
      const bool over = second > wavering_seconds + RelapseHold::hold_max / 1s;
      if (over) expect_nothing_left(tick, engine);
      if (testing::Test::HasFatalFailure()) return;
    }
    EXPECT_EQ(activations.contains(episode.rule), expected.contains(episode.rule));
    for (const auto& [rule, times] : activations) EXPECT_EQ(times, 1) << rule << " flaps";
  }
  EXPECT_EQ(acted, expected);
}

INSTANTIATE_TEST_SUITE_P(SeedsAndLevels, BuiltinDay,
                         testing::Combine(testing::Values(1U, 2U),
                                          testing::Values(Level::conservative, Level::balanced,
                                                          Level::aggressive)));

}  // namespace
}  // namespace homeostat::rules
