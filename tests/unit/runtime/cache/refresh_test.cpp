// Background refreshes at the level of the cache: who may begin one, what keeps
// them back, when hot objects are due, and that lifetimes are spread.
#include <array>
#include <atomic>
#include <set>
#include <thread>

#include "cache_fixture.hpp"

namespace homeostat::cache {
namespace {

using rules::FetchOutcome;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::fresh;
using testing::Harness;
using testing::TestRequest;

constexpr FetchEnd failure{{FetchOutcome::failure, {}}, false};
constexpr FetchEnd no_answer{{FetchOutcome::failure, {}}, true};
constexpr FetchEnd success{};

class RefreshControlTest : public ::testing::Test {
 protected:
  ObjectPtr stored(const std::string& path = "/", int max_age = 60) {
    TestRequest request = testing::at(path);
    harness.get(request, {200, fresh(max_age)});
    return harness.find(request).object;
  }
  RefreshControl::Request wanted(const ObjectPtr& object,
                                 RefreshKind kind = RefreshKind::revalidate, EndpointId route = 1) {
    RefreshControl::Request request{kind, *object, route, settings};
    request.lease = seconds(30);
    request.now = harness.clock.now();
    return request;
  }
  bool begin(const ObjectPtr& object, RefreshKind kind = RefreshKind::revalidate,
             EndpointId route = 1) {
    return control.begin(wanted(object, kind, route));
  }
  void report(const ObjectPtr& object, const FetchEnd& end, EndpointId route = 1) {
    control.report(object.get(), route, end, settings, harness.clock.now());
  }
  Trouble trouble(const ObjectPtr& object, EndpointId route = 1) {
    return control.trouble(*object, route, harness.clock.now());
  }
  RefreshFigures figures() { return control.figures(harness.clock.now()); }

