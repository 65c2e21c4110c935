// Days of a simulated service under the built-in rules, in closed loop and
// virtual time: what must hold whatever the load does. By seed.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "actors/class_shedding.hpp"
#include "config/rule_loader.hpp"
#include "rules/engine/adaptive_level.hpp"
#include "rules/engine/adaptive_waits.hpp"
#include "rules/engine/emergency.hpp"
#include "rules/engine/engine.hpp"
#include "tests/sim/service_days.hpp"

namespace homeostat::rules {
namespace {

using namespace std::chrono_literals;

using namespace sim;

const RuleSet& builtin() {
  static const RuleSet set = config::load_rules({"builtin"}, ".", {}).rules;
  return set;
}

struct Totals {
  double good = 0;              ///< requests answered well
  double good_in_trouble = 0;   ///< of these, while an incident lasted
  double asked_in_trouble = 0;  ///< all there were to answer then
  int emergency_seconds = 0;
  std::uint64_t transitions = 0;
  std::size_t activations_an_hour = 0;       ///< of one rule, at most
  std::size_t emergencies_an_hour = 0;       ///< at most
  std::size_t changes_of_waits_an_hour = 0;  ///< at most
};

/// How often within any hour, at most.
class BusiestHour {
 public:
  std::size_t add(int second) {
    times_.push_back(second);
    std::erase_if(times_, [second](int at) { return second - at >= 3600; });
    return times_.size();
  }

 private:
  std::vector<int> times_;
};

class Simulation {
 public:
  Simulation(unsigned seed, LevelSetting setting, bool incidents)
      : Simulation(Day(seed, incidents), setting) {}
  Simulation(Day day, LevelSetting setting)
      : day_(std::move(day)),
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
    frame_.now += 1s;
    const bool danger = service_.cpu >= 0.98 || service_.queue_standing >= 5s;
    const auto shed_from = shedding_.update({frame_.now, emergency_.active(), danger, true});
    const double good_before = service_.good;
    service_.run(day_, second, frame_.now, outcome_, shed_from, waits());
    if (!day_.calm(second, 0)) {
      result_.good_in_trouble += service_.good - good_before;
      result_.asked_in_trouble += service_.rate;
    }
    service_.fill(frame_);
    if (setting_ == LevelSetting::adaptive) {
      follow_load(second);
    }
    TickResult tick = engine_.tick(frame_);
    judge_emergency(tick.outcome.emergency, second);
    check_bounds(tick.outcome);
    check_calm(tick, second);
    count(tick, second);
    outcome_ = std::move(tick.outcome);
  }

  [[nodiscard]] Level waits() const {
    return setting_ == LevelSetting::adaptive ? waits_.level() : level_of(setting_);
  }

  void follow_load(int second) {
    const auto pressure = pressure_of(frame_.global, service_.burn());
    if (const auto move = adaptive_.update(pressure, frame_.now)) engine_.set_level(move->to);
    if (waits_.update(service_.late_burn(), frame_.now)) {
      result_.changes_of_waits_an_hour =
          std::max(result_.changes_of_waits_an_hour, changes_of_waits_.add(second));
    }
  }

  void judge_emergency(bool demanded, int second) {
    EmergencyInput input;
    input.now = frame_.now;
    input.rule_demands = demanded;
    input.memory_utilization = service_.memory;
    input.success_ratio = 1 - service_.errors;
    input.queue_standing = service_.queue_standing;
    input.critical_reject_ratio = service_.critical_rejected;
    if (emergency_.update(input) == EmergencyEvent::entered) {
      result_.emergencies_an_hour = std::max(result_.emergencies_an_hour, emergencies_.add(second));
    }
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

  /// Soon after the last trouble nothing of it may be left: a hold that relapses
  /// made longer, the calm that emergency mode waits for, and what rules ask for.
  static constexpr int calm_after = 2400;
  void check_calm(const TickResult& tick, int second) const {
    check_emergency_is_left(second);
    if (!day_.calm(second, calm_after) || service_.cpu > 0.75 || service_.memory > 0.7) return;
    if (second < busy_until_) return;
    for (const ActiveAction& action : tick.active) {
      FAIL() << "second " << second << ": " << action.rule << " still acts: " << action.reason;
    }
  }

  /// Emergency mode turns clients away: it must not outlast its reason by more than the
  /// hold of what asked for it, and the minute that it waits itself.
  static constexpr int emergency_after = 5 * 60 + 60 + 60;
  void check_emergency_is_left(int second) const {
    if (!day_.calm(second, emergency_after) || second < tense_until_) return;
    ASSERT_FALSE(emergency_.active()) << "second " << second << ": " << emergency_.reason();
  }

  /// No rule may begin to act more often than holds that double after each
  /// relapse let it: 1, 2, 4, 8, 16, 20 minutes, and 5 at most for emergencies.
  void count(const TickResult& tick, int second) {
    if (service_.cpu > 0.75) busy_until_ = second + calm_after;
    if (service_.cpu > 0.9 || service_.memory > 0.9) tense_until_ = second + emergency_after;
    for (const Transition& transition : tick.transitions) {
      ++result_.transitions;
      if (transition.to != RuleState::firing || transition.from == RuleState::holding) continue;
      const std::size_t times = activations_[transition.rule].add(second);
      result_.activations_an_hour = std::max(result_.activations_an_hour, times);
      const bool emergency =
          transition.rule.ends_with("-emergency") || transition.rule.ends_with("-exhausted");
      ASSERT_LE(times, emergency ? 12U : 7U) << transition.rule << " flaps at second " << second;
    }
  }

  Day day_;
  LevelSetting setting_;
  Engine engine_;
  AdaptiveLevel adaptive_;
  AdaptiveWaits waits_;
  Emergency emergency_;
  Service service_;
  Frame frame_;
  Outcome outcome_;
  Totals result_;
  int busy_until_ = 0, tense_until_ = 0;
  actors::ClassShedding shedding_;
  std::map<std::string, BusiestHour> activations_;
  BusiestHour emergencies_, changes_of_waits_;
};

constexpr std::array levels = {LevelSetting::conservative, LevelSetting::balanced,
                               LevelSetting::aggressive, LevelSetting::adaptive};

/// What the levels made of the same days.
class Comparison {
 public:
  explicit Comparison(const char* days) : days_(days) {}
  void add(LevelSetting level, const Totals& run) {
    std::printf("%s, %s: %.4f of what was asked for in trouble, %.0f in all\n", days_,
                std::string(to_string(level)).c_str(), run.good_in_trouble / run.asked_in_trouble,
                run.good);
    if (level == LevelSetting::adaptive) {
      adaptive_ = run;
      return;
    }
    if (run.good_in_trouble > best_.good_in_trouble) best_level_ = level;
    best_.good = std::max(best_.good, run.good);
    best_.good_in_trouble = std::max(best_.good_in_trouble, run.good_in_trouble);
  }
  /// Of the fixed levels, while the trouble lasted.
  [[nodiscard]] LevelSetting best() const { return best_level_; }
  /// Not only over days that are mostly calm, where any level does as well.
  void expect_adaptive_near_the_best() const {
    EXPECT_GE(adaptive_.good, 0.95 * best_.good) << days_;
    EXPECT_GE(adaptive_.good_in_trouble, 0.95 * best_.good_in_trouble) << days_;
  }

