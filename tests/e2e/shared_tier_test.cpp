// One agent's responses answer the others, through Redis; and nothing that Redis does
// or holds is a client's trouble.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/e2e/fleet.hpp"
#include "tests/e2e/held_origin.hpp"

namespace homeostat::test {
namespace {

constexpr const char* fresh_text = "Cache-Control: max-age=600\r\nContent-Type: text/plain\r\n";

TEST(SharedTier, AnswersOneAgentWithWhatAnotherFetched) {
  Fleet fleet(2);
  fleet.origin.answer("/a", 200, std::string(fresh_text) + "ETag: \"v1\"\r\nX-Extra: yes\r\n",
                      "hello");
  fleet.store(0, "/a?q=1");
  const Message shared = fleet.get_in_step(1, "/a?q=1");
  EXPECT_TRUE(is_shared(shared)) << shared.head;
  EXPECT_TRUE(is_hit(shared)) << shared.head;
  EXPECT_EQ(shared.body, "hello");
  EXPECT_EQ(shared.get("etag"), "\"v1\"");
  EXPECT_EQ(shared.get("x-extra"), "yes");
  EXPECT_EQ(shared.get("content-type"), "text/plain");
  EXPECT_TRUE(shared.has("age"));
  EXPECT_EQ(fleet.origin.requests("/a"), 1U);
  // From now on it is its own.
  const Message again = fleet[1].get("/a?q=1");
  EXPECT_TRUE(is_hit(again));
  EXPECT_FALSE(is_shared(again)) << again.head;
  EXPECT_EQ(Fleet::reads(fleet[1], "hit"), 1);
  EXPECT_EQ(fleet[1].get("/a?q=2").body, "hello");
  EXPECT_EQ(fleet.origin.requests("/a"), 2U) << "another query is another resource";
}

TEST(SharedTier, AnEtagOfTheAgentsOwnIsTheSameEverywhere) {
  Fleet fleet(2);
  fleet.origin.answer("/a", 200, fresh_text, "hello");
  fleet.store(0, "/a");
  const std::string tag = fleet[0].get("/a").get("etag");
  ASSERT_FALSE(tag.empty());
  EXPECT_TRUE(is_shared(fleet.get_in_step(1, "/a")));
  EXPECT_EQ(fleet[1].get("/a").get("etag"), tag);
  EXPECT_EQ(fleet[1].get("/a", "If-None-Match: " + tag + "\r\n").status(), 304);
}

TEST(SharedTier, AnswersAConditionAndARangeFromWhatItBrings) {
  Fleet fleet(3);
  fleet.origin.answer("/a", 200, std::string(fresh_text) + "ETag: \"v1\"\r\n", "0123456789");
  fleet.store(0, "/a");
  EXPECT_EQ(fleet[1].get("/a", "If-None-Match: \"v1\"\r\n").status(), 304);
  const Message part = fleet[2].get("/a", "Range: bytes=2-4\r\n");
  EXPECT_EQ(part.status(), 206);
  EXPECT_EQ(part.body, "234");
  EXPECT_EQ(fleet.origin.requests("/a"), 1U);
}

TEST(SharedTier, KeepsVariantsApart) {
  Fleet fleet(3);
  fleet.origin.on("/a", [](OriginExchange& exchange) {
    exchange.respond(200, std::string(fresh_text) + "Vary: Accept-Language, X-Kind\r\n",
                     exchange.request.get("accept-language") + exchange.request.get("x-kind"));
  });
  fleet.store(0, "/a", "Accept-Language: de\r\nX-Kind: 1\r\n");
  fleet.store(0, "/a", "Accept-Language: en\r\nX-Kind: 1\r\n");
  const Message german = fleet.get_in_step(1, "/a", "Accept-Language: de\r\nX-Kind: 1\r\n");
  EXPECT_TRUE(is_shared(german)) << german.head;
  EXPECT_EQ(german.body, "de1");
  const Message english = fleet.get_in_step(1, "/a", "Accept-Language: en\r\nX-Kind: 1\r\n");
  EXPECT_TRUE(is_shared(english)) << english.head;
  EXPECT_EQ(english.body, "en1");
  EXPECT_EQ(fleet[2].get("/a", "Accept-Language: de\r\nX-Kind: 2\r\n").body, "de2");
  EXPECT_EQ(fleet.origin.requests("/a"), 3U);
}

TEST(SharedTier, HoldsNothingThatMayNotBeShared) {
  Fleet fleet(2);
  fleet.origin.answer("/private", 200, "Cache-Control: private, max-age=600\r\n", "mine");
  fleet.origin.answer("/nothing", 200, "Cache-Control: no-store\r\n", "x");
  fleet.origin.answer("/cookie", 200, std::string(fresh_text) + "Set-Cookie: a=b\r\n", "x");
  fleet.origin.answer("/account", 200, fresh_text, "of one user");
  for (const char* target : {"/private", "/nothing", "/cookie"}) {
    EXPECT_EQ(fleet[0].get(target).status(), 200);
  }
  EXPECT_EQ(fleet[0].get("/account", "Authorization: Bearer a\r\n").body, "of one user");
  // What comes after them is there, so they would be, too.
  fleet.origin.answer("/last", 200, fresh_text, "x");
  fleet.store(0, "/last");
  const std::string keys = fleet.redis.run({"KEYS", "hs:*"});
  EXPECT_EQ(keys.find("/private"), std::string::npos) << keys;
  EXPECT_EQ(keys.find("/nothing"), std::string::npos) << keys;
  EXPECT_EQ(keys.find("/cookie"), std::string::npos) << keys;
  EXPECT_EQ(keys.find("/account"), std::string::npos) << keys;
}

TEST(SharedTier, AStoredAnswerIsNotForRequestsWithCredentials) {
  Fleet fleet(2);
  fleet.origin.answer("/a", 200, fresh_text, "public");
  fleet.store(0, "/a");
  const Message answer = fleet[1].get("/a", "Authorization: Bearer a\r\n");
  EXPECT_FALSE(is_shared(answer)) << answer.head;
  EXPECT_EQ(fleet.origin.requests("/a"), 2U);
}

TEST(SharedTier, GivesTheApplicationsAnswerToWhoeverAsksForIt) {
  Fleet fleet(2);
  fleet.count_requests("/a", fresh_text);
  fleet.store(0, "/a");
  EXPECT_EQ(fleet[1].get("/a", "Cache-Control: no-cache\r\n").body, "2");
  // And that is what the others get from then on.
  fleet.add();
  ASSERT_TRUE(eventually([&] { return Fleet::writes(fleet[1], "stored") == 1; }));
  EXPECT_EQ(fleet[2].get("/a").body, "2");
}

TEST(SharedTier, WhatTheApplicationSaidBeforeDoesNotComeBack) {
  Fleet fleet(2);
  fleet.origin.on("/a", [&fleet](OriginExchange& exchange) {
    const std::size_t number = fleet.origin.requests("/a");
    exchange.respond(200,
                     number == 1 ? fresh_text : "Cache-Control: max-age=0, stale-if-error=600\r\n",
                     std::to_string(number));
  });
  fleet.store(0, "/a");
  const std::string key = fleet.redis.run({"KEYS", "hs:*"});
  const std::string first = fleet.redis.run({"GET", key});
  ASSERT_EQ(first.substr(0, 4), "hsL2") << key;
  EXPECT_EQ(fleet[1].get("/a", "Cache-Control: no-cache\r\n").body, "2");
  EXPECT_EQ(fleet[1].get("/a").body, "3") << "stored, but expired";
  EXPECT_EQ(fleet.redis.run({"EXISTS", key}), "0");
  // Nor if a slower writer had put it there again.
  fleet.redis.run({"SET", key, first});
  EXPECT_EQ(fleet[1].get("/a").body, "4");
  EXPECT_EQ(Fleet::reads(fleet[1], "hit"), 0);
}

TEST(SharedTier, FollowsTheReadersRulesNotTheWriters) {
  Fleet fleet(1);
  fleet.origin.answer("/a", 200, fresh_text, "x");
  fleet.store(0, "/a");
  AgentConfig strict = config_for(fleet.origin);
  strict.workers = Fleet::workers;
  strict.cache =
      redis_section(fleet.redis.url()) + ", rules: [{match: {path: /a}, vary: [X-Tenant]}]";
  RunningAgent agent(strict);
  ASSERT_TRUE(Fleet::in_step(agent));
  EXPECT_FALSE(is_shared(agent.get("/a", "X-Tenant: 1\r\n")))
      << "written for who knows which tenant";
  EXPECT_EQ(Fleet::reads(agent, "unsuitable"), 1);
}

TEST(SharedTier, AgentsThatReadQueriesDifferentlyDoNotShare) {
  Fleet fleet(1, "rules: [{match: {path: /a}, query_drop: [lang]}]");
  fleet.origin.answer("/a", 200, fresh_text, "german");
  fleet.store(0, "/a?lang=de");
  AgentConfig other = config_for(fleet.origin);
  other.workers = Fleet::workers;
  other.cache = redis_section(fleet.redis.url());
  RunningAgent agent(other);
  ASSERT_TRUE(Fleet::in_step(agent));
  EXPECT_FALSE(is_shared(agent.get("/a"))) << "under the same key lies what another query brought";
  EXPECT_EQ(Fleet::reads(agent, "unsuitable"), 1);
}

TEST(SharedTier, GivesNoCodingThatTheClientRefuses) {
  Fleet fleet(2);
  fleet.origin.answer("/a", 200, std::string(fresh_text) + "Content-Encoding: br\r\n", "coded");
  fleet.store(0, "/a", "Accept-Encoding: br\r\n");
  EXPECT_FALSE(is_shared(fleet[1].get("/a", "Accept-Encoding: gzip\r\n")));
  EXPECT_EQ(fleet.origin.requests("/a"), 2U) << "the application may have another form";
}

TEST(SharedTier, ARequestWithCredentialsTakesNothingAway) {
  Fleet fleet(3);
  fleet.origin.answer("/a", 200, fresh_text, "public");
  fleet.store(0, "/a");
  static_cast<void>(fleet[1].get("/a", "Authorization: Bearer a\r\n"));
  EXPECT_TRUE(is_shared(fleet.get_in_step(2, "/a")));
}

TEST(SharedTier, CompressesLargeBodiesAndRefusesHugeOnes) {
  Fleet fleet(2, "memory: 64MiB", "timeout: 10s, adaptive: off, object_bytes_max: 512KiB");
  std::string text;
  while (text.size() < 300 * 1024) text += "line " + std::to_string(text.size() % 997) + "\n";
  fleet.origin.answer("/large", 200, fresh_text, text);
  fleet.origin.answer("/huge", 200, fresh_text, text + text);
  fleet.store(0, "/large");
  EXPECT_EQ(fleet[0].get("/huge").body.size(), 2 * text.size());
  EXPECT_TRUE(eventually([&] { return Fleet::writes(fleet[0], "too_large") == 1; }));
  const Message large = fleet.get_in_step(1, "/large");
  EXPECT_TRUE(is_shared(large)) << large.head;
  EXPECT_EQ(large.body, text);
  const std::string key = fleet.redis.run({"KEYS", "hs:*large*"});
  EXPECT_LT(std::stoul(fleet.redis.run({"STRLEN", key})), text.size() / 2) << key;
}

TEST(SharedTier, WhatHasGrownTooLargeTakesItsPredecessorAway) {
  Fleet fleet(2, "memory: 64MiB", "timeout: 10s, adaptive: off, object_bytes_max: 64KiB");
  fleet.origin.answer("/a", 200, fresh_text, "small");
  fleet.store(0, "/a");
  fleet.origin.answer("/a", 200, fresh_text, std::string(100 * 1024, 'x'));
  static_cast<void>(fleet[0].get("/a", "Cache-Control: no-cache\r\n"));
  EXPECT_TRUE(eventually([&] { return Fleet::writes(fleet[0], "too_large") == 1; }));
  EXPECT_TRUE(eventually([&] { return fleet.redis.run({"KEYS", "hs:*"}).empty(); }));
  EXPECT_EQ(fleet[1].get("/a").body.size(), std::size_t{100} * 1024);
}

TEST(SharedTier, AVariantThatMayNotBeStoredAnyMoreIsGoneWithItsMarker) {
  Fleet fleet(2);
  const std::string varies = std::string(fresh_text) + "Vary: Accept-Language\r\n";
  fleet.origin.answer("/v", 200, varies, "old");
  fleet.store(0, "/v", "Accept-Language: de\r\n");
  fleet.origin.answer("/v", 200, "Cache-Control: no-store\r\n", "private now");
  static_cast<void>(fleet[0].get("/v", "Accept-Language: de\r\nCache-Control: no-cache\r\n"));
  EXPECT_TRUE(eventually([&] {
    return fleet.redis.run({"KEYS", "hs:*"}).empty();
  })) << fleet.redis.run({"KEYS", "hs:*"});
}

TEST(SharedTier, DropsWhatIsNoEntryAndFetchesAnew) {
  Fleet fleet(1);
  fleet.origin.answer("/a", 200, fresh_text, "right");
  fleet.store(0, "/a");
  const std::string key = fleet.redis.run({"KEYS", "hs:*"});
  const std::string good = fleet.redis.run({"GET", key});
  ASSERT_EQ(good.substr(0, 4), "hsL2") << key;
  std::string changed = good, version = good;
  changed.back() = static_cast<char>(changed.back() ^ 1);
  version[4] = 9;
  double broken = 0;
  for (const std::string& bytes : {std::string("garbage"), std::string(), good.substr(0, 40),
                                   changed, version, good.substr(0, 4) + std::string(3000, '\0')}) {
    fleet.redis.run({"SET", key, bytes});
    RunningAgent& fresh = fleet.add();
    EXPECT_EQ(fresh.get("/a").body, "right");
    EXPECT_TRUE(eventually([&] { return Fleet::writes(fresh, "stored") == 1; }));
    broken += Fleet::reads(fresh, "broken");
  }
  EXPECT_EQ(broken, 6);
  fleet.redis.run({"DEL", key});
  fleet.redis.run({"LPUSH", key, "a list"});
  RunningAgent& last = fleet.add();
  EXPECT_EQ(last.get("/a").body, "right");
  EXPECT_EQ(Fleet::reads(last, "failed"), 1) << "an error reply of Redis";
}

TEST(SharedTier, AnEntryUnderAnotherKeyIsNotBelieved) {
  Fleet fleet(2);
  fleet.origin.answer("/a", 200, fresh_text, "of a");
  fleet.origin.answer("/b", 200, fresh_text, "of b");
  fleet.store(0, "/a");
  fleet.store(0, "/b");
  const std::string a = fleet.redis.run({"KEYS", "hs:*/a:*"});
  const std::string b = fleet.redis.run({"KEYS", "hs:*/b:*"});
  fleet.redis.run({"COPY", b, a, "REPLACE"});
  EXPECT_EQ(fleet[1].get("/a").body, "of a");
  EXPECT_EQ(Fleet::reads(fleet[1], "broken"), 1);
}

TEST(SharedTier, ADeadRedisFailsNobodyAndComesBackByItself) {
  Fleet fleet(2);
  fleet.count_requests("/a", fresh_text);
  fleet.store(0, "/a");
  fleet.redis.kill();
  ASSERT_TRUE(eventually([&] { return fleet[1].metric("homeostat_redis_up") == 0; }));
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(fleet[1].get("/miss" + std::to_string(i)).status(), 200);
  }
  EXPECT_TRUE(is_hit(fleet[0].get("/a"))) << "what is stored here is not concerned";
  EXPECT_NE(fleet[1].admin("GET", "/readyz").body.find("degraded"), std::string::npos);
  EXPECT_EQ(fleet[1].admin("GET", "/readyz").status(), 200);
  fleet.redis.restart();
  // Each worker, the log's reader and its writer come back on their own: ask for what
  // was stored a moment ago until all of them have.
  fleet.origin.answer("/b", 200, fresh_text, "b");
  std::size_t number = 0;
  EXPECT_TRUE(eventually([&] {
    static_cast<void>(fleet[0].get("/b?" + std::to_string(number + 1)));
    return is_shared(fleet[1].get("/b?" + std::to_string(number++)));
  }));
}

TEST(SharedTier, APausedRedisCostsItsTimeoutAndThenNothing) {
  Fleet fleet(1, {}, "timeout: 50ms");
  fleet.origin.answer("/a", 200, fresh_text, "x");
  fleet.redis.pause();
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(fleet[0].get("/miss" + std::to_string(i)).status(), 200);
  }
  std::size_t more = 0;
  ASSERT_TRUE(eventually([&] {
    static_cast<void>(fleet[0].get("/more" + std::to_string(more++)));
    return Fleet::reads(fleet[0], "unavailable") > 0;
  }));
  // Nobody waited for it more often than it took to notice.
  EXPECT_LE(Fleet::reads(fleet[0], "late"), 20);
  fleet.redis.resume();
  EXPECT_TRUE(Fleet::in_step(fleet[0]));
}

