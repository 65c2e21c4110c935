// Purges while something that was found before is still in somebody's hands: an answer to
// HEAD under way, a stale response kept for the case that the origin fails.
#include <functional>

#include "cache_fixture.hpp"
#include "runtime/cache/stale.hpp"

namespace homeostat::cache {
namespace {

using std::chrono::seconds;
using testing::FieldList;
using testing::Harness;
using testing::TestRequest;

class PurgeUnderWay : public ::testing::Test {
 protected:
  PurgeUnderWay() { store(); }

  void store() {
    harness_.get(page_, {200,
                         {{"Cache-Control", "max-age=600"},
                          {"ETag", "\"1\""},
                          {"Surrogate-Key", "a"},
                          {"Cache-Groups", "\"g\""}}});
  }
  [[nodiscard]] Lookup find() { return harness_.find(page_); }

  /// By every way there is, each in turn.
  void each_way(bool soft, bool doubt, const std::function<void(const char*)>& check) {
    PurgeRequest by_tag, by_pattern, by_key, by_url;
    by_tag.tags = {"a"};
    by_pattern.patterns = {"/page*"};
    by_key.keys = {"hs:default:GET:example.org/page:::"};
    by_url.keys = {"http://example.org/page"};
    for (const auto& [way, request] : {std::pair("tag", &by_tag), std::pair("pattern", &by_pattern),
                                       std::pair("key", &by_key), std::pair("URL", &by_url)}) {
      request->soft = soft;
      request->doubt = doubt;
      purge_ = [this, request = request] {
        EXPECT_EQ(harness_.cache.purge(*request).entries(), 1U);
      };
      check(way);
      testing::flush(harness_.cache);
      store();
    }
  }

  /// Learns from an answer to HEAD that was made before purge_().
  void purge_during_head() {
    TestRequest head = page_;
    head.method = "HEAD";
    head.fields = {{"Cache-Control", "no-cache"}};
    const Request view = head.view();
    const RequestDecision decision = harness_.cache.rules().decide(view);
    const Lookup found = harness_.worker.lookup(view, decision, harness_.clock.now());
    ASSERT_EQ(found.kind, Lookup::Kind::stale);
    ASSERT_TRUE(found.object);
    Fields storage;
    const Response answer = harness_.response_view(
        {200, {{"Cache-Control", "max-age=600"}, {"ETag", "\"1\""}}, ""}, storage);
    harness_.clock.advance(seconds(1));
    purge_();
    harness_.worker.learn_from_head(view, decision, found.object, answer, harness_.policy);
  }

  Harness harness_;
  TestRequest page_ = [] {
    TestRequest request = testing::at("/page");
    return request;
  }();
  std::function<void()> purge_;
};

TEST_F(PurgeUnderWay, IsNotUndoneByAnAnswerToHead) {
  each_way(true, false, [&](const char* way) {
    purge_during_head();
    EXPECT_EQ(find().kind, Lookup::Kind::stale) << way;
  });
  each_way(true, true, [&](const char* way) {
    purge_during_head();
    EXPECT_EQ(find().kind, Lookup::Kind::stale) << way;
  });
  each_way(false, false, [&](const char* way) {
    purge_during_head();
    EXPECT_EQ(find().kind, Lookup::Kind::miss) << way;
  });
}

/// As an answer in place of a failure, wherever that is allowed at all.
bool bridges(const Harness& harness, const ObjectPtr& object) {
  StaleWindows windows;
  windows.if_error = seconds(3600);
  windows.in_emergency = seconds(3600);
  StaleView view{object->freshness(), windows};
  view.doubtful = object->doubtful();
  view.now = harness.clock.now();
  view.trouble = Trouble::unreachable;
  view.emergency = true;
  return stale_bridges(view);
}

TEST_F(PurgeUnderWay, AHardOneKeepsWhatWasFoundBeforeFromStandingInForAFailure) {
  each_way(false, false, [&](const char* way) {
    const ObjectPtr found = find().object;
    ASSERT_TRUE(bridges(harness_, found));
    purge_();
    EXPECT_FALSE(bridges(harness_, found)) << way;
  });
  const ObjectPtr written = find().object;
  harness_.worker.invalidate_uri("example.org", "/page", "", harness_.cache.rules());
  EXPECT_FALSE(bridges(harness_, written)) << "a write";
  store();
  const ObjectPtr grouped = find().object;
  harness_.worker.invalidate_group("example.org", "g");
  harness_.cache.sweep();
  EXPECT_FALSE(bridges(harness_, grouped)) << "a group";
}

TEST_F(PurgeUnderWay, WhatWasOnlyEvictedOrReplacedMayStillStandIn) {
  const ObjectPtr replaced = find().object;
  harness_.clock.advance(seconds(601));
  store();
  EXPECT_NE(find().object, replaced);
  EXPECT_TRUE(bridges(harness_, replaced));
  const ObjectPtr evicted = find().object;
  harness_.cache.shrink_to(0);
  EXPECT_EQ(find().kind, Lookup::Kind::miss);
  EXPECT_TRUE(bridges(harness_, evicted));
}

}  // namespace
}  // namespace homeostat::cache
