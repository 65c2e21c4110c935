#include "runtime/ports/events.hpp"

#include <gtest/gtest.h>

namespace homeostat {
namespace {

Event numbered(std::int64_t number) { return Event("test", WallTime{}).with("n", number); }

TEST(EventLog, ReturnsWhatCameAfterANumberInOrder) {
  EventLog log("s");
  for (std::int64_t i = 1; i <= 5; ++i) log.publish(numbered(i));
  const EventLog::Page page = log.read(2, 2);
  ASSERT_EQ(page.events.size(), 2U);
  EXPECT_EQ(page.events[0]->number, 3U);
  EXPECT_EQ(std::get<std::int64_t>(page.events[1]->details[0].second), 4);
  EXPECT_EQ(page.lost, 0U);
  EXPECT_EQ(log.newest(), 5U);
  EXPECT_TRUE(log.read(5, 10).events.empty());
}

TEST(EventLog, CountsWhatASlowReaderLost) {
  EventLog log("s");
  for (std::size_t i = 0; i < EventLog::events_max + 7; ++i) log.publish(numbered(0));
  const EventLog::Page page = log.read(0, 1);
  EXPECT_EQ(page.lost, 7U);
  ASSERT_EQ(page.events.size(), 1U);
  EXPECT_EQ(page.events[0]->number, 8U);
  EXPECT_EQ(log.read(3, EventLog::events_max * 2).events.size(), EventLog::events_max);
}

TEST(EventLog, NumbersBeyondTheNewestReadNothing) {
  EventLog log("s");
  log.publish(numbered(1));
  EXPECT_TRUE(log.read(99, 10).events.empty());
  EXPECT_EQ(log.read(99, 10).lost, 0U);
}

TEST(EventLog, CutsLongTextsBetweenCharacters) {
  EventLog log("s");
  std::string text(EventLog::text_bytes_max - 1, 'a');
  text += "\xC3\xA4";  // its second byte would be one too many
  log.publish(Event("test", WallTime{}).with("text", text));
  const auto& kept = std::get<std::string>(log.read(0, 1).events[0]->details[0].second);
  EXPECT_EQ(kept, std::string(EventLog::text_bytes_max - 1, 'a'));
}

TEST(EventLog, TellsOncePerBatchUntilToldNotTo) {
  EventLog log("s");
  int told = 0;
  log.notify([&told] { ++told; });
  log.publish(std::vector<Event>{});
  log.publish({numbered(1), numbered(2)});
  log.publish(numbered(3));
  EXPECT_EQ(told, 2);
  log.notify({});
  log.publish(numbered(4));
  EXPECT_EQ(told, 2);
}

}  // namespace
}  // namespace homeostat
