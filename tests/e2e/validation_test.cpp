// Validation and conditions end to end: whose tag a 304 is about, HEAD, interim
// responses during fills, Cache-Status.
#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "tests/e2e/cache_support.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

/// An origin that validates any of the tags it is asked about.
class Versions : public testing::Test {
 protected:
  ScriptedOrigin origin_;
  std::atomic<int> version_{1};

  void SetUp() override {
    origin_.on("/page", [this](OriginExchange& exchange) {
      const std::string tag = "\"v" + std::to_string(version_) + "\"";
      const std::string fields = "Cache-Control: max-age=60\r\nETag: " + tag + "\r\n";
      const bool known = exchange.request.get("if-none-match").find(tag) != std::string::npos;
      exchange.respond(known ? 304 : 200, fields,
                       known ? "" : "version " + std::to_string(version_));
    });
  }
};

constexpr const char* reload = "Cache-Control: no-cache\r\n";

TEST_F(Versions, TheClientsTagIsAskedAboutAndItsAnswerIsItsOwn) {
  RunningAgent agent(origin_);
  ASSERT_EQ(agent.get("/page").body, "version 1");
  version_ = 2;
  // A client that has version 2 already: no body for it.
  const Message fresh = agent.get("/page", std::string(reload) + "If-None-Match: \"v2\"\r\n");
  EXPECT_EQ(fresh.status(), 304);
  EXPECT_EQ(fresh.get("etag"), "\"v2\"");
  EXPECT_EQ(origin_.last_request("/page").get("if-none-match"), "\"v1\", \"v2\"");
  // Version 1 is known to be old now.
  EXPECT_EQ(agent.get("/page").body, "version 2");
  EXPECT_TRUE(is_hit(agent.get("/page")));
}

TEST_F(Versions, A304ForTheStoredTagAnswersAClientWithAnotherOne) {
  RunningAgent agent(origin_);
  ASSERT_EQ(agent.get("/page").body, "version 1");
  const Message response = agent.get("/page", std::string(reload) + "If-None-Match: \"v0\"\r\n");
  EXPECT_EQ(response.status(), 200);
  EXPECT_EQ(response.body, "version 1");
  EXPECT_EQ(agent.get("/page", std::string(reload) + "If-None-Match: \"v1\"\r\n").status(), 304);
}

TEST_F(Versions, IfMatchIsAnsweredFromTheCacheOnlyWhereItHolds) {
  RunningAgent agent(origin_);
  ASSERT_EQ(agent.get("/page").body, "version 1");
  EXPECT_TRUE(is_hit(agent.get("/page", "If-Match: \"v1\"\r\n")));
  const Message other = agent.get("/page", "If-Match: \"v2\"\r\n");
  EXPECT_FALSE(is_hit(other));
  EXPECT_NE(other.get("cache-status").find("detail=precondition"), std::string::npos) << other.head;
  EXPECT_EQ(origin_.last_request("/page").get("if-match"), "\"v2\"");
  EXPECT_EQ(agent.metric("homeostat_cache_hits_total"), 1) << "what was found there did not answer";
  EXPECT_EQ(agent.metric("homeostat_cache_bypasses_total"), 1);
}

TEST(Validation, WhatIsStaleAnswersNoIfMatch) {
  ScriptedOrigin origin;
  origin.answer("/page", 200,
                "Cache-Control: max-age=0, stale-while-revalidate=600\r\nETag: \"v1\"\r\n", "1");
  RunningAgent agent(origin);
  ASSERT_EQ(agent.get("/page").body, "1");
  EXPECT_EQ(agent.get("/page", "If-Match: \"v1\"\r\n").status(), 200);
  EXPECT_EQ(origin.last_request("/page").get("if-match"), "\"v1\"");
}

TEST(Validation, A304WithoutATagIsNoAnswerToTwoQuestions) {
  ScriptedOrigin origin;
  origin.on("/page", [](OriginExchange& exchange) {
    if (exchange.request.has("if-none-match")) {
      exchange.send("HTTP/1.1 304 Not Modified\r\n\r\n");
    } else {
      exchange.respond(200, "Cache-Control: max-age=60\r\nETag: \"v1\"\r\n", "body");
    }
  });
  RunningAgent agent(origin);
  ASSERT_EQ(agent.get("/page").body, "body");
  // It may be about the client's tag: the client gets what the origin says to it alone.
  EXPECT_EQ(agent.get("/page", std::string(reload) + "If-None-Match: \"mine\"\r\n").status(), 304);
  EXPECT_EQ(origin.last_request("/page").get("if-none-match"), "\"mine\"");
}

