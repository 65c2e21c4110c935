// Nothing of one request may show in another, and no client may speak for the
// agent.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/e2e/cache_support.hpp"
#include "tests/e2e/running_agent.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/scripted_origin.hpp"

namespace homeostat::test {
namespace {

TEST(Isolation, ARefusedRequestIsNotTakenForTheOneBefore) {
  ScriptedOrigin origin;
  RunningAgent agent(origin);
  HttpClient client(agent.port());
  ASSERT_EQ(client.request("GET", "/page").status(), 200);
  ASSERT_TRUE(client.send(request_text("HEAD", "/page")));
  ASSERT_EQ(client.read(true).status(), 200);
  ASSERT_TRUE(client.send("this is not HTTP\r\n\r\n"));
  const Message refused = client.read();
  EXPECT_EQ(refused.status(), 400);
  // After a HEAD the body would be missing if the old head were still read.
  EXPECT_NE(refused.body.find("\"status\":400"), std::string::npos) << refused.head;
  EXPECT_TRUE(refused.has("cache-status"));
  EXPECT_TRUE(client.closed());
}

TEST(Isolation, ANewConnectionKnowsNothingOfAnOldOne) {
  ScriptedOrigin origin;
  AgentConfig config = config_for(origin);
  config.workers = 1;
  RunningAgent agent(config);
  {
    HttpClient first(agent.port());
    ASSERT_TRUE(first.send(request_text("HEAD", "/page")));
    ASSERT_EQ(first.read(true).status(), 200);
  }
  HttpClient second(agent.port());
  ASSERT_TRUE(second.send("GET / HTTP/1.1\r\nHost : broken\r\n\r\n"));
  const Message refused = second.read();
  EXPECT_EQ(refused.status(), 400);
  EXPECT_FALSE(refused.body.empty());
}

TEST(Isolation, AnUntrustedClientCannotClaimAnIdentity) {
  ScriptedOrigin origin;
  RunningAgent agent(origin);
  ASSERT_EQ(agent
                .get("/page",
                     "X-Real-IP: 6.6.6.6\r\nX-Forwarded-Port: 443\r\n"
                     "X-Forwarded-Server: inside\r\nX-Forwarded-Prefix: //evil\r\n"
                     "X-Forwarded-Scheme: https\r\nX-Forwarded-Ssl: on\r\n"
                     "Front-End-Https: on\r\nX-Host: evil\r\nX-Original-Host: evil\r\n"
                     "X-HTTP-Host-Override: evil\r\nX-Other: stays\r\n")
                .status(),
            200);
  const Message seen = origin.last_request("/page");
  for (const char* field :
       {"x-real-ip", "x-forwarded-port", "x-forwarded-server", "x-forwarded-prefix",
        "x-forwarded-scheme", "x-forwarded-ssl", "front-end-https", "x-host", "x-original-host",
        "x-http-host-override"}) {
    EXPECT_FALSE(seen.has(field)) << field;
  }
  EXPECT_EQ(seen.get("x-other"), "stays");
}

/// What the application saw of a field, as a body that may be stored.
void echo(ScriptedOrigin& origin, const std::string& path, const std::string& field,
          const std::string& fields) {
  origin.on(path, [=](OriginExchange& exchange) {
    exchange.respond(200, "Cache-Control: max-age=60\r\n" + fields, exchange.request.get(field));
  });
}

/// Answers with the whole request head, for a minute.
void echo_head(ScriptedOrigin& origin) {
  origin.on("/", [](OriginExchange& exchange) {
    exchange.respond(200, "Cache-Control: max-age=60\r\n", exchange.request.head);
  });
}

TEST(Isolation, WhatATrustedProxySaysWasAskedForIsPartOfTheKey) {
  ScriptedOrigin origin;
  echo_head(origin);
  AgentConfig config = config_for(origin);
  config.server = "trust_forwarded: true";
  RunningAgent agent(config);
  const std::string claims[] = {"",
                                "X-Forwarded-Host: a.example\r\n",
                                "X-Forwarded-Host: b.example\r\n",
                                "X-Forwarded-Proto: https\r\n",
                                "X-Forwarded-Port: 8443\r\n",
                                "X-Forwarded-Prefix: /shop\r\n",
                                "X-Forwarded-Ssl: on\r\n",
                                "X-Original-Host: c.example\r\n",
                                "X-Host: d.example\r\n",
                                "Front-End-Https: on\r\n",
                                "Forwarded: for=192.0.2.1;host=e.example\r\n",
                                "Forwarded: for=192.0.2.1;proto=https\r\n"};
  for (const std::string& claim : claims) {
    const Message own = agent.get("/", claim);
    EXPECT_EQ(own.get("cache-status").find("; hit"), std::string::npos) << claim << own.head;
    const Message again = agent.get("/", claim);
    EXPECT_NE(again.get("cache-status").find("; hit"), std::string::npos) << claim << again.head;
    EXPECT_EQ(again.body, own.body);
  }
  EXPECT_EQ(origin.requests("/"), std::size(claims));
  // What names no other resource makes no other key.
  const std::string host = "127.0.0.1:" + std::to_string(agent.port());
  for (const std::string& same :
       {std::string("X-Forwarded-For: 192.0.2.1\r\n"), std::string("X-Forwarded-Proto: http\r\n"),
        std::string("X-Real-IP: 192.0.2.1\r\n"), std::string("Forwarded: for=192.0.2.7\r\n")}) {
    EXPECT_NE(agent.get("/", same).get("cache-status").find("; hit"), std::string::npos) << same;
  }
}

TEST(Isolation, AWriteReachesEveryResourceThatATrustedProxyNames) {
  ScriptedOrigin origin;
  echo_head(origin);
  AgentConfig config = config_for(origin);
  config.server = "trust_forwarded: true";
  RunningAgent agent(config);
  for (const char* proto : {"", "X-Forwarded-Proto: https\r\n"})
    static_cast<void>(agent.get("/", proto));
  HttpClient client(agent.port());
  ASSERT_EQ(client.request("PUT", "/").status(), 200);
  for (const char* proto : {"", "X-Forwarded-Proto: https\r\n"}) {
    EXPECT_EQ(agent.get("/", proto).get("cache-status").find("; hit"), std::string::npos) << proto;
  }
}

TEST(Isolation, AFieldThatConnectionRemovesCannotPoisonAVariant) {
  ScriptedOrigin origin;
  echo(origin, "/tenant", "x-tenant", "Vary: X-Tenant\r\n");
  RunningAgent agent(origin);
  EXPECT_EQ(agent.get("/tenant", "X-Tenant: B\r\nConnection: X-Tenant\r\n").body, "");
  EXPECT_EQ(agent.get("/tenant", "X-Tenant: B\r\n").body, "B");
}

TEST(Isolation, AnAnswerForOneAddressIsNotStoredForOthers) {
  ScriptedOrigin origin;
  echo(origin, "/where", "x-forwarded-for", "Vary: X-Forwarded-For\r\n");
  RunningAgent agent(origin);
  for (int i = 1; i <= 2; ++i) {
    const Message answer = agent.get("/where");
    EXPECT_EQ(answer.body, "127.0.0.1");
    EXPECT_EQ(answer.get("cache-status").find("; hit"), std::string::npos);
  }
  EXPECT_EQ(origin.requests("/where"), 2U);
}

TEST(Isolation, SeveralOrEmptyCredentialsAreNobodysKey) {
  ScriptedOrigin origin;
  origin.on("/mine", [](OriginExchange& exchange) {
    exchange.respond(200, "Cache-Control: max-age=60\r\n", exchange.request.head);
  });
  AgentConfig config = config_for(origin);
  config.cache = "rules: [{match: {path: /mine}, authenticated: true}]";
  RunningAgent agent(config);
  const std::string gateway = "Authorization: Basic gw\r\n";
  for (const std::string& first : {gateway, std::string("Authorization:\r\n")}) {
    for (const char* user : {"alice", "bob"}) {
      const std::string line = std::string("Authorization: Bearer ") + user + "\r\n";
      EXPECT_NE(agent.get("/mine", first + line).body.find(user), std::string::npos);
    }
  }
  EXPECT_EQ(agent.get("/mine").body.find("Bearer"), std::string::npos);
  EXPECT_EQ(agent.get("/mine", gateway).body.find("Bearer"), std::string::npos);
}

TEST(Isolation, ACachedPostIsKeyedByItsBody) {
  ScriptedOrigin origin;
  AgentConfig config = config_for(origin);
  config.cache = "rules: [{match: {path: /generate, methods: [POST]}, post: true, ttl: 1m}]";
  RunningAgent agent(config);
  origin.on("/generate", [](OriginExchange& exchange) {
    const std::string body = exchange.body();
    exchange.respond(200, "", body);
  });
  HttpClient client(agent.port());
  EXPECT_EQ(client.request("POST", "/generate", {}, "first").body, "first");
  const Message again = client.request("POST", "/generate", {}, "first");
  EXPECT_EQ(again.body, "first");
  EXPECT_NE(again.get("cache-status").find("; hit"), std::string::npos) << again.head;
  EXPECT_EQ(client.request("POST", "/generate", {}, "second").body, "second");
  EXPECT_EQ(origin.requests("/generate"), 2U);
}

TEST(Isolation, ACachedPostIsAQueryAndInvalidatesNothing) {
  ScriptedOrigin origin;
  AgentConfig config = config_for(origin);
  config.cache = "rules: [{match: {path: /query, methods: [POST]}, post: true, ttl: 1m}]";
  RunningAgent agent(config);
  origin.on("/query", [](OriginExchange& exchange) {
    const std::string body = exchange.body();
    exchange.respond(200, body == "secret" ? "Cache-Control: no-store\r\n" : "", body);
  });
  HttpClient client(agent.port());
  EXPECT_EQ(client.request("POST", "/query", {}, "first").body, "first");
  EXPECT_EQ(client.request("POST", "/query", {}, "secret").body, "secret");
  const Message again = client.request("POST", "/query", {}, "first");
  EXPECT_NE(again.get("cache-status").find("; hit"), std::string::npos) << again.head;
}

/// An application that decodes and resolves paths before it looks at them.
class ResolvingOrigin {
 public:
  ResolvingOrigin() {
    for (const char* spelling :
         {"/static/..%2faccount", "/static/../account", "/%61ccount", "//account",
          "/static/%2e%2e/account", "/static/..;/account", "/static/x%2f..%2f..%2faccount"}) {
      spellings.emplace_back(spelling);
      origin.on(spelling, [](OriginExchange& exchange) {
        exchange.respond(200, "", "page of " + std::string(exchange.request.get("cookie")));
      });
    }
  }
  ScriptedOrigin origin;
  std::vector<std::string> spellings;
};

TEST(Isolation, ARuleThatStoresIsNotMetByAnotherSpellingOfAnUncachedPath) {
  ResolvingOrigin application;
  AgentConfig config = config_for(application.origin);
  config.cache =
      "rules: [{match: {path: /account*}, bypass: true}, "
      "{match: {path: /*}, ttl: 1h}]";
  RunningAgent agent(config);
  for (const std::string& spelling : application.spellings) {
    EXPECT_EQ(agent.get(spelling, "Cookie: victim\r\n").body, "page of victim") << spelling;
    const Message other = agent.get(spelling, "Cookie: other\r\n");
    EXPECT_EQ(other.body, "page of other") << spelling << ": " << other.get("cache-status");
  }
  EXPECT_TRUE(
      contains(agent.get(application.spellings[0]).get("cache-status"), "detail=ambiguous-path"));
}

}  // namespace
}  // namespace homeostat::test
