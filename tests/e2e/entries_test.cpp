// The application's own data over HTTP: alone, in a fleet, and without Redis.
#include <gtest/gtest.h>

#include "tests/e2e/captured_log.hpp"
#include "tests/e2e/fleet.hpp"

namespace homeostat::test {
namespace {

constexpr const char* entries = "/api/v1/cache/entries/";

Message put(const RunningAgent& agent, const std::string& key, const std::string& body) {
  return agent.admin("PUT", entries + key, body);
}
Message fetch(const RunningAgent& agent, const std::string& key) {
  return agent.admin("GET", entries + key);
}

TEST(Entries, AreKeptByOneAgentWithoutRedis) {
  ScriptedOrigin origin;
  RunningAgent agent(origin);
  EXPECT_EQ(fetch(agent, "book:1").status(), 404);
  const Message stored =
      put(agent, "book:1", R"({"value": {"title": "a"}, "ttl": 60, "tags": ["books"]})");
  EXPECT_EQ(stored.status(), 200) << stored.body;
  EXPECT_TRUE(contains(stored.body, "\"level\": \"l1\"")) << stored.body;
  const Message found = fetch(agent, "book:1");
  EXPECT_EQ(found.status(), 200);
  EXPECT_TRUE(contains(found.body, "\"title\": \"a\"")) << found.body;
  EXPECT_TRUE(contains(found.body, "\"ttl\": 60")) << found.body;
  EXPECT_TRUE(contains(found.body, "\"books\"")) << found.body;
  EXPECT_EQ(agent.metric("homeostat_data_entries"), 1);
  const Message purged = agent.admin("POST", "/api/v1/cache/invalidate", R"({"tags": ["books"]})");
  EXPECT_TRUE(contains(purged.body, "\"by_tags\": 1")) << purged.body;
  EXPECT_EQ(fetch(agent, "book:1").status(), 404);
  EXPECT_EQ(put(agent, "a%2Fb", R"({"value": 1})").status(), 200);
  EXPECT_EQ(fetch(agent, "a%2Fb").status(), 200);
  EXPECT_TRUE(
      contains(agent.admin("DELETE", std::string(entries) + "a%2Fb").body, "\"deleted\": 1"));
  EXPECT_EQ(fetch(agent, "a%2Fb").status(), 404);
}

TEST(Entries, RefuseWhatCannotBeUsed) {
  ScriptedOrigin origin;
  RunningAgent agent(origin);
  EXPECT_EQ(put(agent, "a", "{}").status(), 422) << "no value";
  EXPECT_EQ(put(agent, "a", R"({"value": 1, "ttl": 0})").status(), 422);
  EXPECT_EQ(put(agent, "a", R"({"value": 1, "tags": ["a,b"]})").status(), 422);
  EXPECT_EQ(put(agent, "a", R"({"value": 1, "more": 2})").status(), 422);
  EXPECT_EQ(put(agent, std::string(600, 'k'), R"({"value": 1})").status(), 422);
  EXPECT_EQ(put(agent, "a%0Ab", R"({"value": 1})").status(), 422);
  EXPECT_EQ(put(agent, "%FF", R"({"value": 1})").status(), 422) << "no UTF-8";
  EXPECT_EQ(put(agent, "%C3%A9", R"({"value": 1})").status(), 200);
  EXPECT_EQ(agent.admin("GET", "/api/v1/cache/keys?level=l2").status(), 409);
}

TEST(Entries, ABatchAnswersInItsOrder) {
  ScriptedOrigin origin;
  RunningAgent agent(origin);
  const CapturedLog log;
  const Message answer = agent.admin("POST", "/api/v1/cache/entries:batch", R"({"operations": [
      {"op": "set", "key": "a", "value": [1, 2], "ttl": 60},
      {"op": "get", "key": "a"},
      {"op": "delete", "key": "a"},
      {"op": "get", "key": "a"}]})");
  ASSERT_EQ(answer.status(), 200) << answer.body;
  EXPECT_LT(answer.body.find("\"stored\": true"), answer.body.find("\"found\": true"));
  EXPECT_LT(answer.body.find("\"found\": true"), answer.body.find("\"deleted\": 1"));
  EXPECT_LT(answer.body.find("\"deleted\": 1"), answer.body.find("\"found\": false"));
  EXPECT_EQ(log.count("action=batch_entries target=\"set=[a] delete=[a]\""), 1) << log.text();
  EXPECT_EQ(agent.admin("POST", "/api/v1/cache/entries:batch", R"({"operations": []})").status(),
            422);
  const Message wrong =
      agent.admin("POST", "/api/v1/cache/entries:batch",
                  R"({"operations": [{"op": "get"}, {"op": "jump", "key": "a"}]})");
  EXPECT_EQ(wrong.status(), 422);
  EXPECT_TRUE(contains(wrong.body, "operations[0].key")) << wrong.body;
  EXPECT_TRUE(contains(wrong.body, "operations[1].op")) << wrong.body;
}

