// Days of a simulated service under the built-in rules, in closed loop and
// virtual time: what must hold whatever the load does. By seed.
//
// The service is a crude one on purpose: utilization from admitted work,
// latency from utilization, memory from a leak and the cache. Its days have a
// curve, noise and, if asked for, incidents: an overload, a leak, a slow
// dependency, errors.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "config/rule_loader.hpp"
#include "rules/engine/adaptive_level.hpp"
#include "rules/engine/emergency.hpp"
#include "rules/engine/engine.hpp"

namespace homeostat::rules {
namespace {

using namespace std::chrono_literals;

constexpr int day_seconds = 24 * 3600;
constexpr double pi = 3.14159265358979;

struct Incident {
  enum class Kind { overload, leak, slow, errors } kind;
  int begin, end;
};

/// What the service would be asked for and suffer from, second by second.
class Day {
 public:
  Day(unsigned seed, bool incidents) : random_(seed) {
    if (!incidents) return;
    constexpr Incident::Kind kinds[] = {Incident::Kind::overload, Incident::Kind::leak,
                                        Incident::Kind::slow, Incident::Kind::errors};
    int at = 2 * 3600;
    for (const Incident::Kind kind : kinds) {
      const int begin = at + static_cast<int>(random_() % 3600);
      incidents_.push_back({kind, begin, begin + 600 + static_cast<int>(random_() % 1800)});
      at += 5 * 3600;
    }
  }
  /// Requests per second; the service can do 100.
  double demand(int second) {
    const double curve = 45 - 30 * std::cos(2 * pi * second / day_seconds);
    noise_ = 0.95 * noise_ + std::normal_distribution<double>(0, 1.5)(random_);
    return std::max(1.0, (curve + noise_) * (in(Incident::Kind::overload, second) ? 2.5 : 1));
  }
  [[nodiscard]] bool in(Incident::Kind kind, int second) const {
    return std::any_of(incidents_.begin(), incidents_.end(), [&](const Incident& incident) {
      return incident.kind == kind && second >= incident.begin && second < incident.end;
    });
  }
  /// No incident for this long.
  [[nodiscard]] bool calm(int second, int length) const {
    return std::none_of(incidents_.begin(), incidents_.end(), [&](const Incident& incident) {
      return second >= incident.begin && second < incident.end + length;
    });
  }

 private:
  std::mt19937 random_;
  std::vector<Incident> incidents_;
  double noise_ = 0;
};

/// The service with what the rules did to it.
class Service {
 public:
  void run(Day& day, int second, const Outcome& outcome, bool emergency) {
    const double demand = day.demand(second);
    const double ttl = outcome.endpoints.empty() ? 1 : outcome.endpoints.front().ttl_multiplier;
    const double hits = demand * std::clamp(0.3 + 0.08 * std::log2(ttl), 0.0, 0.9);
    const double allowed = capacity * outcome.throttle_to * (emergency ? 0.5 : 1);
    const double offered = demand - hits;
    const double admitted = std::min(offered, allowed);
    const double slow = day.in(Incident::Kind::slow, second) ? 25 : 1;
    const double busy = std::min(1.0, admitted / capacity);
    cpu = std::min(1.0, 0.1 + 0.88 * busy);
    latency = std::min(8.0, slow * 0.05 / std::max(0.02, 1 - busy));
    errors = day.in(Incident::Kind::errors, second) ? 0.5 : 0.001;
    leak = day.in(Incident::Kind::leak, second) ? std::min(0.5, leak + 0.0008)
                                                : std::max(0.0, leak - 0.002);
    memory = std::min(1.0, 0.35 + 0.2 * outcome.shrink_cache_to + leak);
    rejected = offered > 0 ? (offered - admitted) / offered : 0;
    rate = demand;
    queue_wait = offered > allowed ? 0.1 : 0;
    good += hits + admitted * (1 - errors) * (latency < 1 ? 1 : 0.3);
  }

  void fill(Frame& frame) const {
    const auto set = [&](SignalId id, double value) {
      frame[id] = {value, frame.now, Quality::good, "sim"};
    };
    set(SignalId::cpu_utilization, cpu);
    set(SignalId::memory_utilization, memory);
    set(SignalId::traffic_rate, rate);
    set(SignalId::upstream_error_ratio, errors);
    set(SignalId::upstream_latency_p95, latency);
    set(SignalId::admission_reject_ratio, rejected);
    set(SignalId::admission_queue_wait, queue_wait);
    frame.endpoints.resize(1);
    frame.endpoints[0].name = "GET /page";
    frame.endpoints[0].values[static_cast<std::size_t>(SignalId::endpoint_latency_p95)] = {
        latency, frame.now, Quality::good, "sim"};
  }

  static constexpr double capacity = 100;
  double cpu = 0, memory = 0.5, latency = 0.05, errors = 0, leak = 0, rejected = 0, rate = 0,
         queue_wait = 0;
  double good = 0;  ///< requests answered well
};

const RuleSet& builtin() {
  static const RuleSet set = config::load_rules({"builtin"}, ".", {}).rules;
  return set;
}

struct Totals {
  double good = 0;
  int emergency_seconds = 0;
  std::uint64_t transitions = 0;
};

class Simulation {
 public:
  Simulation(unsigned seed, LevelSetting setting, bool incidents)
      : day_(seed, incidents),
        setting_(setting),
        engine_(builtin(), level_of(setting)),
        adaptive_(level_of(setting)) {}

