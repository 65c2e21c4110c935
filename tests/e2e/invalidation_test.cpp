// Invalidation and cache rules as an operator and a client see them.
#include <gtest/gtest.h>

#include <atomic>
#include <list>
#include <string>

#include "tests/e2e/cache_support.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

/// Blanks between the members of a document do not count.
std::string compact(std::string text) {
  std::erase_if(text, [](char c) { return c == ' ' || c == '\n'; });
  return text;
}

bool json_contains(const std::string& text, const std::string& part) {
  return compact(text).find(compact(part)) != std::string::npos;
}

constexpr const char* tagged =
    "Cache-Control: max-age=60\r\nETag: \"v\"\r\nSurrogate-Key: books book:1\r\n";

TEST(Invalidation, ByTagTakesEffectAtOnceAndSaysHowMuch) {
  ScriptedOrigin origin;
  for (const char* path : {"/1", "/2"}) origin.answer(path, 200, tagged, "book");
  origin.answer("/3", 200, "Cache-Control: max-age=60\r\n", "other");
  RunningAgent agent(origin);
  for (const char* path : {"/1", "/2", "/3"}) {
    (void)agent.get(path);
    EXPECT_TRUE(is_hit(agent.get(path)));
  }
  EXPECT_EQ(agent.get("/1").get("surrogate-key"), "books book:1") << "passed on by default";
  const Message answer = agent.admin("POST", "/api/v1/cache/invalidate",
                                     R"({"tags":["books","nothing"],"reason":"edit"})");
  EXPECT_EQ(answer.status(), 200);
  EXPECT_TRUE(json_contains(answer.body, R"("invalidated_entries":2)")) << answer.body;
  EXPECT_TRUE(json_contains(answer.body, R"("by_tags":2)")) << answer.body;
  EXPECT_FALSE(is_hit(agent.get("/1")));
  EXPECT_FALSE(is_hit(agent.get("/2")));
  EXPECT_TRUE(is_hit(agent.get("/3")));
}

TEST(Invalidation, SoftlyPurgedContentIsValidated) {
  ScriptedOrigin origin;
  origin.on("/1", [](OriginExchange& exchange) {
    if (exchange.request.get("if-none-match") == "\"v\"") {
      exchange.respond(304, tagged, "");
    } else {
      exchange.respond(200, tagged, "book");
    }
  });
  RunningAgent agent(origin);
  (void)agent.get("/1");
  ASSERT_EQ(agent.admin("POST", "/api/v1/cache/invalidate", R"({"tags":["books"],"mode":"soft"})")
                .status(),
            200);
  const Message validated = agent.get("/1");
  EXPECT_EQ(validated.body, "book");
  EXPECT_TRUE(json_contains(validated.get("cache-status"), "fwd=stale; fwd-status=304"))
      << validated.get("cache-status");
  EXPECT_EQ(origin.last_request("/1").get("if-none-match"), "\"v\"");
  EXPECT_TRUE(is_hit(agent.get("/1")));
  EXPECT_EQ(origin.requests("/1"), 2U);
}

TEST(Invalidation, LateFollowersOfAPurgedFetchShareOneNewFetch) {
  Signal go_on;
  ScriptedOrigin origin;
  std::atomic<int> version{0};
  origin.on("/1", [&](OriginExchange& exchange) {
    const int mine = ++version;
    if (mine == 1) go_on.wait();
    exchange.respond(200, tagged, "version " + std::to_string(mine));
  });
  RunningAgent agent(origin);
  HttpClient early(agent.port());
  ASSERT_TRUE(early.send(request_text("GET", "/1")));
  ASSERT_TRUE(origin.wait_for_requests("/1", 1));
  (void)agent.admin("POST", "/api/v1/cache/invalidate", R"({"tags":["book:1"]})");
  std::list<HttpClient> late;
  for (int i = 0; i < 5; ++i) {
    late.emplace_back(agent.port());
    ASSERT_TRUE(late.back().send(request_text("GET", "/1")));
  }
  ASSERT_TRUE(eventually([&] { return agent.metric("homeostat_cache_collapsed_total") == 5; }));
  go_on.set();
  EXPECT_EQ(early.read().body, "version 1") << "it asked before the purge";
  for (HttpClient& client : late) EXPECT_EQ(client.read().body, "version 2");
  EXPECT_EQ(origin.requests("/1"), 2U);
  EXPECT_EQ(agent.get("/1").body, "version 2");
}

