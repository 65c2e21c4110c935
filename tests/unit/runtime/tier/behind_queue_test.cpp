#include "runtime/tier/behind_queue.hpp"

#include <gtest/gtest.h>

namespace homeostat::tier {
namespace {

using namespace std::chrono_literals;
using Added = BehindQueue::Added;
using Keys = std::vector<std::string>;

constexpr Instant now{1h};

BehindQueue::Write write_of(std::string key, std::string value = "x", Instant accepted = now,
                            std::vector<std::string> tags = {}) {
  return {std::move(key), std::move(value), std::move(tags), now + 1h, accepted};
}

Keys keys_on_the_way(const BehindQueue& queue) {
  Keys keys;
  for (const BehindQueue::Write& write : queue.on_the_way()) keys.push_back(write.key);
  return keys;
}

TEST(BehindQueue, ALaterWriteOfAKeyTakesThePlaceAndTheAgeOfTheFirst) {
  BehindQueue queue(1 << 20, 100);
  EXPECT_EQ(queue.add(write_of("a", "1", now)), Added::waits);
  EXPECT_EQ(queue.add(write_of("b", "1", now + 1s)), Added::waits);
  EXPECT_EQ(queue.add(write_of("a", "2", now + 2s)), Added::replaces);
  EXPECT_EQ(queue.find("a")->value, "2");
  EXPECT_EQ(queue.figures(now + 3s).entries, 2U);
  EXPECT_EQ(queue.figures(now + 3s).oldest, 3s);
  EXPECT_EQ(queue.take(10, 1 << 20), (Keys{"a", "b"}));
}

TEST(BehindQueue, RefusesWhatDoesNotFitAndChangesNothing) {
  BehindQueue few(1 << 20, 2);
  EXPECT_EQ(few.add(write_of("a", "old")), Added::waits);
  EXPECT_EQ(few.add(write_of("b")), Added::waits);
  EXPECT_EQ(few.add(write_of("c")), Added::refused);
  EXPECT_FALSE(few.find("c"));
  EXPECT_EQ(few.add(write_of("a", "new")), Added::replaces) << "that needs no room";
  BehindQueue small(4096, 100);
  EXPECT_EQ(small.add(write_of("a", "old")), Added::waits);
  const std::size_t bytes = small.figures(now).bytes;
  EXPECT_EQ(small.add(write_of("a", std::string(5000, 'x'))), Added::refused);
  EXPECT_EQ(small.find("a")->value, "old");
  EXPECT_EQ(small.figures(now).bytes, bytes);
  EXPECT_EQ(BehindQueue(0, 100).add(write_of("a")), Added::refused);
}

TEST(BehindQueue, WhatIsOnTheWayCountsUntilItIsThere) {
  BehindQueue queue(1 << 20, 3);
  for (const char* key : {"a", "b", "c"}) EXPECT_EQ(queue.add(write_of(key)), Added::waits);
  EXPECT_EQ(queue.take(2, 1 << 20), (Keys{"a", "b"}));
  EXPECT_EQ(queue.find("a")->value, "x");
  EXPECT_FALSE(queue.waits("a"));
  EXPECT_EQ(queue.add(write_of("d")), Added::refused);
  queue.end_way("a");
  EXPECT_FALSE(queue.find("a"));
  EXPECT_EQ(queue.add(write_of("d")), Added::waits);
  queue.end_way("b");
  queue.drop("c");
  queue.drop("d");
  EXPECT_EQ(queue.figures(now).entries, 0U);
  EXPECT_EQ(queue.figures(now).bytes, 0U);
}

TEST(BehindQueue, ABatchEndsAtItsBytesButHoldsOneAtLeast) {
  BehindQueue queue(1 << 20, 100);
  for (const char* key : {"a", "b", "c"}) {
    EXPECT_EQ(queue.add(write_of(key, std::string(3000, 'x'))), Added::waits);
  }
  EXPECT_EQ(queue.take(10, 1000), Keys{"a"});
  queue.end_way("a");
  EXPECT_EQ(queue.take(10, 8000), (Keys{"b", "c"}));
}

TEST(BehindQueue, WhatDidNotArriveWaitsInFrontUnlessThereIsSomethingNewer) {
  BehindQueue queue(1 << 20, 100);
  for (const char* key : {"a", "b", "c"}) EXPECT_EQ(queue.add(write_of(key)), Added::waits);
  EXPECT_EQ(queue.take(3, 1 << 20), (Keys{"a", "b", "c"}));
  EXPECT_EQ(queue.add(write_of("d")), Added::waits);
  EXPECT_EQ(queue.add(write_of("b", "newer")), Added::waits);
  EXPECT_EQ(queue.find("b")->value, "newer");
  queue.end_way("c");
  queue.put_back();
  EXPECT_TRUE(queue.on_the_way().empty());
  EXPECT_EQ(queue.take(10, 1 << 20), (Keys{"a", "d", "b"}));
  EXPECT_EQ(queue.find("b")->value, "newer");
}

TEST(BehindQueue, WhatIsErasedOrPurgedIsNeitherSentNorPutBack) {
  BehindQueue queue(1 << 20, 100);
  EXPECT_EQ(queue.add(write_of("a", "x", now, {"t"})), Added::waits);
  EXPECT_EQ(queue.add(write_of("b")), Added::waits);
  EXPECT_EQ(queue.add(write_of("c")), Added::waits);
  EXPECT_EQ(queue.take(2, 1 << 20), (Keys{"a", "b"}));
  EXPECT_EQ(queue.add(write_of("d", "x", now, {"t"})), Added::waits);
  EXPECT_EQ(queue.add(write_of("b", "newer")), Added::waits);
  PurgeRequest request;
  request.tags = {"t"};
  EXPECT_EQ(queue.purge(request), 2U);
  EXPECT_EQ(keys_on_the_way(queue), Keys{"b"});
  EXPECT_EQ(queue.drop("b"), 2U) << "the one on its way and the one that waits";
  queue.put_back();
  EXPECT_EQ(queue.take(10, 1 << 20), Keys{"c"});
}

}  // namespace
}  // namespace homeostat::tier