TEST(SharedTier, AFullRedisOnlyMeansThatNothingIsStored) {
  Fleet fleet(2);
  fleet.redis.run({"CONFIG", "SET", "maxmemory", "1"});
  fleet.origin.answer("/a", 200, fresh_text, "x");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(fleet[0].get("/a?" + std::to_string(i)).status(), 200);
  EXPECT_TRUE(eventually([&] { return Fleet::writes(fleet[0], "failed") >= 1; }));
  EXPECT_TRUE(is_hit(fleet[0].get("/a?0")));
  fleet.redis.run({"CONFIG", "SET", "maxmemory", "0"});
  ASSERT_TRUE(Fleet::in_step(fleet[0]));
  fleet.store(0, "/a?new");
  EXPECT_TRUE(is_shared(fleet.get_in_step(1, "/a?new")));
}

TEST(SharedTier, FollowersOfAMissShareOneReadAndOneFetch) {
  Fleet fleet(1);
  Signal go;
  fleet.origin.on("/a", [&](OriginExchange& exchange) {
    go.wait();
    exchange.respond(200, fresh_text, "x");
  });
  std::atomic<int> good{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] { good += fleet[0].get("/a").body == "x" ? 1 : 0; });
  }
  EXPECT_TRUE(fleet.origin.wait_for_requests("/a", 1));
  EXPECT_TRUE(eventually([&] { return fleet[0].metric("homeostat_cache_collapsed_total") == 7; }));
  go.set();
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(good, 8);
  EXPECT_EQ(Fleet::reads(fleet[0], "miss"), 1);
  EXPECT_EQ(fleet.origin.requests("/a"), 1U);
}

