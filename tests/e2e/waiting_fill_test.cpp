// Requests that meet a fetch under way or begin one: how long they wait for somebody else's,
// and what becomes of their own conditions.
#include <gtest/gtest.h>

#include <atomic>

#include "tests/e2e/cache_support.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

const std::string tagged = "Cache-Control: max-age=60\r\nETag: \"v1\"\r\n";

/// Holds the first request for /page, answers all others at once.
class FirstIsSlow {
 public:
  explicit FirstIsSlow(std::string fields) {
    origin.on("/page", [this, fields = std::move(fields)](OriginExchange& exchange) {
      const bool first = !begun_.exchange(true);
      if (first) go_on.wait();
      exchange.respond(200, fields, first ? "first" : "second");
    });
  }
  ~FirstIsSlow() { go_on.set(); }
  Signal go_on;
  ScriptedOrigin origin;

 private:
  std::atomic<bool> begun_{false};
};

TEST(FillWaitMax, EndsTheWaitForAnothersFetchByAnOwnRequest) {
  FirstIsSlow slow(tagged);
  RunningAgent agent(config_of(slow.origin, "fill_wait_max: 50ms"));
  HttpClient leader(agent.port());
  ASSERT_TRUE(leader.send(request_text("GET", "/page")));
  ASSERT_TRUE(slow.origin.wait_for_requests("/page", 1));
  const Message own = agent.get("/page");
  EXPECT_EQ(own.body, "second") << "while the first still waits";
  EXPECT_EQ(own.status(), 200);
  EXPECT_FALSE(contains(own.get("cache-status"), "collapsed")) << own.get("cache-status");
  EXPECT_EQ(slow.origin.requests("/page"), 2U);
  slow.go_on.set();
  EXPECT_EQ(leader.read().body, "first") << "and he is not disturbed";
  EXPECT_EQ(agent.get("/page").body, "first") << "what was fetched for all is what is kept";
}

TEST(FillWaitMax, OfZeroMeansThatNobodyWaits) {
  FirstIsSlow slow(tagged);
  RunningAgent agent(config_of(slow.origin, "fill_wait_max: 0s"));
  HttpClient leader(agent.port());
  ASSERT_TRUE(leader.send(request_text("GET", "/page")));
  ASSERT_TRUE(slow.origin.wait_for_requests("/page", 1));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(agent.get("/page").body, "second");
  slow.go_on.set();
  EXPECT_EQ(leader.read().body, "first");
}

TEST(FillWaitMax, LeavesRoomForAFetchThatEndsInTime) {
  FirstIsSlow slow(tagged);
  RunningAgent agent(config_of(slow.origin, "fill_wait_max: 10m"));
  HttpClient leader(agent.port()), follower(agent.port());
  ASSERT_TRUE(leader.send(request_text("GET", "/page")));
  ASSERT_TRUE(slow.origin.wait_for_requests("/page", 1));
  ASSERT_TRUE(follower.send(request_text("GET", "/page")));
  ASSERT_TRUE(eventually([&] { return agent.metric("homeostat_cache_collapsed_total") == 1; }));
  slow.go_on.set();
  const Message shared = follower.read();
  EXPECT_EQ(shared.body, "first");
  EXPECT_TRUE(contains(shared.get("cache-status"), "collapsed"));
  EXPECT_EQ(leader.read().body, "first");
  EXPECT_EQ(slow.origin.requests("/page"), 1U);
}

// -- conditions of who misses -------------------------------------------------------

TEST(ConditionOnAMiss, IsAnsweredByTheAgentThatFetchesTheWhole) {
  ScriptedOrigin origin;
  origin.answer("/page", 200, tagged, "whole");
  RunningAgent agent(origin);
  const Message first = agent.get("/page", "If-None-Match: \"v1\"\r\n");
  EXPECT_EQ(first.status(), 304);
  EXPECT_EQ(first.body, "");
  EXPECT_EQ(first.get("etag"), "\"v1\"");
  EXPECT_FALSE(origin.last_request("/page").has("if-none-match"))
      << "a 304 could not be stored for the others";
  const Message next = agent.get("/page");
  EXPECT_TRUE(is_hit(next));
  EXPECT_EQ(next.body, "whole");
  EXPECT_EQ(origin.requests("/page"), 1U);
}

TEST(ConditionOnAMiss, ThatDoesNotHoldGetsTheWhole) {
  ScriptedOrigin origin;
  origin.answer("/page", 200, tagged, "whole");
  RunningAgent agent(origin);
  const Message other = agent.get("/page", "If-None-Match: \"v0\", W/\"v2\"\r\n");
  EXPECT_EQ(other.status(), 200);
  EXPECT_EQ(other.body, "whole");
  EXPECT_EQ(agent.get("/page", "If-None-Match: *\r\n").status(), 304);
}

TEST(ConditionOnAMiss, OfAFollowerIsHisOwn) {
  FirstIsSlow slow(tagged);
  RunningAgent agent(slow.origin);
  HttpClient leader(agent.port()), same(agent.port()), other(agent.port());
  ASSERT_TRUE(leader.send(request_text("GET", "/page")));
  ASSERT_TRUE(slow.origin.wait_for_requests("/page", 1));
  ASSERT_TRUE(same.send(request_text("GET", "/page", "If-None-Match: W/\"v1\"\r\n")));
  ASSERT_TRUE(other.send(request_text("GET", "/page", "If-None-Match: \"v0\"\r\n")));
  ASSERT_TRUE(eventually([&] { return agent.metric("homeostat_cache_collapsed_total") == 2; }));
  slow.go_on.set();
  EXPECT_EQ(leader.read().body, "first");
  const Message unchanged = same.read();
  EXPECT_EQ(unchanged.status(), 304);
  EXPECT_EQ(unchanged.body, "");
  const Message changed = other.read();
  EXPECT_EQ(changed.status(), 200);
  EXPECT_EQ(changed.body, "first");
  EXPECT_EQ(slow.origin.requests("/page"), 1U);
}

TEST(ConditionOnAMiss, OfTheLeaderIsNotTheFollowers) {
  FirstIsSlow slow(tagged);
  RunningAgent agent(slow.origin);
  HttpClient leader(agent.port()), follower(agent.port());
  ASSERT_TRUE(leader.send(request_text("GET", "/page", "If-None-Match: \"v1\"\r\n")));
  ASSERT_TRUE(slow.origin.wait_for_requests("/page", 1));
  ASSERT_TRUE(follower.send(request_text("GET", "/page")));
  ASSERT_TRUE(eventually([&] { return agent.metric("homeostat_cache_collapsed_total") == 1; }));
  slow.go_on.set();
  EXPECT_EQ(leader.read().status(), 304);
  const Message whole = follower.read();
  EXPECT_EQ(whole.status(), 200);
  EXPECT_EQ(whole.body, "first");
}

TEST(ConditionOnAMiss, IsTheApplicationsWhereNothingIsStored) {
  ScriptedOrigin origin;
  origin.on("/page", [](OriginExchange& exchange) {
    const bool same = contains(exchange.request.get("if-none-match"), "\"v1\"");
    exchange.respond(same ? 304 : 200, "Cache-Control: no-store\r\nETag: \"v1\"\r\n",
                     same ? "" : "whole");
  });
  RunningAgent agent(config_of(origin, "rules: [{match: {path: /page}, bypass: true}]"));
  EXPECT_EQ(agent.get("/page", "If-None-Match: \"v1\"\r\n").status(), 304);
  EXPECT_EQ(origin.last_request("/page").get("if-none-match"), "\"v1\"");
}

}  // namespace
}  // namespace homeostat::test