/// A tag without quotes or the like, and what is asked of an origin that compares it as text.
class MalformedTags : public testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(MalformedTags, CostOneRequestForEachValidation) {
  const std::string tag = GetParam().first;
  ScriptedOrigin origin;
  std::atomic<int> version{1};
  origin.on("/page", [&](OriginExchange& exchange) {
    const std::string asked = exchange.request.get("if-none-match");
    const bool known = asked == "*" || (version == 1 && asked == tag);
    exchange.respond(known ? 304 : 200, "Cache-Control: max-age=60\r\nETag: " + tag + "\r\n",
                     known ? "" : "version " + std::to_string(version));
  });
  RunningAgent agent(origin);
  ASSERT_EQ(agent.get("/page").body, "version 1");
  const std::string fields = std::string(reload) + "If-None-Match: \"mine\"\r\n";
  EXPECT_EQ(agent.get("/page", fields).body, "version 1");
  EXPECT_EQ(origin.last_request("/page").get("if-none-match"), GetParam().second);
  EXPECT_EQ(origin.requests("/page"), 2U);
  EXPECT_TRUE(is_hit(agent.get("/page")));
  version = 2;
  EXPECT_EQ(agent.get("/page", reload).body, "version 2");
  EXPECT_EQ(origin.requests("/page"), 3U);
}

INSTANTIATE_TEST_SUITE_P(Kinds, MalformedTags,
                         testing::Values(std::pair("v1", "v1"), std::pair("W/v1", "W/v1"),
                                         std::pair("\"v1", "\"v1"), std::pair("*", ""),
                                         std::pair("v1, *", "")));

TEST(Validation, A304AboutSomethingElseCostsOneFetchMoreThatIsStored) {
  ScriptedOrigin origin;
  origin.on("/page", [](OriginExchange& exchange) {
    const bool asked = exchange.request.has("if-none-match");
    exchange.respond(asked ? 304 : 200,
                     std::string("Cache-Control: max-age=60\r\nETag: ") +
                         (asked ? "\"other\"" : "\"v1\"") + "\r\n",
                     asked ? "" : "body");
  });
  RunningAgent agent(origin);
  ASSERT_EQ(agent.get("/page").body, "body");
  EXPECT_EQ(agent.get("/page", reload).body, "body");
  EXPECT_TRUE(is_hit(agent.get("/page")));
  EXPECT_EQ(origin.requests("/page"), 3U);
}

TEST(Validation, AnAnswerToHeadRefreshesOrDropsTheStoredGet) {
  ScriptedOrigin origin;
  std::atomic<int> version{1};
  origin.on("/page", [&](OriginExchange& exchange) {
    const std::string fields = "Cache-Control: max-age=60\r\nX-Seen: " + exchange.request.method() +
                               "\r\nETag: \"" + std::to_string(version) + "\"\r\n";
    if (exchange.request.method() == "HEAD") {
      exchange.send("HTTP/1.1 200 OK\r\n" + fields + "Content-Length: 4\r\n\r\n");
    } else {
      exchange.respond(200, fields, "page");
    }
  });
  RunningAgent agent(origin);
  ASSERT_EQ(agent.get("/page").body, "page");
  HttpClient client(agent.port());
  const auto head = [&] {
    EXPECT_TRUE(client.send(request_text("HEAD", "/page", reload)));
    return client.read(true).status();
  };
  ASSERT_EQ(head(), 200);
  const Message refreshed = agent.get("/page");
  EXPECT_TRUE(is_hit(refreshed));
  EXPECT_EQ(refreshed.get("x-seen"), "HEAD");
  EXPECT_EQ(refreshed.body, "page");
  version = 2;
  ASSERT_EQ(head(), 200);
  EXPECT_FALSE(is_hit(agent.get("/page")));
}

TEST(Interim, ResponsesPassDuringAFillAndAreNotStored) {
  ScriptedOrigin origin;
  std::promise<void> seen;
  std::shared_future<void> go = seen.get_future().share();
  origin.on("/page", [go](OriginExchange& exchange) {
    exchange.send("HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n");
    go.wait();
    exchange.send("HTTP/1.1 102 Processing\r\n\r\n");
    exchange.respond(200, "Cache-Control: max-age=60\r\n", "page");
  });
  RunningAgent agent(origin);
  HttpClient client(agent.port());
  ASSERT_TRUE(client.send(request_text("GET", "/page")));
  const auto hints = client.reader.read_head();
  ASSERT_TRUE(hints);
  EXPECT_EQ(hints->status(), 103);
  EXPECT_EQ(hints->get("link"), "</style.css>; rel=preload");
  seen.set_value();
  const auto processing = client.reader.read_head();
  ASSERT_TRUE(processing);
  EXPECT_EQ(processing->status(), 102);
  EXPECT_EQ(client.read().body, "page");
  const Message hit = client.get("/page");
  EXPECT_TRUE(is_hit(hit));
  EXPECT_EQ(hit.status(), 200);
}

TEST(CacheStatusField, ComesAfterThoseOfCachesFurtherUp) {
  ScriptedOrigin origin;
  origin.answer("/page", 200,
                "Cache-Control: max-age=60\r\nCache-Status: upper; hit; ttl=5\r\n"
                "Cache-Status: middle; fwd=stale\r\n",
                "page");
  RunningAgent agent(origin);
  EXPECT_EQ(agent.get("/page")
                .get("cache-status")
                .find("upper; hit; ttl=5, middle; fwd=stale, "
                      "homeostat; fwd=uri-miss"),
            0U);
  EXPECT_EQ(agent.get("/page")
                .get("cache-status")
                .find("upper; hit; ttl=5, middle; fwd=stale, "
                      "homeostat; hit; ttl="),
            0U);
}