TEST(Invalidation, ARulesInvalidateOnNeedsNoSearch) {
  ScriptedOrigin origin;
  origin.answer("/books/1", 200, "Cache-Control: max-age=60\r\n", "book");
  origin.answer("/admin/books", 204, "", "");
  RunningAgent agent(
      config_of(origin, "rules: [{match: {path: /books/*}, invalidate_on: [/admin/*]}]"));
  (void)agent.get("/books/1");
  EXPECT_TRUE(is_hit(agent.get("/books/1")));
  HttpClient client(agent.port());
  ASSERT_TRUE(client.send(request_text("PUT", "/admin/books", "Content-Length: 0\r\n")));
  EXPECT_EQ(client.read().status(), 204);
  EXPECT_FALSE(is_hit(agent.get("/books/1")));
  EXPECT_EQ(origin.requests("/books/1"), 2U);
}

TEST(Invalidation, OfARuleOrAGroupReachesWhoWouldFallBackOnWhatHeFoundBefore) {
  for (const char* fields : {"", "Cache-Group-Invalidation: \"lists\"\r\n"}) {
    Signal go_on;
    ScriptedOrigin origin;
    std::atomic<bool> failing{false};
    origin.on("/list", [&](OriginExchange& exchange) {
      if (failing) {
        go_on.wait();
        return exchange.respond(503, "", "");
      }
      exchange.respond(200, "Cache-Control: max-age=60\r\nCache-Groups: \"lists\"\r\n", "old");
    });
    origin.answer("/items", 201, fields, "");
    RunningAgent agent(config_of(
        origin, *fields != 0 ? "" : "rules: [{match: {path: /list}, invalidate_on: [/items]}]"));
    const std::string reload = "Cache-Control: no-cache\r\n";
    ASSERT_EQ(agent.get("/list").body, "old");
    failing = true;
    HttpClient waiting(agent.port()), writing(agent.port());
    ASSERT_TRUE(waiting.send(request_text("GET", "/list", reload)));
    ASSERT_TRUE(origin.wait_for_requests("/list", 2));
    ASSERT_EQ(writing.request("POST", "/items", "", "new").status(), 201);
    go_on.set();
    EXPECT_EQ(waiting.read().status(), 503) << fields;
  }
}

TEST(Invalidation, KeysAreShownAndCanBePurged) {
  ScriptedOrigin origin;
  origin.answer("/1", 200, tagged, "book");
  RunningAgent agent(origin);
  (void)agent.get("/1");
  const Message listed = agent.admin("GET", "/api/v1/cache/keys?pattern=/1");
  EXPECT_TRUE(json_contains(listed.body, R"("total_found":1)")) << listed.body;
  EXPECT_TRUE(json_contains(listed.body, R"("tags":["books","book:1"])")) << listed.body;
  const std::string page = compact(listed.body);
  const std::size_t begin = page.find(R"("key":")") + 7;
  const std::string shown = page.substr(begin, page.find('"', begin) - begin);
  const Message purged =
      agent.admin("POST", "/api/v1/cache/invalidate", R"({"keys":[")" + shown + R"("]})");
  EXPECT_TRUE(json_contains(purged.body, R"("by_keys":1)")) << shown << purged.body;
  EXPECT_FALSE(is_hit(agent.get("/1")));
}

TEST(Invalidation, AReloadDropsWhatChangedRulesConcern) {
  ScriptedOrigin origin;
  for (const char* path : {"/a/1", "/b/1"}) {
    origin.answer(path, 200, "Cache-Control: max-age=60\r\n", "x");
  }
  AgentConfig config = config_of(origin, "rules: [{match: {path: /a/*}}]");
  RunningAgent agent(config);
  for (const char* path : {"/a/1", "/b/1"}) (void)agent.get(path);
  config.cache = "rules: [{match: {path: /a/*}, tags: [a]}]";
  agent.set_text(config.text());
  ASSERT_EQ(agent.admin("POST", "/api/v1/rules/reload", "{}").status(), 200);
  EXPECT_FALSE(is_hit(agent.get("/a/1")));
  EXPECT_TRUE(is_hit(agent.get("/b/1")));
  ASSERT_TRUE(eventually([&] { return is_hit(agent.get("/a/1")); }));
  const Message purged = agent.admin("POST", "/api/v1/cache/invalidate", R"({"tags":["a"]})");
  EXPECT_TRUE(json_contains(purged.body, R"("by_tags":1)")) << purged.body;
}

