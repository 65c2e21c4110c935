// The cache as a client sees it: hits, validation, variants, what is never
// stored, invalidation.
#include <gtest/gtest.h>

#include <atomic>
#include <list>
#include <ostream>

#include "tests/e2e/cache_support.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

TEST(Cache, AHitCarriesAgeAndSaysSo) {
  ScriptedOrigin origin;
  origin.answer("/page", 200, "Cache-Control: max-age=60\r\nAge: 7\r\nX-Own: 1\r\n", "kept");
  RunningAgent agent(origin);
  const Message miss = agent.get("/page");
  EXPECT_EQ(miss.body, "kept");
  EXPECT_NE(miss.get("cache-status").find("fwd=uri-miss"), std::string::npos);
  const Message hit = agent.get("/page");
  EXPECT_EQ(hit.body, "kept");
  EXPECT_TRUE(is_hit(hit)) << hit.get("cache-status");
  EXPECT_EQ(hit.get("x-own"), "1");
  EXPECT_GE(std::stoi(hit.get("age")), 7);
  EXPECT_EQ(origin.requests("/page"), 1U);
}

TEST(Cache, AMissCarriesTheAgeThatACacheFurtherUpGaveItAndNoneOfItsOwn) {
  for (const auto& [aged, at_once] : {std::pair(true, false), std::pair(false, false),
                                      std::pair(true, true), std::pair(false, true)}) {
    Signal go_on;
    ScriptedOrigin origin;
    origin.on("/page", [&, aged = aged, at_once = at_once](OriginExchange& exchange) {
      const std::string begun = "HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nETag: \"1\"\r\n" +
                                std::string(aged ? "Age: 50\r\n" : "") +
                                "Content-Length: 4\r\n\r\nbo";
      if (at_once) return exchange.send(begun + "dy");
      exchange.send(begun);
      go_on.wait();
      exchange.send("dy");
    });
    RunningAgent agent(origin);
    HttpClient client(agent.port());
    ASSERT_TRUE(client.send(request_text("GET", "/page")));
    const std::optional<Message> miss = client.reader.read_head();
    go_on.set();
    ASSERT_TRUE(miss.has_value());
    EXPECT_EQ(miss->has("age"), aged) << miss->head;
    EXPECT_GE(std::atoi(miss->get("age").c_str()), aged ? 50 : 0) << miss->head;
  }
}

TEST(Cache, SaysWhyItAskedTheApplication) {
  ScriptedOrigin origin;
  origin.answer("/vary", 200, "Cache-Control: max-age=600\r\nVary: Accept-Language\r\n", "x");
  origin.answer("/page", 200, "Cache-Control: max-age=600\r\n", "x");
  RunningAgent agent(origin);
  const auto status_of = [](const Message& response) { return response.get("cache-status"); };
  EXPECT_TRUE(contains(status_of(agent.get("/vary", "Accept-Language: de\r\n")), "fwd=uri-miss"));
  EXPECT_TRUE(contains(status_of(agent.get("/vary", "Accept-Language: en\r\n")), "fwd=vary-miss"));
  static_cast<void>(agent.get("/page"));
  EXPECT_TRUE(
      contains(status_of(agent.get("/page", "Cache-Control: no-cache\r\n")), "fwd=request"));
  HttpClient client(agent.port());
  EXPECT_TRUE(contains(status_of(client.request("POST", "/page")), "fwd=method"));
}