TEST(CacheStatusField, ShowsTheKeyOnlyWhereTheOperatorAsksForIt) {
  ScriptedOrigin origin;
  origin.answer("/page", 200, "Cache-Control: max-age=60\r\n", "page");
  RunningAgent silent(origin);
  EXPECT_EQ(silent.get("/page").get("cache-status").find("key="), std::string::npos);
  RunningAgent open(config_of(origin, "status_key: true"));
  for (int i = 0; i < 2; ++i) {
    const std::string status = open.get("/page?b=1&a=%22:").get("cache-status");
    EXPECT_NE(status.find("; key=\"hs:default:GET:test"), std::string::npos) << status;
    EXPECT_NE(status.find("/page:a=%22\\\\:&b=1::\""), std::string::npos) << status;
  }
}

TEST(NoVarySearch, SharesAnAnswerBetweenQueriesThatSayTheSame) {
  ScriptedOrigin origin;
  origin.on("/page", [](OriginExchange& exchange) {
    exchange.respond(200,
                     "Cache-Control: max-age=60\r\nNo-Vary-Search: key-order, params=(\"utm\")\r\n",
                     exchange.request.target());
  });
  RunningAgent agent(origin);
  EXPECT_EQ(agent.get("/page?id=1&utm=a").body, "/page?id=1&utm=a");
  EXPECT_EQ(agent.get("/page?id=1&utm=b").body, "/page?id=1&utm=b");
  for (const char* same : {"/page?id=1&utm=c", "/page?utm=d&id=1", "/page?id=1"}) {
    const Message hit = agent.get(same);
    EXPECT_TRUE(is_hit(hit)) << same;
    EXPECT_EQ(hit.body, "/page?id=1&utm=b");
  }
  EXPECT_EQ(agent.get("/page?id=2&utm=b").body, "/page?id=2&utm=b");
  EXPECT_EQ(origin.requests("/page"), 3U);
  // A successful write to any of them takes the shared answer.
  HttpClient client(agent.port());
  ASSERT_EQ(client.request("POST", "/page?id=1&utm=z").status(), 200);
  EXPECT_EQ(agent.get("/page?id=1&utm=e").body, "/page?id=1&utm=e");
}

/// The page is fine; who asks oddly, or shows bad credentials, is told so.
class OddRequests : public testing::TestWithParam<int> {};

TEST_P(OddRequests, CostTheOthersNothing) {
  ScriptedOrigin origin;
  origin.on("/page", [](OriginExchange& exchange) {
    if (exchange.request.has("x-odd")) {
      exchange.respond(GetParam(), "Cache-Control: no-store\r\n", "no");
    } else {
      exchange.respond(200, "Cache-Control: max-age=600\r\n", "page");
    }
  });
  RunningAgent agent(config_of(origin, "negative_ttl: 1h"));
  ASSERT_EQ(agent.get("/page").body, "page");
  const Message refused = agent.get("/page", "Cache-Control: no-cache\r\nX-Odd: 1\r\n");
  EXPECT_EQ(refused.status(), GetParam());
  EXPECT_EQ(refused.body, "no");
  const Message after = agent.get("/page");
  EXPECT_EQ(after.body, "page");
  EXPECT_TRUE(is_hit(after)) << after.head;
}

TEST_P(OddRequests, AreNotWhatTheOthersGetFirst) {
  ScriptedOrigin origin;
  origin.on("/page", [](OriginExchange& exchange) {
    const bool odd = exchange.request.has("cookie");
    exchange.respond(odd ? GetParam() : 200, "Cache-Control: max-age=600\r\n", odd ? "no" : "page");
  });
  RunningAgent agent(origin);
  EXPECT_EQ(agent.get("/page", "Cookie: odd=1\r\n").body, "no");
  EXPECT_EQ(agent.get("/page").body, "page") << "whatever lifetime the refusal says it has";
  EXPECT_TRUE(is_hit(agent.get("/page")));
}

INSTANTIATE_TEST_SUITE_P(Statuses, OddRequests, testing::Values(400, 401, 403, 406, 431));

TEST(Validation, ThatAPageIsGoneIsForAll) {
  ScriptedOrigin origin;
  std::atomic<bool> gone{false};
  origin.on("/page", [&](OriginExchange& exchange) {
    exchange.respond(gone ? 410 : 200, gone ? "" : "Cache-Control: max-age=600\r\n", "page");
  });
  RunningAgent agent(origin);
  ASSERT_EQ(agent.get("/page").status(), 200);
  gone = true;
  EXPECT_EQ(agent.get("/page", reload).status(), 410);
  EXPECT_EQ(agent.get("/page").status(), 410);
}

}  // namespace
}  // namespace homeostat::test
