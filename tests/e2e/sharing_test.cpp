// Which answers requests may share that wait for one fetch, and what a validation may
// hand to whom. The application answers each user with his own page, and says too
// little about it: only RFC 9111 keeps the users apart.
#include <gtest/gtest.h>

#include <atomic>
#include <list>
#include <string>

#include "tests/e2e/expiring.hpp"

namespace homeostat::test {
namespace {

using stale::config_without_ahead;
using stale::expiring;

const std::string alice = "Cookie: s=alice\r\n";
const std::string bob = "Cookie: s=bob\r\n";

/// Each user's own page, with what `fields` says, when the signal comes.
class Users {
 public:
  Users(ScriptedOrigin& origin, const std::string& path, std::string fields) {
    origin.on(path, [this, fields = std::move(fields)](OriginExchange& exchange) {
      go_on.wait();
      exchange.respond(200, fields, "page of " + exchange.request.get("cookie"));
    });
  }
  ~Users() { go_on.set(); }

  Signal go_on;
};

bool send_get(HttpClient& client, const std::string& target, const std::string& fields) {
  return client.send(request_text("GET", target, fields));
}

/// True once `count` requests wait for another's fetch.
bool collapsed_become(const RunningAgent& agent, double count) {
  return eventually([&] { return agent.metric("homeostat_cache_collapsed_total") == count; });
}

/// Alice leads, Bob waits for her fetch with `bobs` fields; what each of them gets.
struct Pair {
  Message alices, bobs;
};
Pair lead_and_follow(ScriptedOrigin& origin, const std::string& fields,
                     const std::string& bobs_fields = bob) {
  Users users(origin, "/me", fields);
  RunningAgent agent(config_without_ahead(origin));
  HttpClient first(agent.port()), second(agent.port());
  EXPECT_TRUE(send_get(first, "/me", alice));
  EXPECT_TRUE(origin.wait_for_requests("/me", 1));
  EXPECT_TRUE(send_get(second, "/me", bobs_fields));
  EXPECT_TRUE(collapsed_become(agent, 1));
  users.go_on.set();
  Pair got;
  got.alices = first.read();
  got.bobs = second.read();
  return got;
}

TEST(Sharing, WhoWaitedGetsNoAnswerThatMustBeValidatedBeforeEveryUse) {
  ScriptedOrigin origin;
  const Pair got = lead_and_follow(origin, "Cache-Control: no-cache\r\nETag: \"1\"\r\n");
  EXPECT_EQ(got.alices.body, "page of s=alice");
  EXPECT_EQ(got.bobs.body, "page of s=bob");
  EXPECT_TRUE(contains(got.bobs.get("cache-status"), "detail=no-cache")) << got.bobs.head;
  EXPECT_FALSE(contains(got.bobs.get("cache-status"), "collapsed")) << got.bobs.head;
}

TEST(Sharing, WhoWaitedGetsNoAnswerWithAFieldThatMustBeValidated) {
  ScriptedOrigin origin;
  const Pair got =
      lead_and_follow(origin, "Cache-Control: max-age=60, no-cache=\"X-Name\"\r\nETag: \"1\"\r\n");
  EXPECT_EQ(got.bobs.body, "page of s=bob");
}

TEST(Sharing, WhatIsStaleAndKeptForFailuresOnlyIsNoAnswerWhileNothingFailed) {
  ScriptedOrigin origin;
  const Pair got =
      lead_and_follow(origin, "Cache-Control: max-age=60, stale-if-error=600\r\nAge: 100\r\n");
  EXPECT_EQ(got.alices.body, "page of s=alice");
  EXPECT_EQ(got.bobs.body, "page of s=bob");
}

TEST(Sharing, WhoWaitsMayRefuseAnAnswerThatIsTooOldForHim) {
  for (const char* wish : {"max-age=5", "min-fresh=550"}) {
    ScriptedOrigin origin;
    const Pair got = lead_and_follow(origin, "Cache-Control: max-age=600\r\nAge: 100\r\n",
                                     bob + "Cache-Control: " + wish + "\r\n");
    EXPECT_EQ(got.bobs.body, "page of s=bob") << wish;
  }
}

TEST(Sharing, WhatMayBeSharedIsShared) {
  for (const char* fields :
       {"Cache-Control: max-age=600\r\nAge: 100\r\n",
        "Cache-Control: max-age=60, stale-while-revalidate=600\r\nAge: 100\r\n"}) {
    ScriptedOrigin origin;
    const Pair got = lead_and_follow(origin, fields);
    EXPECT_EQ(got.bobs.body, got.alices.body) << fields;
    EXPECT_TRUE(contains(got.bobs.get("cache-status"), "collapsed")) << got.bobs.head;
    EXPECT_EQ(origin.requests("/me"), 1U);
  }
}

/// The application has sent the head and the first half of its first answer.
TEST(Sharing, NobodyWaitsForAnAnswerOfWhichItIsKnownThatItCannotBeShared) {
  Signal finish;
  ScriptedOrigin origin;
  origin.on("/me", [&](OriginExchange& exchange) {
    const std::string body = "page of " + exchange.request.get("cookie");
    exchange.send("HTTP/1.1 200 OK\r\nCache-Control: no-cache\r\nETag: \"1\"\r\nContent-Length: " +
                  std::to_string(body.size()) + "\r\n\r\n" + body.substr(0, 4));
    finish.wait();
    exchange.send(body.substr(4));
  });
  RunningAgent agent(config_without_ahead(origin, "negative_ttl: 1h"));
  HttpClient first(agent.port());
  ASSERT_TRUE(send_get(first, "/me", alice));
  ASSERT_TRUE(first.reader.read_head().has_value());
  std::list<HttpClient> others;
  for (int i = 0; i < 6; ++i) {
    others.emplace_back(agent.port());
    ASSERT_TRUE(send_get(others.back(), "/me", "Cookie: s=" + std::to_string(i) + "\r\n"));
  }
  // Side by side, while the first is still coming.
  EXPECT_TRUE(origin.wait_for_requests("/me", 7));
  EXPECT_EQ(agent.metric("homeostat_cache_collapsed_total"), 0);
  finish.set();
  int i = 0;
  for (HttpClient& client : others) {
    EXPECT_EQ(client.read().body, "page of s=" + std::to_string(i++));
  }
}

TEST(Sharing, WhatMustBeValidatedIsValidatedForEachUserSideBySide) {
  Signal go_on;
  ScriptedOrigin origin;
  std::atomic<bool> held{false};
  // The page is the same for all who are logged in.
  origin.on("/me", [&](OriginExchange& exchange) {
    if (held) go_on.wait();
    const std::string fields = "Cache-Control: no-cache\r\nETag: \"1\"\r\n";
    if (!exchange.request.has("cookie")) {
      exchange.respond(200, "Cache-Control: no-cache\r\nETag: \"0\"\r\n", "please log in");
    } else if (exchange.request.get("if-none-match") == "\"1\"") {
      exchange.respond(304, fields, "");
    } else {
      exchange.respond(200, fields, "secret");
    }
  });
  RunningAgent agent(config_without_ahead(origin));
  ASSERT_EQ(agent.get("/me", alice).body, "secret");
  held = true;
  HttpClient first(agent.port()), second(agent.port()), out(agent.port());
  ASSERT_TRUE(send_get(first, "/me", alice));
  ASSERT_TRUE(origin.wait_for_requests("/me", 2));
  ASSERT_TRUE(send_get(out, "/me", ""));
  ASSERT_TRUE(send_get(second, "/me", bob));
  EXPECT_TRUE(origin.wait_for_requests("/me", 4)) << "nobody waits for another's validation";
  go_on.set();
  EXPECT_EQ(first.read().body, "secret");
  EXPECT_EQ(out.read().body, "please log in");
  EXPECT_EQ(second.read().body, "secret");
}

TEST(Sharing, ARefreshThatMayNotBeReusedAnswersNobodyWhoJoinedIt) {
  ScriptedOrigin origin;
  Signal go_on;
  std::atomic<int> turn{0};
  origin.on("/me", [&](OriginExchange& exchange) {
    const std::string page = "page of " + exchange.request.get("cookie");
    if (turn++ == 0) return exchange.respond(200, expiring(), "for all");
    go_on.wait();
    if (exchange.request.has("if-none-match")) {
      return exchange.respond(304, "Cache-Control: no-cache\r\nETag: \"1\"\r\n", "");
    }
    exchange.respond(200, "Cache-Control: no-cache\r\nETag: \"2\"\r\n", page);
  });
  RunningAgent agent(config_without_ahead(origin));
  ASSERT_EQ(agent.get("/me", alice).body, "for all");
  // Asks until it has expired and somebody has to validate it.
  std::list<HttpClient> leaders;
  ASSERT_TRUE(eventually([&] {
    leaders.emplace_back(agent.port());
    return send_get(leaders.back(), "/me", alice) && origin.requests("/me") == 2;
  }));
  HttpClient joined(agent.port());
  const double before = agent.metric("homeostat_cache_collapsed_total");
  ASSERT_TRUE(send_get(joined, "/me", bob));
  ASSERT_TRUE(collapsed_become(agent, before + 1));
  go_on.set();
  EXPECT_EQ(joined.read().body, "page of s=bob");
}

// -- No-Vary-Search, Vary and 304 ------------------------------------------------------------

TEST(Sharing, AValidationKeepsUsersApartWhereTheQueryDoesNotMatter) {
  ScriptedOrigin origin;
  const std::string varied = "Vary: Cookie\r\nNo-Vary-Search: params=(\"utm\")\r\n";
  origin.on("/page", [&](OriginExchange& exchange) {
    const std::string user = exchange.request.get("cookie");
    const std::string tag = "\"" + user + "\"";
    if (exchange.request.get("if-none-match") == tag) {
      exchange.respond(304, "Cache-Control: max-age=600\r\nETag: " + tag + "\r\n" + varied, "");
    } else {
      exchange.respond(200,
                       "Cache-Control: max-age=60\r\nAge: 59\r\nETag: " + tag + "\r\n" + varied,
                       "page of " + user);
    }
  });
  RunningAgent agent(config_without_ahead(origin));
  ASSERT_EQ(agent.get("/page?utm=a", alice).body, "page of s=alice");
  ASSERT_TRUE(eventually([&] {
    static_cast<void>(agent.get("/page?utm=a", alice));
    return origin.last_request("/page").has("if-none-match");
  }));
  // The same page for Alice, whatever `utm` is; and hers alone.
  const Message hers = agent.get("/page?utm=z", alice);
  EXPECT_EQ(hers.body, "page of s=alice");
  EXPECT_TRUE(is_hit(hers)) << hers.head;
  EXPECT_EQ(agent.get("/page?utm=z", bob).body, "page of s=bob");
  EXPECT_EQ(agent.get("/page?utm=y").body, "page of ");
}

TEST(Sharing, AnAnswerToHeadKeepsUsersApartWhereTheQueryDoesNotMatter) {
  ScriptedOrigin origin;
  origin.on("/page", [&](OriginExchange& exchange) {
    const std::string user = exchange.request.get("cookie");
    const std::string body = "page of " + user;
    const std::string fields = "Cache-Control: max-age=600\r\nETag: \"" + user +
                               "\"\r\nVary: Cookie\r\nNo-Vary-Search: params=(\"utm\")\r\n";
    if (exchange.request.method() == "HEAD") {
      exchange.send("HTTP/1.1 200 OK\r\n" + fields +
                    "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n");
    } else {
      exchange.respond(200, fields, body);
    }
  });
  RunningAgent agent(config_without_ahead(origin));
  ASSERT_EQ(agent.get("/page?utm=a", alice).body, "page of s=alice");
  HttpClient client(agent.port());
  ASSERT_TRUE(
      client.send(request_text("HEAD", "/page?utm=a", alice + "Cache-Control: no-cache\r\n")));
  ASSERT_EQ(client.read(true).status(), 200);
  EXPECT_EQ(agent.get("/page?utm=z", bob).body, "page of s=bob");
  EXPECT_EQ(agent.get("/page?utm=z", alice).body, "page of s=alice");
}

TEST(Sharing, A304ToWhoWaitedSaysHowOldTheAnswerIs) {
  Signal go_on, finish;
  ScriptedOrigin origin;
  origin.on("/page", [&](OriginExchange& exchange) {
    go_on.wait();
    exchange.send(
        "HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nAge: 100\r\nETag: \"1\"\r\n"
        "Content-Length: 4\r\n\r\nbo");
    finish.wait();
    exchange.send("dy");
  });
  RunningAgent agent(config_without_ahead(origin));
  HttpClient first(agent.port()), second(agent.port());
  ASSERT_TRUE(send_get(first, "/page", ""));
  ASSERT_TRUE(origin.wait_for_requests("/page", 1));
  ASSERT_TRUE(send_get(second, "/page", "If-None-Match: \"1\"\r\n"));
  ASSERT_TRUE(collapsed_become(agent, 1));
  go_on.set();
  const Message answer = second.read();
  finish.set();
  EXPECT_EQ(answer.status(), 304);
  EXPECT_GE(std::atoi(answer.get("age").c_str()), 100) << answer.head;
  EXPECT_EQ(first.read().body, "body");
}

TEST(Sharing, EachVariantIsFetchedOnceForAllWhoWaited) {
  Signal go_on;
  ScriptedOrigin origin;
  origin.on("/page", [&](OriginExchange& exchange) {
    go_on.wait();
    exchange.respond(200, "Cache-Control: max-age=600\r\nVary: Accept-Language\r\n",
                     exchange.request.get("accept-language"));
  });
  RunningAgent agent(config_without_ahead(origin));
  std::list<HttpClient> clients;
  const char* languages[] = {"de", "en", "fr"};
  for (int i = 0; i < 12; ++i) {
    clients.emplace_back(agent.port());
    ASSERT_TRUE(send_get(clients.back(), "/page",
                         "Accept-Language: " + std::string(languages[i % 3]) + "\r\n"));
    if (i == 0) {
      ASSERT_TRUE(origin.wait_for_requests("/page", 1));
    }
  }
  ASSERT_TRUE(collapsed_become(agent, 11));
  go_on.set();
  int i = 0;
  for (HttpClient& client : clients) EXPECT_EQ(client.read().body, languages[i++ % 3]);
  EXPECT_EQ(origin.requests("/page"), 3U);
}

}  // namespace
}  // namespace homeostat::test