TEST(Cache, ConditionalRequestsAreAnsweredFromTheStoredObject) {
  ScriptedOrigin origin;
  origin.answer("/page", 200,
                "Cache-Control: max-age=60\r\nETag: \"v1\"\r\n"
                "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
                "kept");
  RunningAgent agent(origin);
  ASSERT_EQ(agent.get("/page").status(), 200);
  HttpClient client(agent.port());
  const Message by_tag = client.get("/page", "If-None-Match: \"v0\", W/\"v1\"\r\n");
  EXPECT_EQ(by_tag.status(), 304);
  EXPECT_EQ(by_tag.get("etag"), "\"v1\"");
  EXPECT_FALSE(by_tag.get("cache-status").empty());
  EXPECT_EQ(client.get("/page", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n").status(),
            304);
  EXPECT_EQ(client.get("/page", "If-None-Match: \"v0\"\r\n").status(), 200);
  EXPECT_EQ(client.get("/page", "If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n").status(),
            200);
  EXPECT_EQ(origin.requests("/page"), 1U);
}

TEST(Cache, AStaleObjectIsRevalidated) {
  ScriptedOrigin origin;
  std::atomic<int> version{1};
  origin.on("/page", [&](OriginExchange& exchange) {
    const std::string tag = "\"v" + std::to_string(version) + "\"";
    const std::string fields = "Cache-Control: max-age=60\r\nETag: " + tag + "\r\n";
    if (exchange.request.get("if-none-match") == tag) {
      exchange.respond(304, fields, "");
    } else {
      exchange.respond(200, fields, "version " + std::to_string(version));
    }
  });
  RunningAgent agent(origin);
  EXPECT_EQ(agent.get("/page").body, "version 1");
  const Message same = agent.get("/page", "Cache-Control: no-cache\r\n");
  EXPECT_EQ(same.status(), 200) << "the origin's 304 answers the agent, not the client";
  EXPECT_EQ(same.body, "version 1");
  EXPECT_EQ(origin.last_request("/page").get("if-none-match"), "\"v1\"");
  version = 2;
  EXPECT_EQ(agent.get("/page", "Cache-Control: no-cache\r\n").body, "version 2");
  EXPECT_EQ(agent.get("/page").body, "version 2");
  EXPECT_EQ(origin.requests("/page"), 3U);
}

TEST(Cache, VaryKeepsVariantsApart) {
  ScriptedOrigin origin;
  origin.on("/page", [](OriginExchange& exchange) {
    exchange.respond(200, "Cache-Control: max-age=60\r\nVary: Accept-Language\r\n",
                     "in " + exchange.request.get("accept-language"));
  });
  RunningAgent agent(origin);
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(agent.get("/page", "Accept-Language: de\r\n").body, "in de");
    EXPECT_EQ(agent.get("/page", "Accept-Language: fr\r\n").body, "in fr");
  }
  EXPECT_EQ(origin.requests("/page"), 2U);
}

struct NeverStored {
  const char* name;
  const char* response;
  const char* request;
};

void PrintTo(const NeverStored& parameter, std::ostream* out) { *out << parameter.name; }

class CacheRefuses : public testing::TestWithParam<NeverStored> {};

TEST_P(CacheRefuses, ToStoreIt) {
  ScriptedOrigin origin;
  origin.answer("/page", 200, GetParam().response, "body");
  RunningAgent agent(origin);
  for (int i = 0; i < 3; ++i) {
    const Message response = agent.get("/page", GetParam().request);
    EXPECT_EQ(response.body, "body");
    EXPECT_FALSE(is_hit(response));
  }
  EXPECT_EQ(origin.requests("/page"), 3U);
}

INSTANTIATE_TEST_SUITE_P(
    Responses, CacheRefuses,
    testing::Values(
        NeverStored{"no_store", "Cache-Control: no-store, max-age=60\r\n", ""},
        NeverStored{"private_response", "Cache-Control: private, max-age=60\r\n", ""},
        NeverStored{"set_cookie", "Cache-Control: max-age=60\r\nSet-Cookie: a=b\r\n", ""},
        NeverStored{"no_freshness", "", ""},
        NeverStored{"vary_star", "Cache-Control: max-age=60\r\nVary: *\r\n", ""},
        NeverStored{"authorized", "Cache-Control: max-age=60\r\n", "Authorization: Basic eA==\r\n"},
        NeverStored{"request_no_store", "Cache-Control: max-age=60\r\n",
                    "Cache-Control: no-store\r\n"}),
    [](const testing::TestParamInfo<NeverStored>& parameter) {
      return std::string(parameter.param.name);
    });

TEST(Cache, TheOrderAndTheDroppedPartsOfAQueryDoNotMatter) {
  ScriptedOrigin origin;
  origin.answer("/page", 200, "Cache-Control: max-age=60\r\n", "kept");
  RunningAgent agent(config_of(origin, "query_drop: [utm_*]"));
  ASSERT_EQ(agent.get("/page?b=2&a=1").status(), 200);
  EXPECT_TRUE(is_hit(agent.get("/page?a=1&b=2")));
  EXPECT_TRUE(is_hit(agent.get("/page?utm_source=x&a=1&b=2")));
  EXPECT_FALSE(is_hit(agent.get("/page?a=2&b=1")));
}

TEST(Cache, AnUnsafeRequestThatSucceedsInvalidates) {
  ScriptedOrigin origin;
  std::atomic<int> served{0};
  origin.on("/page", [&](OriginExchange& exchange) {
    if (exchange.request.method() == "PUT") return exchange.respond(204, "", "");
    exchange.respond(200, "Cache-Control: max-age=60\r\n", std::to_string(++served));
  });
  RunningAgent agent(origin);
  ASSERT_EQ(agent.get("/page").body, "1");
  HttpClient client(agent.port());
  ASSERT_EQ(client.request("PUT", "/page", "", "new").status(), 204);
  EXPECT_EQ(client.get("/page").body, "2");
}