TEST(Entries, OfOneAgentAreTheFleets) {
  Fleet fleet(2);
  const Message stored = put(fleet[0], "a", R"({"value": "one", "ttl": 60, "tags": ["t"]})");
  ASSERT_TRUE(contains(stored.body, "\"level\": \"l2\"")) << stored.body;
  // The other one may not have heard of the write yet, or not be in step at that moment:
  // asked until it has it from Redis, then until it keeps it.
  Message other;
  EXPECT_TRUE(eventually([&] {
    other = fetch(fleet[1], "a");
    return other.status() == 200;
  }));
  EXPECT_TRUE(contains(other.body, "\"value\": \"one\"")) << other.body;
  EXPECT_TRUE(contains(other.body, "\"level\": \"l2\"")) << other.body;
  EXPECT_TRUE(eventually([&] { return contains(fetch(fleet[1], "a").body, "\"level\": \"l1\""); }))
      << "now in memory, too";
  // Written elsewhere: nobody keeps what came before.
  ASSERT_EQ(put(fleet[1], "a", R"({"value": "two"})").status(), 200);
  EXPECT_TRUE(contains(fetch(fleet[1], "a").body, "\"value\": \"two\""));
  EXPECT_TRUE(
      eventually([&] { return contains(fetch(fleet[0], "a").body, "\"value\": \"two\""); }));
  // Again and again: a write after a delete counts.
  ASSERT_EQ(fleet[0].admin("DELETE", std::string(entries) + "a").status(), 200);
  EXPECT_TRUE(eventually([&] { return fetch(fleet[1], "a").status() == 404; }));
  ASSERT_EQ(put(fleet[0], "a", R"({"value": "three"})").status(), 200);
  EXPECT_TRUE(
      eventually([&] { return contains(fetch(fleet[1], "a").body, "\"value\": \"three\""); }));
  ASSERT_EQ(put(fleet[1], "b", R"({"value": 1, "tags": ["t"]})").status(), 200);
  ASSERT_TRUE(eventually([&] { return fetch(fleet[0], "b").status() == 200; }));
  EXPECT_EQ(fleet[0].admin("POST", "/api/v1/cache/invalidate", R"({"tags": ["t"]})").status(), 200);
  EXPECT_NE(fetch(fleet[0], "b").status(), 200) << "not even from Redis";
  EXPECT_TRUE(eventually([&] { return fetch(fleet[1], "b").status() == 404; }));
}

TEST(Entries, StayWithTheirAgentWhileRedisIsAwayAndAreNotOldAfterwards) {
  Fleet fleet(2);
  ASSERT_EQ(put(fleet[0], "a", R"({"value": "old"})").status(), 200);
  ASSERT_TRUE(eventually([&] { return fetch(fleet[1], "a").status() == 200; }));
  fleet.redis.pause();
  const Message stored = put(fleet[0], "a", R"({"value": "new"})");
  EXPECT_EQ(stored.status(), 200) << stored.body;
  EXPECT_TRUE(contains(stored.body, "\"level\": \"l1\"")) << stored.body;
  EXPECT_TRUE(contains(fetch(fleet[0], "a").body, "new"));
  fleet.redis.resume();
  EXPECT_TRUE(eventually([&] { return !contains(fetch(fleet[1], "a").body, "old"); }));
}