TEST(SharedTier, SparesRejectionsAndCostsThemNothingWhereItHoldsNothing) {
  HeldOrigin held("/slow");
  held.origin.answer("/shared", 200, fresh_text, "shared");
  held.origin.answer("/unique", 200, fresh_text, "unique");
  Fleet fleet(0);
  AgentConfig config = one_place(held.origin, "max_wait: 1m, queue_max: 1");
  config.cache = redis_section(fleet.redis.url());
  RunningAgent agent(config), other(config);
  ASSERT_TRUE(Fleet::in_step(agent) && Fleet::in_step(other));
  ASSERT_EQ(other.get("/shared").status(), 200);
  ASSERT_TRUE(eventually([&] { return Fleet::writes(other, "stored") == 1; }));
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(agent.get("/unique?q=" + std::to_string(i)).status(), 200);
  }
  HttpClient busy(agent.port()), waiting(agent.port());
  ASSERT_TRUE(busy.send(request_text("POST", "/slow")));
  ASSERT_TRUE(held.origin.wait_for_requests("/slow", 1));
  ASSERT_TRUE(waiting.send(request_text("POST", "/slow")));
  ASSERT_TRUE(waiting_becomes(agent, 1));
  const double before = Fleet::reads(agent, "miss");
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(agent.get("/unique?late=" + std::to_string(i)).status(), 503);
  }
  EXPECT_LT(Fleet::reads(agent, "miss") - before, 50) << "one a second may try";
  EXPECT_TRUE(is_shared(agent.get("/shared")));
  held.go_on.set();
  EXPECT_EQ(busy.read().body, "done");
  EXPECT_EQ(waiting.read().body, "done");
}