TEST(Cache, OnlyMethodsThatMayChangeSomethingInvalidate) {
  ScriptedOrigin origin;
  origin.answer("/page", 200, "Cache-Control: max-age=600\r\n", "x");
  RunningAgent agent(origin);
  HttpClient client(agent.port());
  for (const char* safe : {"OPTIONS", "HEAD"}) {
    static_cast<void>(agent.get("/page"));
    ASSERT_EQ(client.request(safe, "/page").status(), 200);
    EXPECT_TRUE(is_hit(agent.get("/page"))) << safe;
  }
  for (const char* unsafe : {"POST", "PUT", "PATCH", "DELETE", "FROBNICATE"}) {
    static_cast<void>(agent.get("/page"));
    ASSERT_EQ(client.request(unsafe, "/page").status(), 200);
    EXPECT_FALSE(is_hit(agent.get("/page"))) << unsafe;
  }
}

TEST(Cache, RulesGiveFreshnessOrTakeTheCacheOut) {
  ScriptedOrigin origin;
  origin.answer("/silent", 200, "", "kept");
  origin.answer("/account/me", 200, "Cache-Control: max-age=60\r\n", "mine");
  RunningAgent agent(config_of(
      origin,
      "rules: [{match: {path: /silent}, ttl: 30s}, {match: {path: /account/*}, bypass: true}]"));
  ASSERT_EQ(agent.get("/silent").status(), 200);
  EXPECT_TRUE(is_hit(agent.get("/silent")));
  ASSERT_EQ(agent.get("/account/me").status(), 200);
  const Message second = agent.get("/account/me");
  EXPECT_FALSE(is_hit(second));
  EXPECT_NE(second.get("cache-status").find("fwd=bypass"), std::string::npos);
}

TEST(Cache, OnlyIfCachedNeverGoesUpstream) {
  ScriptedOrigin origin;
  RunningAgent agent(origin);
  const Message refused = agent.get("/page", "Cache-Control: only-if-cached\r\n");
  EXPECT_EQ(refused.status(), 504);
  EXPECT_EQ(refused.get("cache-status"), "homeostat; detail=only-if-cached");
  EXPECT_EQ(origin.requests("/page"), 0U);
}

TEST(Cache, AFlushThroughTheApiEmptiesIt) {
  ScriptedOrigin origin;
  origin.answer("/page", 200, "Cache-Control: max-age=60\r\n", "kept");
  RunningAgent agent(origin);
  ASSERT_EQ(agent.get("/page").status(), 200);
  ASSERT_TRUE(is_hit(agent.get("/page")));
  EXPECT_EQ(agent.admin("DELETE", "/api/v1/cache/flush?pattern=/page").status(), 200);
  EXPECT_FALSE(is_hit(agent.get("/page")));
}

// -- collapsing -----------------------------------------------------------------------

/// Answers in two halves; the second when the test says so.
struct Halves {
  explicit Halves(ScriptedOrigin& origin,
                  const std::string& fields = "Cache-Control: max-age=60\r\n") {
    origin.on("/page", [this, fields](OriginExchange& exchange) {
      begin.wait();
      exchange.send("HTTP/1.1 200 OK\r\n" + fields + "Content-Length: 10\r\n\r\nfirst");
      end.wait();
      exchange.send("other");
    });
  }
  Signal begin, end;
};

TEST(Collapse, ManyClientsShareOneFillAndStreamFromIt) {
  ScriptedOrigin origin;
  Halves halves(origin);
  RunningAgent agent(origin);
  std::list<HttpClient> clients;
  for (int i = 0; i < 32; ++i) {
    clients.emplace_back(agent.port());
    ASSERT_TRUE(clients.back().send(request_text("GET", "/page")));
  }
  ASSERT_TRUE(origin.wait_for_requests("/page", 1));
  halves.begin.set();
  for (HttpClient& client : clients) {
    std::optional<Message> head = client.reader.read_head();
    ASSERT_TRUE(head.has_value());
    EXPECT_EQ(head->status(), 200);
    EXPECT_EQ(client.reader.read_exactly(5), "first") << "before the origin has finished";
  }
  halves.end.set();
  for (HttpClient& client : clients) EXPECT_EQ(client.reader.read_exactly(5), "other");
  // The last bytes may arrive just before the object is stored.
  EXPECT_TRUE(eventually([&] { return is_hit(agent.get("/page")); }));
  EXPECT_EQ(origin.requests("/page"), 1U);
}

