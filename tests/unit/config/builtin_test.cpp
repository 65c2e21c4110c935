#include "config/builtin.hpp"

#include <map>
#include <set>

#include "rules/engine/engine.hpp"
#include "tests/unit/config/support.hpp"

namespace homeostat::config {
namespace {

using rules::Level;
using rules::SignalId;

const rules::RuleSet& builtin() {
  static const rules::RuleSet set = [] {
    auto result = load_rules({"builtin"}, ".", {});
    EXPECT_TRUE(result.ok()) << format(result.diagnostics);
    return result.rules;
  }();
  return set;
}

const rules::Rule& rule(std::string_view name) {
  for (const auto& candidate : builtin().rules) {
    if (candidate.name == name) return candidate;
  }
  ADD_FAILURE() << "no rule " << name;
  return builtin().rules.front();
}

bool has_emergency(const rules::Rule& one) {
  for (const auto& action : one.then) {
    if (std::holds_alternative<rules::EnterEmergency>(action)) return true;
  }
  return false;
}

TEST(Builtin, IsWhatLiesInTheTree) {
  ASSERT_FALSE(builtin_files().empty());
  for (const auto& file : builtin_files()) {
    EXPECT_EQ(file.text, project_file("config/" + std::string(file.name))) << file.name;
  }
}

TEST(Builtin, HoldsTwelveRulesAtTheirLevels) {
  const std::map<std::string, Level> expected{
      {"high-cpu-gc", Level::conservative},      {"cpu-throttle", Level::balanced},
      {"cpu-emergency", Level::aggressive},      {"cache-cleanup", Level::conservative},
      {"aggressive-gc", Level::balanced},        {"memory-emergency", Level::aggressive},
      {"enhanced-caching", Level::conservative}, {"response-compression", Level::conservative},
      {"upstream-errors", Level::balanced},      {"upstream-queueing", Level::balanced}};
  for (const auto& [name, level] : expected) EXPECT_EQ(rule(name).level, level) << name;
  EXPECT_EQ(builtin().rules.size(), 12U);
  EXPECT_EQ(builtin().rules.size(), expected.size() + 2) << "and two that hold at every level";
}

TEST(Builtin, EveryRuleIsDescribedAndDampened) {
  for (const auto& one : builtin().rules) {
    EXPECT_FALSE(one.description.empty()) << one.name;
    EXPECT_NE(one.until, nullptr) << one.name;
    EXPECT_GT(one.for_, rules::Duration::zero()) << one.name;
    EXPECT_GE(one.hold, std::chrono::minutes(1)) << one.name;
    EXPECT_EQ(one.where.file.substr(0, 8), "builtin/") << one.name;
  }
}

TEST(Builtin, EmergencyIsRaisedWithAnAlert) {
  for (const auto& one : builtin().rules) {
    if (!has_emergency(one)) continue;
    bool alert = false;
    for (const auto& action : one.then) {
      alert = alert || std::holds_alternative<rules::RaiseAlert>(action);
    }
    EXPECT_TRUE(alert) << one.name;
  }
}

/// The rules that are active after `seconds` of these readings at this level.
std::set<std::string> active_after(Level level, int seconds,
                                   const std::map<SignalId, double>& readings,
                                   const std::map<SignalId, double>& endpoint = {}) {
  rules::Engine engine(builtin(), level);
  std::set<std::string> names;
  for (int second = 0; second <= seconds; ++second) {
    rules::Frame frame;
    frame.now = rules::Instant{} + std::chrono::seconds(1000 + second);
    const auto reading = [&](double value) {
      return rules::Reading{value, frame.now, rules::Quality::good, "test"};
    };
    for (const auto& [id, value] : readings) frame[id] = reading(value);
    if (!endpoint.empty()) {
      rules::EndpointFrame one;
      one.name = "GET /slow";
      for (const auto& [id, value] : endpoint) {
        one.values[static_cast<std::size_t>(id)] = reading(value);
      }
      frame.endpoints.push_back(std::move(one));
    }
    names.clear();
    for (const auto& action : engine.tick(frame).active) names.insert(action.rule);
  }
  return names;
}

using Names = std::set<std::string>;

TEST(Builtin, FiresAtTheThresholdsOfTheTable) {
  const auto cpu = [](double value) {
    return active_after(Level::aggressive, 120, {{SignalId::cpu_utilization, value}});
  };
  EXPECT_EQ(cpu(0.90), Names{});
  EXPECT_EQ(cpu(0.91), Names{"high-cpu-gc"});
  EXPECT_EQ(cpu(0.96), (Names{"high-cpu-gc", "cpu-throttle"}));
  EXPECT_EQ(cpu(0.985), (Names{"high-cpu-gc", "cpu-throttle", "cpu-emergency"}));
  const auto memory = [](double value) {
    return active_after(Level::aggressive, 120, {{SignalId::memory_utilization, value}});
  };
  EXPECT_EQ(memory(0.80), Names{});
  EXPECT_EQ(memory(0.81), Names{"cache-cleanup"});
  EXPECT_EQ(memory(0.91), (Names{"cache-cleanup", "aggressive-gc"}));
  EXPECT_EQ(memory(0.96), (Names{"cache-cleanup", "aggressive-gc", "memory-emergency"}));
}

/// After as long with an endpoint of this 95th percentile.
Names active_where_slow(double p95, int seconds) {
  return active_after(Level::conservative, seconds, {{SignalId::cpu_utilization, 0.1}},
                      {{SignalId::endpoint_latency_p95, p95}});
}

TEST(Builtin, ActsOnSlowEndpointsAtEveryLevel) {
  EXPECT_EQ(active_where_slow(1.9, 60), Names{});
  EXPECT_EQ(active_where_slow(2.1, 60), Names{"enhanced-caching"});
}

TEST(Builtin, TriesOneThingAtATimeAtASlowEndpointAndUndoesWhatShowsNothing) {
  EXPECT_EQ(active_where_slow(5.1, 60), Names{"enhanced-caching"});
  EXPECT_EQ(active_where_slow(5.1, 60 + 15 * 60), Names{"response-compression"});
  EXPECT_EQ(active_where_slow(5.1, 60 + 31 * 60), Names{});
}

TEST(Builtin, DoesNotTurnProtectionOffToJudgeIt) {
  for (const auto& one : builtin().rules) {
    EXPECT_EQ(one.effect.has_value(), one.scope == rules::Scope::endpoint) << one.name;
  }
}

TEST(Builtin, SendsLessToAnApplicationThatFails) {
  const auto failing = [](Level level, double errors, double rate) {
    return active_after(level, 30,
                        {{SignalId::upstream_error_ratio, errors}, {SignalId::traffic_rate, rate}});
  };
  EXPECT_EQ(failing(Level::balanced, 0.4, 10), Names{"upstream-errors"});
  EXPECT_EQ(failing(Level::balanced, 0.2, 10), Names{});
  EXPECT_EQ(failing(Level::balanced, 0.4, 0.5), Names{}) << "too few calls to conclude anything";
  EXPECT_EQ(failing(Level::conservative, 0.4, 10), Names{});
}

TEST(Builtin, TightensWhenTheApplicationIsSlowerThanItUsuallyIs) {
  rules::Engine engine(builtin(), Level::balanced);
  rules::Frame frame;
  const auto run = [&](int seconds, double latency) {
    bool active = false;
    for (int i = 0; i < seconds; ++i) {
      frame.now += std::chrono::seconds(1);
      frame[SignalId::upstream_latency_p95] = {latency, frame.now, rules::Quality::good, "test"};
      frame[SignalId::admission_queue_wait] = {0.08, frame.now, rules::Quality::good, "test"};
      active = false;
      for (const auto& action : engine.tick(frame).active) {
        active = active || action.rule == "upstream-queueing";
      }
    }
    return active;
  };
  EXPECT_FALSE(run(45 * 60, 0.4)) << "always this slow";
  EXPECT_TRUE(run(30, 1.0));
}

TEST(Builtin, ABusyMachineIsNotAnEmergencyAtLowerLevels) {
  for (const auto level : {Level::conservative, Level::balanced}) {
    const auto names = active_after(level, 300,
                                    {{SignalId::cpu_utilization, 1.0},
                                     {SignalId::memory_utilization, 0.97},
                                     {SignalId::memory_full_pressure, 0.01},
                                     {SignalId::cpu_pressure, 0.3}});
    for (const auto& name : names) EXPECT_FALSE(has_emergency(rule(name))) << name;
  }
}

TEST(Builtin, AFailingMachineIsAnEmergencyAtEveryLevel) {
  for (const auto level : {Level::conservative, Level::balanced, Level::aggressive}) {
    EXPECT_TRUE(
        active_after(level, 10, {{SignalId::memory_utilization, 0.985}}).count("memory-exhausted"))
        << "without PSI, too";
    EXPECT_TRUE(
        active_after(level, 10,
                     {{SignalId::memory_utilization, 0.5}, {SignalId::memory_full_pressure, 0.25}})
            .count("memory-exhausted"));
    EXPECT_TRUE(
        active_after(level, 70,
                     {{SignalId::cpu_utilization, 1.0}, {SignalId::admission_queue_wait, 0.06}})
            .count("cpu-exhausted"));
    EXPECT_FALSE(active_after(level, 70, {{SignalId::cpu_utilization, 1.0}}).count("cpu-exhausted"))
        << "no witness, no emergency";
  }
}

}  // namespace
}  // namespace homeostat::config