TEST(SharedTier, TellsItsStateToOperators) {
  Fleet fleet(1);
  fleet.origin.answer("/a", 200, fresh_text, "x");
  fleet.store(0, "/a");
  ASSERT_TRUE(eventually([&] {
    const std::string stats = fleet[0].admin("GET", "/api/v1/cache/stats").body;
    return contains(stats, "\"configured\": true") && contains(stats, "\"connected\": true") &&
           contains(stats, "\"in_step\": true") && contains(stats, "\"keys\": 2");
  })) << fleet[0].admin("GET", "/api/v1/cache/stats").body;
  const std::string health = fleet[0].admin("GET", "/api/v1/cache/health").body;
  EXPECT_TRUE(contains(health, "\"redis_connected\": true")) << health;
  EXPECT_TRUE(contains(health, "\"status\": \"healthy\"")) << health;
  EXPECT_FALSE(contains(health, "\"response_time_ms\": null")) << health;
}

TEST(SharedTier, RefusesToStartWithACertificateItCannotRead) {
  ScriptedOrigin origin;
  AgentConfig config = config_for(origin);
  config.cache = "redis: {url: rediss://127.0.0.1:1, tls: {ca_file: /nowhere.pem}}";
  try {
    RunningAgent agent(config);
    ADD_FAILURE() << "started";
  } catch (const std::exception& error) {
    EXPECT_TRUE(contains(error.what(), "/nowhere.pem")) << error.what();
  }
}

}  // namespace
}  // namespace homeostat::test