TEST(CacheRules, AStrongEtagIsAddedForClients) {
  ScriptedOrigin origin;
  origin.answer("/1", 200, "Cache-Control: max-age=60\r\n", "kept");
  RunningAgent agent(origin);
  // Whether the first answer has it depends on whether it was complete by then.
  const std::string first = agent.get("/1").get("etag");
  const std::string etag = agent.get("/1").get("etag");
  EXPECT_TRUE(first.empty() || first == etag) << first;
  ASSERT_EQ(etag.size(), 42U) << etag;
  EXPECT_EQ(agent.get("/1", "If-None-Match: " + etag + "\r\n").status(), 304);
  EXPECT_EQ(agent.get("/1", "If-None-Match: \"other\"\r\n").status(), 200);
  (void)agent.get("/1", "Cache-Control: no-cache\r\n");
  EXPECT_EQ(origin.last_request("/1").get("if-none-match"), "") << "the origin does not know it";
  EXPECT_EQ(agent.get("/1").get("etag"), etag);
}

TEST(CacheRules, CacheControlIsWrittenForClientsWhetherStoredOrNot) {
  ScriptedOrigin origin;
  const char* long_lived = "Cache-Control: max-age=600\r\nExpires: 0\r\n";
  for (const char* path : {"/kept", "/passed", "/plain"}) origin.answer(path, 200, long_lived, "x");
  origin.answer("/passed/private", 200, "Cache-Control: private\r\n", "x");
  RunningAgent agent(config_of(origin,
                               "rules: [{match: {path: /kept}, cache_control: 'max-age=5'}, "
                               "{match: {path: /passed*}, bypass: true, "
                               "cache_control: 'public, max-age=7'}]"));
  for (int i = 0; i < 2; ++i) {
    const Message kept = agent.get("/kept");
    EXPECT_EQ(is_hit(kept), i == 1);
    EXPECT_EQ(kept.get("cache-control"), "max-age=5");
    EXPECT_EQ(kept.get("expires"), "");
  }
  EXPECT_EQ(agent.get("/passed").get("cache-control"), "public, max-age=7");
  EXPECT_EQ(agent.get("/passed").get("expires"), "");
  EXPECT_EQ(agent.get("/passed/private").get("cache-control"), "private");
  EXPECT_EQ(agent.get("/plain").get("cache-control"), "max-age=600");
}

/// Stored and asked for `hits` times, then purged softly by its tag.
class SoftPurge : public testing::Test {
 protected:
  ScriptedOrigin origin_;
  std::atomic<bool> purged_{false};
  Signal go_on_;
  std::string fields_ = tagged;
  /// However slow the machine is, what is hot bridges the refresh.
  static constexpr const char* patient = "refresh: {purge_grace: 10m}";

  void SetUp() override {
    origin_.on("/page", [this](OriginExchange& exchange) {
      if (purged_) go_on_.wait();
      exchange.respond(200, fields_, purged_ ? "new" : "old");
    });
  }
  void purge_after(const RunningAgent& agent, int hits) {
    HttpClient client(agent.port());
    for (int i = 0; i <= hits; ++i) ASSERT_EQ(client.get("/page").body, "old");
    purged_ = true;
    ASSERT_EQ(agent.admin("POST", "/api/v1/cache/invalidate", R"({"tags":["books"],"mode":"soft"})")
                  .status(),
              200);
  }
};