TEST(Entries, AreUnknownAndNotAbsentWhileRedisIsAway) {
  Fleet fleet(1);
  ASSERT_EQ(put(fleet[0], "a", R"({"value": "here"})").status(), 200);
  EXPECT_EQ(fetch(fleet[0], "b").status(), 404);
  fleet.redis.kill();
  ASSERT_TRUE(eventually([&] { return fleet[0].metric("homeostat_redis_up") == 0; }));
  EXPECT_EQ(fetch(fleet[0], "a").status(), 200);
  const Message unknown = fetch(fleet[0], "b");
  EXPECT_EQ(unknown.status(), 503);
  EXPECT_TRUE(unknown.has("retry-after")) << unknown.head;
  EXPECT_TRUE(contains(unknown.body, "Redis did not answer")) << unknown.body;
  const Message batch =
      fleet[0].admin("POST", "/api/v1/cache/entries:batch",
                     R"({"operations": [{"op": "get", "key": "a"}, {"op": "get", "key": "b"}]})");
  EXPECT_EQ(batch.status(), 200) << batch.body;
  EXPECT_TRUE(contains(batch.body, "\"found\": true")) << batch.body;
  EXPECT_TRUE(contains(batch.body, "\"found\": null")) << batch.body;
  const auto gets = [&](const std::string& result) {
    return fleet[0].metric(R"(homeostat_data_operations_total{operation="get",result=")" + result +
                           "\"}");
  };
  EXPECT_EQ(gets("unknown"), 2);
  EXPECT_EQ(gets("miss"), 1);
  fleet.redis.restart();
  EXPECT_TRUE(eventually([&] { return fetch(fleet[0], "b").status() == 404; }));
}