 private:
  const char* days_;
  Totals best_, adaptive_;
  LevelSetting best_level_ = LevelSetting::balanced;
};

class RuleDays : public testing::TestWithParam<unsigned> {};

TEST_P(RuleDays, OfOrdinaryLoadHaveNoEmergency) {
  const Totals run = Simulation(GetParam(), LevelSetting::aggressive, false).run(4 * day_seconds);
  EXPECT_LT(run.emergency_seconds, day_seconds * 4 / 100);
  EXPECT_LT(run.transitions, 4U * 24 * 20) << "a rule engine that never rests";
}

TEST_P(RuleDays, OfTroubleStayWithinBoundsAndAreLeftBehindAtEveryLevel) {
  Comparison comparison("day of incidents");
  for (const LevelSetting level : levels) {
    const Totals run = Simulation(GetParam(), level, true).run(2 * day_seconds);
    comparison.add(level, run);
    EXPECT_LT(run.emergency_seconds, 4 * 3600) << to_string(level);
  }
  comparison.expect_adaptive_near_the_best();
}

/// Twice what the service can do, for eight hours: the cure works, so its reason
/// goes away, comes back once it is left, and so on.
TEST_P(RuleDays, OfSustainedOverloadDoNotSwing) {
  Comparison comparison("sustained overload");
  for (const LevelSetting level : levels) {
    const Totals run =
        Simulation(Day::with(GetParam(), {{Incident::Kind::overload, 3600, 9 * 3600}}), level)
            .run(11 * 3600);
    comparison.add(level, run);
    std::printf(
        "sustained overload, %s: at most %zu activations of a rule and %zu emergencies "
        "an hour, %d min of emergency\n",
        std::string(to_string(level)).c_str(), run.activations_an_hour, run.emergencies_an_hour,
        run.emergency_seconds / 60);
    EXPECT_GE(run.activations_an_hour, 1U) << "that was no overload";
    EXPECT_LE(run.emergencies_an_hour, 12U) << to_string(level);
  }
  comparison.expect_adaptive_near_the_best();
}

/// What all levels make of one kind of bursts for four hours.
Comparison on_bursts(const char* days, unsigned seed, std::vector<Incident> incidents) {
  Comparison comparison(days);
  for (const LevelSetting level : levels) {
    const Totals run = Simulation(Day::with(seed, incidents), level).run(15 * 3600);
    comparison.add(level, run);
    // Two to where it belongs, and three times there and back, after 5, 10 and 20 minutes.
    EXPECT_LE(run.changes_of_waits_an_hour, 8U) << days;
  }
  comparison.expect_adaptive_near_the_best();
  return comparison;
}

TEST_P(RuleDays, OfBurstsWithPatientClientsAreBestWaitedOut) {
  const auto comparison = on_bursts("bursts of the patient", GetParam(),
                                    {{Incident::Kind::bursts, 10 * 3600, 14 * 3600}});
  EXPECT_EQ(comparison.best(), LevelSetting::aggressive);
}

TEST_P(RuleDays, OfBurstsWithHastyClientsAreBestCutShort) {
  const auto comparison = on_bursts("bursts of the hasty", GetParam(),
                                    {{Incident::Kind::bursts_of_the_hasty, 10 * 3600, 14 * 3600}});
  EXPECT_EQ(comparison.best(), LevelSetting::conservative);
}

TEST_P(RuleDays, OfBothKindsOfBurstsSuitNoFixedLevel) {
  (void)on_bursts("bursts of both", GetParam(),
                  {{Incident::Kind::bursts, 8 * 3600, 11 * 3600},
                   {Incident::Kind::bursts_of_the_hasty, 11 * 3600, 14 * 3600}});
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
