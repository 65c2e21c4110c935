// The schedule of warm-ups and how long they are held, in virtual time; and their rate.
#include "runtime/app/warm_up.hpp"

#include <gtest/gtest.h>

#include <chrono>

#include "tests/support/waiting.hpp"

namespace homeostat::app {
namespace {

using namespace std::chrono_literals;

/// Monday, a little after ten.
constexpr WallTime monday =
    std::chrono::sys_days(std::chrono::year(2026) / std::chrono::March / 2) + 10h + 7min + 30s;

class WarmUpSchedule : public testing::Test {
 protected:
  explicit WarmUpSchedule(WallTime now = monday, const std::string& schedule = "30 4 * * *")
      : clock_(Instant{1h}, now) {
    settings_.warm.schedule = schedule;
    settings_.warm.urls = {"http://shop.example/a"};
    settings_.warm.at_start = false;
    settings_.warm.popular_max = 0;
  }

  WarmUp::Parts parts() {
    return {context_,
            clock_,
            settings_,
            nullptr,
            [](std::size_t) { return std::vector<std::string>(); },
            [this](const proxy::WarmUrl&, WarmUp::Fetched fetched) {
              fetched_at_.push_back(clock_.wall_now());
              if (answers_) {
                fetched(proxy::WarmResult::fetched);
              } else {
                unanswered_.push_back(std::move(fetched));
              }
            },
            [this] { return busy_; }};
  }

  /// As its timer would: looks, and again when it was told to, for that long.
  void let_pass(WarmUp& warm, Duration time) {
    const WallTime end = clock_.wall_now() + time;
    while (clock_.wall_now() < end) {
      const auto left = warm.run_schedule();
      ASSERT_TRUE(left);
      ASSERT_GT(*left, 0s);
      ASSERT_LE(*left, 1min) << "the clock may be set meanwhile";
      context_.restart();
      context_.poll();
      clock_.advance(std::min<Duration>(*left, end - clock_.wall_now()));
    }
  }

  boost::asio::io_context context_{1};
  ManualClock clock_;
  config::CacheSettings settings_;
  bool answers_ = true, busy_ = false;
  std::vector<WallTime> fetched_at_;
  std::vector<WarmUp::Fetched> unanswered_;
};

TEST_F(WarmUpSchedule, BeginsAtTheMinuteOnceAndAgainTheNextDay) {
  WarmUp warm(parts());
  const WallTime due = monday - 10h - 7min - 30s + 24h + 4h + 30min;
  let_pass(warm, due - monday);
  EXPECT_TRUE(fetched_at_.empty()) << "not before";
  EXPECT_EQ(warm.report().next, due);
  let_pass(warm, 12h);
  EXPECT_EQ(fetched_at_, std::vector<WallTime>{due});
  EXPECT_EQ(warm.report().source, "schedule");
  EXPECT_EQ(warm.report().state, "done");
  EXPECT_EQ(warm.report().next, due + 24h);
  let_pass(warm, 24h);
  EXPECT_EQ(fetched_at_, (std::vector<WallTime>{due, due + 24h}));
}

TEST_F(WarmUpSchedule, BeginsLateWhereTheClockWasSetForwards) {
  WarmUp warm(parts());
  let_pass(warm, 1min);
  clock_.advance(3 * 24h);
  const WallTime now = clock_.wall_now();
  let_pass(warm, 2min);
  EXPECT_EQ(fetched_at_, std::vector<WallTime>{now}) << "once for all that was missed";
}

TEST_F(WarmUpSchedule, LeavesOutOneThatIsDueWhileAnotherRuns) {
  settings_.warm.schedule = "*/10 * * * *";
  answers_ = false;
  WarmUp warm(parts());
  let_pass(warm, 25min);
  EXPECT_EQ(fetched_at_.size(), 1U) << "of 10:10; the one of 10:20 and 10:30 found it at work";
  EXPECT_EQ(warm.report().id, 1U);
  EXPECT_EQ(warm.report().state, "running");
  unanswered_.front()(proxy::WarmResult::fetched);
  answers_ = true;
  let_pass(warm, 10min);
  EXPECT_EQ(fetched_at_.size(), 2U);
  EXPECT_EQ(warm.report().id, 2U);
  EXPECT_EQ(warm.report().state, "done");
}

TEST_F(WarmUpSchedule, IsOverWhenTheAgentEnds) {
  WarmUp warm(parts());
  warm.stop();
  clock_.advance(3 * 24h);
  EXPECT_EQ(warm.run_schedule(), std::nullopt);
  EXPECT_TRUE(fetched_at_.empty());
}

class WarmUpNow : public WarmUpSchedule {
 protected:
  WarmUpNow() : WarmUpSchedule(monday + 29s + 999ms, "8 10 * * *") {}
};

TEST_F(WarmUpNow, ATimerLooksByItself) {
  WarmUp warm(parts());
  warm.start();
  context_.run_one();
  EXPECT_TRUE(fetched_at_.empty()) << "the clock says that it is not yet time";
  clock_.advance(1ms);
  for (int i = 0; fetched_at_.empty() && i < 100; ++i) context_.run_one_for(1s);
  EXPECT_EQ(fetched_at_.size(), 1U);
  warm.stop();
}

class WarmUpAtTheStart : public WarmUpSchedule {
 protected:
  WarmUpAtTheStart() {
    settings_.warm.at_start = true;
    settings_.warm.rate = 100;
  }
  /// Runs timers until `condition` holds.
  template <class Condition>
  [[nodiscard]] bool run_until(Condition condition) {
    const Clock& clock = SystemClock::instance();
    const Instant end = clock.now() + test::wait_patience;
    context_.restart();
    while (!condition()) {
      if (clock.now() > end) return false;
      context_.run_one_for(100ms);
    }
    return true;
  }
};

TEST_F(WarmUpAtTheStart, FetchesNoMoreThanItsRateAllows) {
  settings_.warm.urls.clear();
  for (int i = 0; i < 21; ++i) {
    settings_.warm.urls.push_back("http://shop.example/" + std::to_string(i));
  }
  WarmUp warm(parts());
  const Instant began = SystemClock::instance().now();
  warm.start();
  ASSERT_TRUE(run_until([&] { return fetched_at_.size() == 21; }));
  // 20 pauses of 10 ms; a busy machine makes them longer.
  EXPECT_GE(SystemClock::instance().now() - began, 200ms);
  warm.stop();
}

TEST_F(WarmUpAtTheStart, EndsAndIsReadyAfterAQuarterOfAnHourInWhichOthersNeededTheApplication) {
  settings_.warm.ready_max = 1h;
  busy_ = true;
  WarmUp warm(parts());
  warm.start();
  const auto several_steps = [this] {
    for (int i = 0; i < 3; ++i) context_.run_one();
  };
  several_steps();
  EXPECT_EQ(warm.report().state, "held");
  clock_.advance(15min - 1ms);
  several_steps();
  EXPECT_EQ(warm.report().state, "held");
  EXPECT_FALSE(warm.ready());
  clock_.advance(1ms);
  ASSERT_TRUE(run_until([&] { return warm.report().state == "stopped"; }));
  EXPECT_TRUE(warm.ready());
  EXPECT_TRUE(fetched_at_.empty());
  warm.stop();
}

}  // namespace
}  // namespace homeostat::app