TEST(Entries, MayHaveTheKeyOfAUrl) {
  Fleet fleet(2);
  const std::string key = "http:%2F%2Fshop.example%2Fbook";
  fleet.count_requests("/book", "Cache-Control: max-age=600\r\n");
  EXPECT_EQ(fleet[1].get("http://shop.example/book").body, "1");
  ASSERT_EQ(put(fleet[0], key, R"({"value": "old"})").status(), 200);
  ASSERT_TRUE(eventually([&] { return fetch(fleet[1], key).status() == 200; }));
  EXPECT_TRUE(is_hit(fleet[1].get("http://shop.example/book"))) << "data only";
  ASSERT_EQ(put(fleet[1], key, R"({"value": "new"})").status(), 200);
  EXPECT_TRUE(eventually([&] { return contains(fetch(fleet[0], key).body, "new"); }));
  ASSERT_EQ(put(fleet[0], key, R"({"value": "late", "mode": "behind"})").status(), 202);
  EXPECT_TRUE(eventually([&] { return contains(fetch(fleet[1], key).body, "late"); }));
  EXPECT_TRUE(is_hit(fleet[1].get("http://shop.example/book"))) << "data only, written behind";
  EXPECT_EQ(
      fleet[0]
          .admin("POST", "/api/v1/cache/invalidate", R"({"keys": ["http://shop.example/book"]})")
          .status(),
      200);
  EXPECT_NE(fetch(fleet[0], key).status(), 200) << "not even from Redis";
  EXPECT_TRUE(eventually([&] { return fetch(fleet[1], key).status() == 404; }));
}

TEST(Entries, PagesOfTheTiersKeysKeepTheirLimitAndMissNothing) {
  Fleet fleet(1);
  for (int i = 0; i < 150; ++i) {
    // As a tenant's, another version's, and plain.
    const char* kind = i % 3 == 0 ? "~acme:" : i % 3 == 1 ? "@7:" : ":";
    fleet.redis.run(
        {"SET", std::string("hs:default") + kind + "GET:e/k" + std::to_string(i) + ":::", "value",
         "PX", "600000"});
  }
  std::size_t found = 0, pages = 0;
  std::string cursor;
  do {
    const std::string body = fleet[0]
                                 .admin("GET", "/api/v1/cache/keys?level=l2&limit=7&pattern=/k*" +
                                                   (cursor.empty() ? "" : "&cursor=" + cursor))
                                 .body;
    std::size_t here = 0;
    for (auto at = body.find("/k"); at != std::string::npos; at = body.find("/k", at + 1)) ++here;
    if (contains(body, "\"pattern\": \"/k*\"")) --here;
    EXPECT_LE(here, 7U) << body;
    EXPECT_FALSE(contains(body, "\"complete\": false")) << body;
    EXPECT_FALSE(contains(body, "\"size_bytes\": 0")) << body;
    found += here;
    const std::string name = "\"next_cursor\": \"";
    const std::size_t at = body.find(name);
    cursor =
        at == std::string::npos
            ? std::string()
            : body.substr(at + name.size(), body.find('"', at + name.size()) - at - name.size());
  } while (!cursor.empty() && ++pages < 200);
  EXPECT_EQ(found, 150U);
}

TEST(Entries, KeysOfTheTierAreListedPageByPage) {
  Fleet fleet(1);
  fleet.origin.on("/a", [](OriginExchange& exchange) {
    exchange.respond(200, "Cache-Control: max-age=600\r\n", "x");
  });
  for (int i = 0; i < 5; ++i) fleet.store(0, "/a?" + std::to_string(i));
  ASSERT_EQ(put(fleet[0], "book:1", R"({"value": 1, "ttl": 60})").status(), 200);
  const std::string all = fleet[0].admin("GET", "/api/v1/cache/keys?level=l2").body;
  EXPECT_TRUE(contains(all, "hs:default:data:book:1")) << all;
  EXPECT_TRUE(contains(all, "/a:4")) << all;
  EXPECT_TRUE(contains(all, "\"next_cursor\": null")) << all;
  EXPECT_TRUE(contains(all, "\"level\": \"l2\"")) << all;
  const std::string paths = fleet[0].admin("GET", "/api/v1/cache/keys?level=l2&pattern=/a*").body;
  EXPECT_FALSE(contains(paths, "book:1")) << paths;
  EXPECT_TRUE(contains(paths, "/a:0")) << paths;
  const std::string data =
      fleet[0].admin("GET", "/api/v1/cache/keys?level=l2&pattern=hs:default:data:*").body;
  EXPECT_TRUE(contains(data, "book:1")) << data;
  EXPECT_FALSE(contains(data, "/a:")) << data;
  EXPECT_EQ(fleet[0].admin("GET", "/api/v1/cache/keys?level=l2&cursor=x").status(), 422);
  EXPECT_EQ(fleet[0].admin("GET", "/api/v1/cache/keys?level=l3").status(), 422);
}

TEST(CacheEvents, InvalidateResponsesAndDataOfTheFleet) {
  const std::string events =
      "events: {review.created: ['book:detail:{bookId}', '/book/{bookId}*', "
      "'event:stats.changed'], stats.changed: ['tag:stats']}";
  Fleet fleet(2, events);
  fleet.count_requests("/book/42", "Cache-Control: max-age=600\r\n");
  fleet.count_requests("/stats", "Cache-Control: max-age=600\r\nCache-Tag: stats\r\n");
  fleet.store(0, "/book/42");
  fleet.store(0, "/stats");
  EXPECT_EQ(fleet[1].get("/book/42").body, "1");
  ASSERT_EQ(put(fleet[0], "book:detail:42", R"({"value": 1})").status(), 200);
  ASSERT_EQ(put(fleet[0], "book:detail:43", R"({"value": 1})").status(), 200);
  const Message run = fleet[0].admin("POST", "/api/v1/cache/events/review.created?reason=test",
                                     R"({"bookId": 42})");
  ASSERT_EQ(run.status(), 200) << run.body;
  EXPECT_TRUE(contains(run.body, "\"invalidated_entries\": 3")) << run.body;
  EXPECT_TRUE(contains(run.body, "\"stats.changed\"")) << run.body;
  EXPECT_EQ(fleet[0].get("/book/42").body, "2");
  EXPECT_EQ(fleet[0].get("/stats").body, "2");
  EXPECT_EQ(fetch(fleet[0], "book:detail:42").status(), 404);
  EXPECT_EQ(fetch(fleet[0], "book:detail:43").status(), 200);
  // What agent 0 has fetched since may be in Redis already, or not yet.
  EXPECT_TRUE(eventually([&] { return fleet[1].get("/book/42").body != "1"; }));
  EXPECT_EQ(fleet[0].admin("POST", "/api/v1/cache/events/review.created", "{}").status(), 422);
  EXPECT_EQ(fleet[0].admin("POST", "/api/v1/cache/events/unknown", "{}").status(), 404);
}

}  // namespace
}  // namespace homeostat::test