TEST_F(SoftPurge, OfAHotObjectIsHiddenFromClientsByOneRefresh) {
  RunningAgent agent(config_of(origin_, patient));
  purge_after(agent, 20);
  for (int i = 0; i < 30; ++i) {
    const Message stale = agent.get("/page");
    EXPECT_EQ(stale.body, "old");
    EXPECT_TRUE(contains(stale.get("cache-status"), "detail=stale-while-revalidate"));
  }
  EXPECT_TRUE(origin_.wait_for_requests("/page", 2));
  go_on_.set();
  EXPECT_TRUE(eventually([&] { return agent.get("/page").body == "new"; }));
  EXPECT_TRUE(is_hit(agent.get("/page")));
  EXPECT_EQ(origin_.requests("/page"), 2U) << "one refresh for all";
}

TEST_F(SoftPurge, OfAHotObjectHoldsWhateverHttpSaysOfStaleOnesAsItIsStillFresh) {
  fields_.replace(fields_.find("max-age=60"), 10, "max-age=60, must-revalidate");
  RunningAgent agent(config_of(origin_, patient));
  purge_after(agent, 20);
  EXPECT_EQ(agent.get("/page").body, "old");
  go_on_.set();
  EXPECT_EQ(agent.get("/page", "Cache-Control: no-cache\r\n").body, "new")
      << "but not for who asks for the present one";
}

TEST_F(SoftPurge, OfAGroupIsTheSameForAllThatItsPatternsCover) {
  origin_.answer("/page/2", 200, tagged, "cold");
  origin_.answer("/other", 200, tagged, "other");
  RunningAgent agent(config_of(origin_, std::string(patient) + ", groups: {pages: ['/page*']}"));
  for (const char* path : {"/page/2", "/other"}) (void)agent.get(path);
  HttpClient client(agent.port());
  for (int i = 0; i <= 20; ++i) ASSERT_EQ(client.get("/page").body, "old");
  purged_ = true;
  const Message purge = agent.admin("POST", "/api/v1/cache/invalidate/pages", R"({"mode":"soft"})");
  ASSERT_EQ(purge.status(), 200) << purge.body;
  EXPECT_TRUE(json_contains(purge.body, R"("mode":"soft")")) << purge.body;
  EXPECT_TRUE(json_contains(purge.body, R"("cleared_entries":2)")) << purge.body;
  EXPECT_EQ(agent.get("/page").body, "old") << "hot: bridged";
  EXPECT_TRUE(contains(agent.get("/page/2").get("cache-status"), "fwd=stale")) << "cold: validated";
  EXPECT_TRUE(is_hit(agent.get("/other")));
  go_on_.set();
  EXPECT_TRUE(eventually([&] { return agent.get("/page").body == "new"; }));
  const Message hard = agent.admin("POST", "/api/v1/cache/invalidate/pages", "{}");
  EXPECT_TRUE(json_contains(hard.body, R"("mode":"hard")")) << hard.body;
  EXPECT_TRUE(contains(agent.get("/page/2").get("cache-status"), "fwd=uri-miss"));
}

TEST_F(SoftPurge, OfAColdObjectMakesTheNextRequestWait) {
  go_on_.set();
  RunningAgent agent(config_of(origin_));
  purge_after(agent, 3);
  EXPECT_EQ(agent.get("/page").body, "new");
}

TEST_F(SoftPurge, WithoutGraceIsTheSameForAll) {
  go_on_.set();
  RunningAgent agent(config_of(origin_, "refresh: {purge_grace: 0s}"));
  purge_after(agent, 20);
  EXPECT_EQ(agent.get("/page").body, "new");
}

TEST(CacheRules, TagFieldsCanBeKeptFromClients) {
  ScriptedOrigin origin;
  origin.answer("/kept", 200, tagged, "x");
  origin.answer("/passed", 200, "Cache-Control: no-store\r\nxkey: secret\r\n", "x");
  RunningAgent agent(config_of(origin, "tags: {remove: true}"));
  for (int i = 0; i < 2; ++i) EXPECT_EQ(agent.get("/kept").get("surrogate-key"), "");
  EXPECT_EQ(agent.get("/passed").get("xkey"), "");
  EXPECT_TRUE(
      json_contains(agent.admin("POST", "/api/v1/cache/invalidate", R"({"tags":["books"]})").body,
                    R"("by_tags":1)"));
}

}  // namespace
}  // namespace homeostat::test
