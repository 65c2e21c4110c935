// How long it is remembered that responses of a key cannot be stored.
#include <gtest/gtest.h>

#include <string>

#include "cache_fixture.hpp"

namespace homeostat::cache {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::fresh;
using testing::Harness;
using testing::TestRequest;

TEST(HitForMiss, EndsWhenAResponseCouldHaveBeenStored) {
  Harness harness;
  TestRequest request;
  harness.get(request, {200, {{"Cache-Control", "private"}}});
  const FillStart start = harness.begin(request);
  EXPECT_EQ(start.reason, Reason::hit_for_miss);
  harness.worker.end_pass(start.mark);
  EXPECT_EQ(harness.get(request, {200, fresh()}).reason, Reason::none);
  EXPECT_EQ(harness.find(request).kind, Lookup::Kind::hit);
}

TEST(HitForMiss, EndsByItselfAfterNegativeTtl) {
  Harness harness;
  TestRequest request;
  harness.get(request, {200, {{"Cache-Control", "private"}}});
  harness.clock.advance(seconds(1));
  EXPECT_EQ(harness.get(request, {200, fresh()}).reason, Reason::none);
}

TEST(HitForMiss, LastsAsLongAsResponsesCannotBeStored) {
  Harness harness;
  TestRequest request;
  harness.get(request, {200, {{"Cache-Control", "private"}}});
  for (int i = 0; i < 5; ++i) {
    harness.clock.advance(milliseconds(900));
    const FillStart start = harness.begin(request);
    ASSERT_EQ(start.reason, Reason::hit_for_miss) << "after " << i << " responses that passed";
    harness.worker.renew_pass(start.mark, harness.clock.now());
  }
  harness.clock.advance(seconds(1));
  EXPECT_EQ(harness.get(request, {200, fresh()}).reason, Reason::none);
}

TEST(HitForMiss, IsNotBroughtBackByAnAnswerThatComesAfterItsEnd) {
  Harness harness;
  TestRequest request;
  harness.get(request, {200, {{"Cache-Control", "private"}}});
  const FillStart slow = harness.begin(request);
  harness.worker.end_pass(harness.begin(request).mark);
  harness.worker.renew_pass(slow.mark, harness.clock.now());
  EXPECT_EQ(harness.begin(request).kind, FillStart::Kind::leader);
}

TEST(HitForMiss, MarksAreBounded) {
  config::CacheSettings settings = testing::small_settings();
  settings.negative_entries_max = Cache::shard_count;  // one a shard
  Harness harness(settings);
  for (int i = 0; i < 5000; ++i) {
    TestRequest request = testing::at("/" + std::to_string(i));
    harness.get(request, {200, {{"Cache-Control", "private"}}});
  }
  std::size_t remembered = 0;
  for (int i = 0; i < 5000; ++i) {
    TestRequest request = testing::at("/" + std::to_string(i));
    if (harness.get(request, {200, fresh()}).reason == Reason::hit_for_miss) ++remembered;
  }
  EXPECT_LE(remembered, Cache::shard_count);
  EXPECT_GT(remembered, 0U);
}

}  // namespace
}  // namespace homeostat::cache
