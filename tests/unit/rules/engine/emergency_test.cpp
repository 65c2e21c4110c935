// Emergency mode: entry by two signals or one fatal one, exit after calm.
#include "rules/engine/emergency.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <random>
#include <vector>

namespace homeostat::rules {
namespace {

using namespace std::chrono_literals;

/// Feeds an emergency second by second.
class Drill {
 public:
  EmergencyEvent tick(EmergencyInput input, Duration step = 1s) {
    input.now = now_;
    now_ += step;
    return emergency.update(input);
  }
  /// Ticks `seconds` times and returns the events that were not none.
  std::vector<EmergencyEvent> ticks(const EmergencyInput& input, int seconds) {
    std::vector<EmergencyEvent> events;
    for (int i = 0; i < seconds; ++i) {
      const EmergencyEvent event = tick(input);
      if (event != EmergencyEvent::none) events.push_back(event);
    }
    return events;
  }
  Emergency emergency;

 private:
  Instant now_{1h};
};

const EmergencyInput calm{};

EmergencyInput with(const std::function<void(EmergencyInput&)>& change) {
  EmergencyInput input;
  change(input);
  return input;
}

const EmergencyInput two_signals = with([](EmergencyInput& input) {
  input.memory_utilization = 0.96;
  input.success_ratio = 0.4;
});

const std::vector<EmergencyInput> single_signals = {
    with([](EmergencyInput& input) { input.memory_utilization = 0.96; }),
    with([](EmergencyInput& input) { input.memory_full_pressure = 0.06; }),
    with([](EmergencyInput& input) { input.success_ratio = 0.49; }),
    with([](EmergencyInput& input) { input.queue_standing = 10s; }),
    with([](EmergencyInput& input) { input.critical_reject_ratio = 0.05; }),
};

EmergencyInput merged(const EmergencyInput& a, const EmergencyInput& b) {
  EmergencyInput out;
  out.memory_utilization = std::max(a.memory_utilization, b.memory_utilization);
  out.memory_full_pressure = std::max(a.memory_full_pressure, b.memory_full_pressure);
  out.success_ratio = std::min(a.success_ratio, b.success_ratio);
  out.queue_standing = std::max(a.queue_standing, b.queue_standing);
  out.critical_reject_ratio = std::max(a.critical_reject_ratio, b.critical_reject_ratio);
  return out;
}

TEST(EmergencyEntry, OneSignalIsNotEnoughHoweverLong) {
  for (std::size_t i = 0; i < single_signals.size(); ++i) {
    Drill drill;
    EXPECT_TRUE(drill.ticks(single_signals[i], 300).empty()) << "signal " << i;
    EXPECT_FALSE(drill.emergency.active());
  }
}

TEST(EmergencyEntry, AnyTwoSignalsForFiveSecondsAre) {
  for (std::size_t i = 0; i < single_signals.size(); ++i) {
    for (std::size_t j = i + 1; j < single_signals.size(); ++j) {
      Drill drill;
      const EmergencyInput both = merged(single_signals[i], single_signals[j]);
      EXPECT_TRUE(drill.ticks(both, 5).empty()) << i << " and " << j;
      EXPECT_EQ(drill.tick(both), EmergencyEvent::entered) << i << " and " << j;
    }
  }
}

TEST(EmergencyEntry, AGapStartsTheTimeAnew) {
  Drill drill;
  EXPECT_TRUE(drill.ticks(two_signals, 5).empty());
  EXPECT_TRUE(drill.ticks(calm, 1).empty());
  EXPECT_TRUE(drill.ticks(two_signals, 5).empty());
  EXPECT_EQ(drill.tick(two_signals), EmergencyEvent::entered);
}

TEST(EmergencyEntry, AFatalSignalActsAtOnceAndAlone) {
  Drill memory;
  EXPECT_EQ(memory.tick(with([](auto& input) { input.memory_utilization = 0.98; })),
            EmergencyEvent::entered);
  EXPECT_EQ(memory.emergency.reason(), "memory.utilization = 98% (fatal from 98%)");
  Drill rule;
  EXPECT_EQ(rule.tick(with([](auto& input) {
    input.rule_demands = true;
    input.rule_reason = "cpu-emergency: cpu.utilization = 99%";
  })),
            EmergencyEvent::entered);
  EXPECT_EQ(rule.emergency.reason(), "demanded by cpu-emergency: cpu.utilization = 99%");
}

TEST(EmergencyEntry, ReasonNamesSignalsAndValues) {
  Drill drill;
  (void)drill.ticks(two_signals, 6);
  EXPECT_EQ(drill.emergency.reason(),
            "memory.utilization = 96% (>= 95%), upstream success ratio = 40% (< 50%) for 5s");
  EXPECT_EQ(drill.emergency.since(), Instant(1h + 5s));
}

TEST(EmergencyEntry, UnknownValuesAreNoSignal) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Drill drill;
  const EmergencyInput unknown = with([nan](EmergencyInput& input) {
    input.memory_utilization = input.memory_full_pressure = nan;
    input.success_ratio = input.critical_reject_ratio = nan;
  });
  EXPECT_TRUE(drill.ticks(unknown, 60).empty());
  (void)drill.ticks(two_signals, 6);
  EXPECT_EQ(drill.ticks(unknown, 61), std::vector{EmergencyEvent::left});
}

TEST(EmergencyExit, AnotherLeaveTimeHoldsForTheModeInForce) {
  Drill drill;
  (void)drill.ticks(two_signals, 6);
  EXPECT_TRUE(drill.ticks(calm, 3).empty());
  drill.emergency.set_leave_after(10s);
  EXPECT_TRUE(drill.ticks(calm, 7).empty());
  EXPECT_EQ(drill.tick(calm), EmergencyEvent::left);
  EXPECT_EQ(drill.emergency.reason(), "no signal for 10s");
}

TEST(EmergencyExit, NeedsAMinuteWithoutAnySignal) {
  Drill drill;
  (void)drill.ticks(two_signals, 6);
  EXPECT_TRUE(drill.ticks(calm, 60).empty());
  EXPECT_TRUE(drill.emergency.active());
  EXPECT_EQ(drill.tick(calm), EmergencyEvent::left);
  EXPECT_FALSE(drill.emergency.active());
  EXPECT_EQ(drill.emergency.reason(), "no signal for 1m");
}

TEST(EmergencyExit, EachSignalAloneKeepsTheModeDownToItsLeaveThreshold) {
  const std::vector<EmergencyInput> lingering = {
      with([](EmergencyInput& input) { input.memory_utilization = 0.90; }),
      with([](EmergencyInput& input) { input.memory_full_pressure = 0.025; }),
      with([](EmergencyInput& input) { input.success_ratio = 0.59; }),
      with([](EmergencyInput& input) { input.queue_standing = 5s; }),
      with([](EmergencyInput& input) { input.critical_reject_ratio = 0.01; }),
      with([](EmergencyInput& input) { input.rule_demands = true; }),
  };
  const std::vector<EmergencyInput> ended = {
      with([](EmergencyInput& input) { input.memory_utilization = 0.89; }),
      with([](EmergencyInput& input) { input.memory_full_pressure = 0.024; }),
      with([](EmergencyInput& input) { input.success_ratio = 0.60; }),
      with([](EmergencyInput& input) { input.queue_standing = 4s; }),
      with([](EmergencyInput& input) { input.critical_reject_ratio = 0.009; }),
  };
  for (std::size_t i = 0; i < lingering.size(); ++i) {
    Drill drill;
    (void)drill.ticks(two_signals, 6);
    EXPECT_TRUE(drill.ticks(lingering[i], 590).empty()) << "signal " << i;
  }
  for (std::size_t i = 0; i < ended.size(); ++i) {
    Drill drill;
    (void)drill.ticks(two_signals, 6);
    EXPECT_EQ(drill.ticks(ended[i], 61), std::vector{EmergencyEvent::left}) << "signal " << i;
  }
}

TEST(EmergencyExit, WhereAnApplicationLivesBetweenTheThresholdsItEndsAllTheSame) {
  const EmergencyInput plateau = with([](auto& input) { input.memory_utilization = 0.92; });
  Drill drill;
  (void)drill.tick(with([](auto& input) { input.memory_utilization = 0.98; }));
  EXPECT_TRUE(drill.ticks(plateau, 300).empty());
  (void)drill.tick(single_signals[0]);  // counts from the last value beyond its entry threshold
  EXPECT_TRUE(drill.ticks(plateau, 599).empty());
  EXPECT_EQ(drill.tick(plateau), EmergencyEvent::left);
  EXPECT_EQ(drill.emergency.reason(), "no signal beyond its entry threshold for 10m");
  EXPECT_TRUE(drill.ticks(plateau, 3600).empty()) << "and does not come back by itself";
}

TEST(EmergencyExit, ASignalDuringTheCalmStartsItAnew) {
  Drill drill;
  (void)drill.ticks(two_signals, 6);
  EXPECT_TRUE(drill.ticks(calm, 50).empty());
  EXPECT_TRUE(drill.ticks(single_signals[0], 1).empty());
  EXPECT_TRUE(drill.ticks(calm, 60).empty());
  EXPECT_EQ(drill.tick(calm), EmergencyEvent::left);
}

TEST(EmergencyProperty, NeverSwitchesFasterThanItsTimersWhateverTheInput) {
  std::mt19937_64 random(2718);
  const auto unit = [&random] { return static_cast<double>(random() % 1000) / 1000; };
  Drill drill;
  int entered = 0;
  int since_entry = 0;
  for (int second = 0; second < 20000; ++second) {
    // Calm most of the time, with bursts of anything but fatal values.
    EmergencyInput input;
    if (second / 200 % 2 == 0) {
      input.memory_utilization = 0.9 + 0.07 * unit();
      input.success_ratio = unit();
      input.critical_reject_ratio = unit();
    }
    ++since_entry;
    const EmergencyEvent event = drill.tick(input);
    if (event == EmergencyEvent::entered) {
      ++entered;
      since_entry = 0;
    }
    if (event == EmergencyEvent::left) {
      EXPECT_GE(since_entry, 60);
    }
  }
  EXPECT_GT(entered, 10);
  EXPECT_LE(entered, 50) << "at most once per burst";
}

}  // namespace
}  // namespace homeostat::rules
