#include "runtime/proxy/pace.hpp"

#include <gtest/gtest.h>

#include "runtime/proxy/deadline_slots.hpp"

namespace homeostat::proxy {
namespace {

using std::chrono_literals::operator""s;
constexpr Instant start{};

TEST(Pace, OnlyTimeSpentWaitingCounts) {
  Pace pace;
  pace.begin(start);
  pace.begin(start + 2s);  // still the same wait
  pace.end(start + 3s);
  pace.end(start + 9s);
  EXPECT_EQ(pace.waited(start + 100s), 3s);
  pace.begin(start + 200s);
  EXPECT_EQ(pace.waited(start + 204s), 7s);
  // 7 s of waiting, though 204 s have passed.
  EXPECT_TRUE(pace.keeps_up(start + 204s, 700, 100));
  EXPECT_FALSE(pace.keeps_up(start + 204s, 699, 100));
}

TEST(Pace, ARestartJudgesOnlyWhatCameSince) {
  Pace pace;
  pace.begin(start);
  pace.restart(start + 30s, 1'000'000);
  EXPECT_TRUE(pace.waiting());
  EXPECT_EQ(pace.waited(start + 40s), 10s);
  EXPECT_FALSE(pace.keeps_up(start + 40s, 1'000'999, 100)) << "earlier haste is no credit";
  EXPECT_TRUE(pace.keeps_up(start + 40s, 1'001'000, 100));
}

TEST(Pace, WithoutAMinimumAnyProgressWillDoButNoneWillNot) {
  Pace pace;
  pace.restart(start, 10);
  pace.begin(start);
  EXPECT_FALSE(pace.keeps_up(start + 1s, 10, 0));
  EXPECT_TRUE(pace.keeps_up(start + 1s, 11, 0));
}

enum class Part : std::uint8_t { first, second, count_ };

TEST(DeadlineSlots, EachRunsOnItsOwnAndTheEarliestCounts) {
  DeadlineSlots<Part> slots;
  EXPECT_EQ(slots.earliest(), Instant::max());
  EXPECT_EQ(slots.take_due(start + 1000s), Part::count_);
  slots.set(Part::first, start + 5s);
  slots.set(Part::second, start + 3s);
  EXPECT_EQ(slots.earliest(), start + 3s);
  EXPECT_EQ(slots.take_due(start + 2s), Part::count_);
  slots.set(Part::second, start + 9s);  // progress there is none here
  EXPECT_EQ(slots.take_due(start + 5s), Part::first);
  EXPECT_FALSE(slots.armed(Part::first));
  EXPECT_TRUE(slots.armed(Part::second));
  slots.clear(Part::second);
  EXPECT_EQ(slots.take_due(start + 9s), Part::count_);
}

}  // namespace
}  // namespace homeostat::proxy