TEST(Collapse, TheFillOutlivesTheClientThatBeganIt) {
  ScriptedOrigin origin;
  Halves halves(origin);
  RunningAgent agent(origin);
  HttpClient leader(agent.port());
  ASSERT_TRUE(leader.send(request_text("GET", "/page")));
  ASSERT_TRUE(origin.wait_for_requests("/page", 1));
  HttpClient follower(agent.port());
  ASSERT_TRUE(follower.send(request_text("GET", "/page")));
  halves.begin.set();
  ASSERT_TRUE(follower.reader.read_head().has_value());
  EXPECT_EQ(follower.reader.read_exactly(5), "first");
  leader.socket.reset();
  halves.end.set();
  EXPECT_EQ(follower.reader.read_exactly(5), "other");
  // The last bytes may arrive just before the object is stored.
  EXPECT_TRUE(eventually([&] { return is_hit(agent.get("/page")); }));
  EXPECT_EQ(origin.requests("/page"), 1U);
}

TEST(Collapse, WaitersOfAnUncacheableAnswerEachGetTheirOwn) {
  Signal go_on;
  ScriptedOrigin origin;
  std::atomic<int> served{0};
  origin.on("/page", [&](OriginExchange& exchange) {
    go_on.wait();
    ++served;
    exchange.respond(200, "Cache-Control: private\r\n", "for " + exchange.request.get("x-name"));
  });
  RunningAgent agent(origin);
  std::list<HttpClient> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back(agent.port());
    ASSERT_TRUE(
        clients.back().send(request_text("GET", "/page", "X-Name: " + std::to_string(i) + "\r\n")));
  }
  ASSERT_TRUE(eventually([&] { return agent.metric("homeostat_cache_collapsed_total") == 7; }));
  go_on.set();
  int i = 0;
  for (HttpClient& client : clients) EXPECT_EQ(client.read().body, "for " + std::to_string(i++));
  EXPECT_EQ(served, 8);
}

TEST(Collapse, ASlowFollowerDoesNotHoldUpTheOthers) {
  ScriptedOrigin origin;
  const std::string body(8 << 20, 'b');
  Signal begin;
  origin.on("/big", [&](OriginExchange& exchange) {
    begin.wait();
    exchange.respond(200, "Cache-Control: max-age=60\r\n", body);
  });
  RunningAgent agent(origin);
  HttpClient leader(agent.port());
  ASSERT_TRUE(leader.send(request_text("GET", "/big")));
  ASSERT_TRUE(origin.wait_for_requests("/big", 1));
  HttpClient slow(connect_tcp(agent.port(), 4096));
  ASSERT_TRUE(slow.send(request_text("GET", "/big")));
  begin.set();
  EXPECT_EQ(leader.read().body, body);
  EXPECT_TRUE(agent.get("/big").body == body);
  EXPECT_TRUE(slow.read().body == body);
  EXPECT_EQ(origin.requests("/big"), 1U);
}

TEST(Collapse, AFillThatFailsLeavesNoWaiterBehind) {
  Signal go_on;
  ScriptedOrigin origin;
  origin.on("/page", [&](OriginExchange& exchange) {
    go_on.wait();
    exchange.alive = false;
  });
  RunningAgent agent(origin);
  std::list<HttpClient> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back(agent.port());
    ASSERT_TRUE(clients.back().send(request_text("GET", "/page")));
  }
  ASSERT_TRUE(eventually([&] { return agent.metric("homeostat_cache_collapsed_total") == 3; }));
  go_on.set();
  for (HttpClient& client : clients) {
    // 503 once the breaker has seen enough of it.
    const int status = client.read().status();
    EXPECT_TRUE(status == 502 || status == 503) << status;
  }
}

TEST(Cache, AnswersARequestWhoseBodyIsEmpty) {
  ScriptedOrigin origin;
  origin.answer("/empty", 200, "Cache-Control: max-age=60\r\n", "text");
  RunningAgent agent(origin);
  const char* fields = "Content-Length: 0\r\n";
  EXPECT_EQ(agent.get("/empty", fields).body, "text");
  EXPECT_TRUE(is_hit(agent.get("/empty", fields)));
  EXPECT_EQ(origin.last_request("/empty").get("content-length"), "0");
}

}  // namespace
}  // namespace homeostat::test