  Harness harness;
  config::RefreshSettings settings;
  RefreshControl control;
};

TEST_F(RefreshControlTest, OneRefreshPerKeyWhateverTheNumberOfThreads) {
  for (int round = 0; round < 50; ++round) {
    const ObjectPtr object = stored("/" + std::to_string(round));
    std::atomic<int> begun{0};
    std::array<std::thread, 4> threads;
    for (std::thread& thread : threads) {
      thread = std::thread([&] {
        for (int i = 0; i < 20; ++i) begun += begin(object) ? 1 : 0;
      });
    }
    for (std::thread& thread : threads) thread.join();
    ASSERT_EQ(begun, 1);
    control.finish(RefreshKind::revalidate, RefreshResult::updated);
  }
  EXPECT_EQ(figures().running, 0U);
}

TEST_F(RefreshControlTest, AFailedKeyIsLeftAloneAndThenTriedOnce) {
  const ObjectPtr object = stored();
  ASSERT_TRUE(begin(object));
  EXPECT_EQ(trouble(object), Trouble::none) << "asking is no trouble";
  report(object, failure);
  control.finish(RefreshKind::revalidate, RefreshResult::failed);
  EXPECT_EQ(trouble(object), Trouble::error);
  EXPECT_FALSE(begin(object, RefreshKind::attempt));
  harness.clock.advance(seconds(1));
  EXPECT_TRUE(begin(object, RefreshKind::attempt));
  EXPECT_FALSE(begin(object, RefreshKind::attempt)) << "one at a time";
  report(object, success);
  EXPECT_EQ(trouble(object), Trouble::none) << "recovered at once";
}

TEST_F(RefreshControlTest, ARouteInTroubleLetsOneAttemptThroughForAllItsKeys) {
  const ObjectPtr first = stored("/1");
  const ObjectPtr second = stored("/2");
  const ObjectPtr other_route = stored("/3");
  for (int i = 0; i < 3; ++i) report({}, failure);
  EXPECT_EQ(trouble(first), Trouble::error);
  EXPECT_EQ(trouble(other_route, 2), Trouble::none);
  EXPECT_FALSE(begin(first, RefreshKind::attempt));
  harness.clock.advance(seconds(1));
  EXPECT_TRUE(begin(first, RefreshKind::attempt) != begin(second, RefreshKind::attempt));
  EXPECT_TRUE(begin(other_route, RefreshKind::revalidate, 2));
  EXPECT_EQ(figures().routes_in_trouble, 1U);
  report(first, success);
  EXPECT_EQ(trouble(second), Trouble::none);
  EXPECT_EQ(figures().routes_in_trouble, 0U);
}

TEST_F(RefreshControlTest, AnOriginWithoutAnswersIsInTroubleForEveryRoute) {
  const ObjectPtr object = stored();
  for (EndpointId route = 1; route <= 3; ++route) report({}, no_answer, route);
  EXPECT_EQ(trouble(object, 9), Trouble::unreachable);
  EXPECT_TRUE(figures().origin_in_trouble);
  // Any answer proves that it can be reached, a failure of one route included.
  report({}, failure, 7);
  EXPECT_EQ(trouble(object, 9), Trouble::none);
}

TEST_F(RefreshControlTest, SuccessesBetweenFailuresKeepARouteOutOfTrouble) {
  const ObjectPtr object = stored();
  for (int i = 0; i < 20; ++i) report({}, i % 2 == 0 ? failure : success);
  EXPECT_EQ(trouble(object), Trouble::none);
}

TEST_F(RefreshControlTest, RetryAfterHoldsTheKeyAndItsRoute) {
  const ObjectPtr object = stored("/1");
  const ObjectPtr neighbour = stored("/2");
  report(object, {{FetchOutcome::throttled, seconds(20)}, false});
  EXPECT_EQ(trouble(neighbour), Trouble::error);
  harness.clock.advance(seconds(19));
  EXPECT_FALSE(begin(object, RefreshKind::attempt));
  EXPECT_FALSE(begin(neighbour, RefreshKind::attempt));
  harness.clock.advance(seconds(3));
  EXPECT_TRUE(begin(object, RefreshKind::attempt));
}

TEST_F(RefreshControlTest, ARefusalAtTheGateBlamesNobodyElse) {
  const ObjectPtr object = stored("/1");
  const ObjectPtr neighbour = stored("/2");
  ASSERT_TRUE(begin(object));
  report(object, {{FetchOutcome::refused, {}}, false});
  EXPECT_EQ(trouble(object), Trouble::error);
  EXPECT_EQ(trouble(neighbour), Trouble::none);
  EXPECT_EQ(figures().failures, 0U);
  harness.clock.advance(seconds(1));
  EXPECT_TRUE(begin(object));
}

TEST_F(RefreshControlTest, TheirNumberIsBoundedAndWhoeverCameTooLateTriesAgainSoon) {
  settings.concurrency_max = 2;
  const ObjectPtr a = stored("/a");
  const ObjectPtr b = stored("/b");
  const ObjectPtr c = stored("/c");
  EXPECT_TRUE(begin(a));
  EXPECT_TRUE(begin(b));
  EXPECT_FALSE(begin(c));
  EXPECT_EQ(figures().held[static_cast<std::size_t>(RefreshHold::concurrency)], 1U);
  EXPECT_EQ(trouble(c), Trouble::none);
  control.finish(RefreshKind::revalidate, RefreshResult::updated);
  harness.clock.advance(seconds(1));
  EXPECT_TRUE(begin(c));
}

TEST_F(RefreshControlTest, NothingIsRefreshedAheadWhileTheOriginFailsOrTheGateIsBusy) {
  const ObjectPtr a = stored("/a");
  RefreshControl::Request busy = wanted(a, RefreshKind::ahead);
  busy.gate_busy = true;
  EXPECT_FALSE(control.begin(busy));
  report({}, failure);  // one failure is enough for what nobody waits for
  const ObjectPtr b = stored("/b");
  EXPECT_FALSE(begin(b, RefreshKind::ahead));
  EXPECT_TRUE(begin(stored("/c"))) << "but what is stale is still revalidated";
  report({}, success);
  EXPECT_TRUE(begin(stored("/d"), RefreshKind::ahead));
}

TEST_F(RefreshControlTest, ShadowModeOnlyCountsOncePerKey) {
  settings.ahead = config::LoopMode::shadow;
  const ObjectPtr object = stored();
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(begin(object, RefreshKind::ahead));
  EXPECT_EQ(figures().held[static_cast<std::size_t>(RefreshHold::shadow)], 1U);
  EXPECT_EQ(figures().running, 0U);
}

TEST_F(RefreshControlTest, RefreshingAheadStopsWhenItsShareIsUsedUp) {
  settings.extra_max = 0;
  int begun = 0;
  for (int i = 0; i < 100; ++i) {
    // Just stored: each costs a whole lifetime.
    if (!begin(stored("/" + std::to_string(i)), RefreshKind::ahead)) continue;
    ++begun;
    control.finish(RefreshKind::ahead, RefreshResult::updated);
  }
  EXPECT_LE(begun, 11);
  EXPECT_GE(begun, 10);
}

// -- due, used, wasted ------------------------------------------------------------

TEST(RefreshAheadTest, AHotObjectIsDueShortlyBeforeItExpiresAndAColdOneNever) {
  Harness harness;
  TestRequest hot, cold;
  hot.path = "/hot";
  cold.path = "/cold";
  harness.get(hot, {200, fresh(60)});
  harness.get(cold, {200, fresh(60)});
  for (int second = 0; second < 56; ++second) {
    harness.clock.advance(seconds(1));
    const Lookup found = harness.find(hot);
    ASSERT_EQ(found.kind, Lookup::Kind::hit);
    EXPECT_FALSE(found.refresh_due) << second;
  }
  harness.clock.advance(seconds(1));
  EXPECT_TRUE(harness.find(hot).refresh_due);
  EXPECT_FALSE(harness.find(cold).refresh_due);
}

TEST(RefreshAheadTest, WhatNeverChangesIsNotFetchedAheadOfTime) {
  Harness harness;
  TestRequest request;
  harness.get(request, {200, {{"Cache-Control", "max-age=60, immutable"}}});
  for (int second = 0; second < 59; ++second) {
    harness.clock.advance(seconds(1));
    const Lookup found = harness.find(request);
    ASSERT_EQ(found.kind, Lookup::Kind::hit);
    EXPECT_FALSE(found.refresh_due) << second;
  }
}

/// Refreshes what `request` asks for, as refresh ahead does.
void refresh_ahead(Harness& harness, TestRequest& request) {
  const Request view = request.view();
  const RequestDecision decision = harness.cache.rules().decide(view);
  const Lookup found = harness.worker.lookup(view, decision, harness.clock.now());
  FillStart start = harness.worker.begin_fill(view, decision, found.object, harness.clock.now(),
                                              FillPurpose::refresh);
  ASSERT_EQ(start.kind, FillStart::Kind::leader);
  start.leader->set_ahead();
  start.leader->publish_head(harness.judge(request, {200, fresh()}), std::nullopt, *view.fields,
                             harness.clock.now());
  EXPECT_EQ(start.leader->complete(harness.clock.now()), Reason::none);
}

TEST(RefreshAheadTest, WhatItBroughtIsUsefulWithTheFirstHitAndWastedWithoutOne) {
  Harness harness;
  TestRequest used, unused;
  used.path = "/used";
  unused.path = "/unused";
  for (TestRequest* request : {&used, &unused}) {
    harness.get(*request, {200, fresh()});
    refresh_ahead(harness, *request);
  }
  for (int i = 0; i < 3; ++i) EXPECT_EQ(harness.find(used).kind, Lookup::Kind::hit);
  EXPECT_EQ(harness.cache.ahead_useful(), 1U);
  EXPECT_EQ(harness.cache.refresh_figures().ahead_wasted, 0U);
  (void)testing::flush(harness.cache, "*");
  EXPECT_EQ(harness.cache.refresh_figures().ahead_wasted, 1U);
  EXPECT_EQ(harness.cache.figures().misses, 2U) << "a refresh is no miss";
}

TEST(RefreshAheadTest, ARefreshBegunBeforeAnInvalidationNeverStores) {
  Harness harness;
  TestRequest request;
  harness.get(request, {200, {{"Cache-Control", "max-age=60"}, {"ETag", "\"v\""}}});
  const Request view = request.view();
  const RequestDecision decision = harness.cache.rules().decide(view);
  const Lookup found = harness.worker.lookup(view, decision, harness.clock.now());
  FillStart start = harness.worker.begin_fill(view, decision, found.object, harness.clock.now(),
                                              FillPurpose::refresh);
  ASSERT_EQ(start.kind, FillStart::Kind::leader);
  (void)testing::flush(harness.cache, "*");
  Fields storage;
  const Response answer =
      harness.response_view({304, {{"Cache-Control", "max-age=60"}, {"ETag", "\"v\""}}}, storage);
  std::optional<RefreshedHead> head =
      refreshed_head(*found.object, decision, view, answer, harness.policy);
  ASSERT_TRUE(head.has_value());
  start.leader->complete_refreshed(std::move(*head), *view.fields, harness.clock.now());
  EXPECT_EQ(harness.find(request).kind, Lookup::Kind::miss) << "a 304 must not resurrect it";
}

TEST(RefreshAheadTest, WhatWasInvalidatedSinceTheLookupIsNotRefreshed) {
  Harness harness;
  TestRequest request;
  harness.get(request, {200, fresh()});
  const Request view = request.view();
  const RequestDecision decision = harness.cache.rules().decide(view);
  const Lookup found = harness.worker.lookup(view, decision, harness.clock.now());
  (void)testing::flush(harness.cache, "*");
  FillStart start = harness.worker.begin_fill(view, decision, found.object, harness.clock.now(),
                                              FillPurpose::refresh);
  EXPECT_EQ(start.kind, FillStart::Kind::pass);
  FillStart fill = harness.worker.begin_fill(view, decision, found.object, harness.clock.now());
  ASSERT_EQ(fill.kind, FillStart::Kind::leader);
  EXPECT_FALSE(fill.leader->stale()) << "its validators went with it";
}

// -- spreading expiry --------------------------------------------------------------

std::set<Instant> expiries(const config::CacheSettings& settings,
                           const testing::FieldList& fields) {
  Harness harness(settings);
  std::set<Instant> result;
  for (int i = 0; i < 1000; ++i) {
    TestRequest request = testing::at("/" + std::to_string(i));
    harness.get(request, {200, fields, "x"});
    const Lookup found = harness.find(request);
    EXPECT_EQ(found.kind, Lookup::Kind::hit);
    EXPECT_EQ(found.remaining, found.object->freshness().expires() - harness.clock.now())
        << "the ttl told is the one that counts";
    result.insert(found.object->freshness().expires());
  }
  return result;
}

config::CacheSettings jittered(double ratio) {
  config::CacheSettings settings = testing::small_settings();
  settings.ttl_jitter = ratio;
  config::CacheRule rule;
  rule.match.path = "/*";
  rule.ttl = seconds(100);
  settings.rules.push_back(rule);
  return settings;
}

TEST(TtlSpread, AThousandKeysStoredTogetherDoNotExpireTogether) {
  const std::set<Instant> times = expiries(jittered(0.1), {});
  EXPECT_GT(times.size(), 990U);
  const Duration width = *times.rbegin() - *times.begin();
  EXPECT_GT(width, Duration(seconds(9)));
  EXPECT_LE(width, Duration(seconds(10)));
  // No second sees more than its share, roughly.
  for (auto from = times.begin(); from != times.end(); ++from) {
    const auto to = times.upper_bound(*from + seconds(1));
    EXPECT_LT(std::distance(from, to), 200);
  }
}

TEST(TtlSpread, CanBeTurnedOff) { EXPECT_EQ(expiries(jittered(0), {}).size(), 1U); }

TEST(TtlSpread, WhatTheOriginStatesIsSpreadFromAMinuteUpUnlessThatIsTurnedOff) {
  config::CacheSettings settings = jittered(0.1);
  EXPECT_GT(expiries(settings, fresh(60)).size(), 990U);
  EXPECT_EQ(expiries(settings, fresh(59)).size(), 1U);
  settings.ttl_jitter_origin = false;
  EXPECT_EQ(expiries(settings, fresh(100)).size(), 1U);
}

TEST(TtlSpread, ABoundThatARuleSetsIsSharedByManyAndSpread) {
  config::CacheSettings settings = jittered(0.1);
  settings.rules.front().ttl.reset();
  settings.rules.front().ttl_max = seconds(60);
  EXPECT_GT(expiries(settings, fresh(86400)).size(), 990U);
  EXPECT_EQ(expiries(settings, fresh(50)).size(), 1U) << "the bound changed nothing";
}

TEST(TtlSpread, IsOnByDefault) {
  config::CacheSettings settings = jittered(config::CacheSettings{}.ttl_jitter);
  EXPECT_GT(expiries(settings, {}).size(), 990U);
}

}  // namespace
}  // namespace homeostat::cache