  Totals run(int seconds) {
    for (int second = 0; second < seconds; ++second) {
      tick(second);
      if (testing::Test::HasFatalFailure()) break;
    }
    result_.good = service_.good;
    return result_;
  }

 private:
  static Level level_of(LevelSetting setting) {
    if (setting == LevelSetting::conservative) return Level::conservative;
    return setting == LevelSetting::aggressive ? Level::aggressive : Level::balanced;
  }

  void tick(int second) {
    service_.run(day_, second, outcome_, emergency_.active());
    frame_.now += 1s;
    service_.fill(frame_);
    if (setting_ == LevelSetting::adaptive) {
      if (const auto move = adaptive_.update(pressure_of(frame_.global), frame_.now)) {
        engine_.set_level(move->to);
      }
    }
    TickResult tick = engine_.tick(frame_);
    judge_emergency(tick.outcome.emergency);
    check_bounds(tick.outcome);
    check_calm(tick, second);
    count(tick, second);
    outcome_ = std::move(tick.outcome);
  }

  void judge_emergency(bool demanded) {
    EmergencyInput input;
    input.now = frame_.now;
    input.rule_demands = demanded;
    input.memory_utilization = service_.memory;
    input.success_ratio = 1 - service_.errors;
    input.reject_ratio = service_.rejected;
    (void)emergency_.update(input);
    if (emergency_.active()) ++result_.emergency_seconds;
  }

  static void check_bounds(const Outcome& outcome) {
    ASSERT_GE(outcome.throttle_to, 0.05);
    ASSERT_LE(outcome.throttle_to, 1);
    ASSERT_GE(outcome.shrink_cache_to, 0);
    ASSERT_LE(outcome.shrink_cache_to, 1);
    for (const EndpointOutcome& endpoint : outcome.endpoints) {
      ASSERT_GE(endpoint.ttl_multiplier, 0.1);
      ASSERT_LE(endpoint.ttl_multiplier, 10);
      ASSERT_LE(endpoint.ttl_max, 1h);
    }
  }

  /// Half an hour after the last trouble nothing of it may be left.
  void check_calm(const TickResult& tick, int second) const {
    if (!day_.calm(second, 1800) || service_.cpu > 0.75 || service_.memory > 0.7) return;
    if (second < busy_until_) return;
    ASSERT_FALSE(emergency_.active()) << "second " << second << ": " << emergency_.reason();
    for (const ActiveAction& action : tick.active) {
      FAIL() << "second " << second << ": " << action.rule << " still acts: " << action.reason;
    }
  }

  /// No rule may change more often than its times allow anything to.
  void count(const TickResult& tick, int second) {
    if (service_.cpu > 0.75) busy_until_ = second + 1800;
    for (const Transition& transition : tick.transitions) {
      ++result_.transitions;
      auto& times = changes_[transition.rule];
      times.push_back(second);
      std::erase_if(times, [second](int at) { return second - at > 3600; });
      ASSERT_LE(times.size(), 60U) << transition.rule << " flaps at second " << second;
    }
  }

  Day day_;
  LevelSetting setting_;
  Engine engine_;
  AdaptiveLevel adaptive_;
  Emergency emergency_;
  Service service_;
  Frame frame_;
  Outcome outcome_;
  Totals result_;
  int busy_until_ = 0;
  std::map<std::string, std::vector<int>> changes_;
};

class RuleDays : public testing::TestWithParam<unsigned> {};

TEST_P(RuleDays, OfOrdinaryLoadHaveNoEmergency) {
  const Totals run = Simulation(GetParam(), LevelSetting::aggressive, false).run(4 * day_seconds);
  EXPECT_LT(run.emergency_seconds, day_seconds * 4 / 100);
  EXPECT_LT(run.transitions, 4U * 24 * 20) << "a rule engine that never rests";
}

TEST_P(RuleDays, OfTroubleStayWithinBoundsAndAreLeftBehindAtEveryLevel) {
  double best_fixed = 0;
  for (const auto level :
       {LevelSetting::conservative, LevelSetting::balanced, LevelSetting::aggressive}) {
    const Totals run = Simulation(GetParam(), level, true).run(2 * day_seconds);
    best_fixed = std::max(best_fixed, run.good);
    EXPECT_LT(run.emergency_seconds, 4 * 3600) << to_string(level);
  }
  const Totals adaptive = Simulation(GetParam(), LevelSetting::adaptive, true).run(2 * day_seconds);
  EXPECT_GE(adaptive.good, 0.95 * best_fixed);
}

TEST_P(RuleDays, AreTheSameEveryTime) {
  const Totals first = Simulation(GetParam(), LevelSetting::adaptive, true).run(day_seconds / 2);
  const Totals again = Simulation(GetParam(), LevelSetting::adaptive, true).run(day_seconds / 2);
  EXPECT_EQ(first.good, again.good);
  EXPECT_EQ(first.transitions, again.transitions);
  EXPECT_EQ(first.emergency_seconds, again.emergency_seconds);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RuleDays, testing::Range(1U, 10U));

}  // namespace
}  // namespace homeostat::rules
