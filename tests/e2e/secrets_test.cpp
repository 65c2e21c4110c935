// What is stored and may have a user's secret in it is not compressed (BREACH), and who
// asks for the bytes as the application sent them gets those.
#include <gtest/gtest.h>

#include "tests/e2e/compression_support.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

const std::string gzip = accept(Coding::gzip);
const std::string cookie = "Cookie: sid=1\r\n";

/// Asks again and again while a form could be built; the last answer.
Message settled(const RunningAgent& agent, const std::string& path, const std::string& fields) {
  Message last;
  for (int i = 0; i < 5; ++i) last = agent.get(path, fields);
  return last;
}

TEST(StoredSecrets, WhatIsValidatedForEachUserIsNotCompressedForWhoShowsCredentials) {
  ScriptedOrigin origin;
  const std::string text = text_of(20000);
  for (const char* path : {"/me", "/declared"}) {
    const std::string fields = type + "ETag: \"1\"\r\nCache-Control: no-cache" +
                               (std::string_view(path) == "/me" ? "\r\n" : ", public\r\n");
    origin.on(path, [fields, text](OriginExchange& exchange) {
      const bool known = exchange.request.get("if-none-match") == "\"1\"";
      exchange.respond(known ? 304 : 200, fields, known ? "" : text);
    });
  }
  RunningAgent agent(compressing(origin, "mode: on, level: 5"));
  for (const std::string& credentials : {cookie, std::string("Cookie: sid=2\r\n")}) {
    const Message mine = settled(agent, "/me", gzip + credentials);
    EXPECT_FALSE(mine.has("content-encoding")) << mine.head;
    EXPECT_EQ(mine.body, text);
  }
  // Of nobody who could be known, or for everybody by the application's own word.
  EXPECT_TRUE(eventually(
      [&] { return agent.get("/declared", gzip + cookie).get("content-encoding") == "gzip"; }));
  ASSERT_TRUE(eventually([&] { return agent.get("/me", gzip).has("content-encoding"); }));
  EXPECT_FALSE(settled(agent, "/me", gzip + cookie).has("content-encoding"));
}

TEST(StoredSecrets, StoredResponsesFollowTheSameListAsPassingOnes) {
  ScriptedOrigin origin;
  const std::string text = text_of(20000);
  origin.answer("/varies", 200, kept + type + "Vary: Cookie\r\n", text);
  origin.answer("/small", 200, kept + type, "small");
  origin.answer("/encoded", 200, kept + type + "Content-Encoding: dcb\r\n", text);
  origin.answer("/image", 200, kept + "Content-Type: image/png\r\n", text);
  origin.answer("/fixed", 200, type + "Cache-Control: max-age=60, no-transform\r\n", text);
  origin.answer("/shared", 200, kept + type, text);
  RunningAgent agent(compressing(origin, "mode: on, level: 5"));
  for (const char* path : {"/varies", "/small", "/encoded", "/image", "/fixed"}) {
    const Message last = settled(agent, path, gzip + cookie);
    EXPECT_TRUE(is_hit(last)) << path << last.head;
    EXPECT_NE(last.get("content-encoding"), "gzip") << path;
  }
  EXPECT_TRUE(
      eventually([&] { return agent.get("/shared", gzip + cookie).has("content-encoding"); }));
  EXPECT_EQ(agent.metric("homeostat_compression_variants_built_total{coding=\"gzip\"}"), 1);
}

TEST(NoTransform, OfARequestIsHonouredForStoredAndForPassingResponses) {
  ScriptedOrigin origin;
  const std::string text = text_of(20000);
  const std::string json = R"({ "a" : 1 })";
  origin.answer("/stored", 200, kept + type, text);
  origin.answer("/passing", 200, type, text);
  origin.answer("/json", 200, kept + "Content-Type: application/json\r\n", json);
  RunningAgent agent(compressing(origin, "mode: on, level: 5",
                                 "rules: [{match: {path: /json}, json: {whitespace: true}}]"));
  const std::string as_it_is = gzip + "Cache-Control: no-transform\r\n";
  ASSERT_TRUE(eventually([&] { return agent.get("/stored", gzip).has("content-encoding"); }));
  ASSERT_TRUE(eventually([&] { return agent.get("/json").body == R"({"a":1})"; }));
  const Message stored = agent.get("/stored", as_it_is);
  EXPECT_TRUE(is_hit(stored)) << stored.head;
  EXPECT_FALSE(stored.has("content-encoding"));
  EXPECT_EQ(stored.body, text);
  EXPECT_EQ(agent.get("/json", as_it_is).body, json);
  EXPECT_EQ(agent.get("/passing", gzip).get("content-encoding"), "gzip");
  EXPECT_FALSE(agent.get("/passing", as_it_is).has("content-encoding"));
}

TEST(NoTransform, WhoRefusesTheStoredCodingGetsTheApplicationsAnswer) {
  ScriptedOrigin origin;
  const std::string text = text_of(20000);
  origin.on("/page", [&](OriginExchange& exchange) {
    const bool packed = contains(exchange.request.get("accept-encoding"), "gzip");
    exchange.respond(200, kept + type + (packed ? "Content-Encoding: gzip\r\n" : ""),
                     packed ? encoded(Coding::gzip, text) : text);
  });
  RunningAgent agent(config_of(origin));
  ASSERT_EQ(agent.get("/page", gzip).get("content-encoding"), "gzip");
  ASSERT_TRUE(eventually([&] { return is_hit(agent.get("/page", accept(Coding::brotli))); }))
      << "decoded once";
  const Message own =
      agent.get("/page", accept(Coding::brotli) + "Cache-Control: no-transform\r\n");
  EXPECT_FALSE(is_hit(own)) << own.head;
  EXPECT_EQ(own.body, text);
}

}  // namespace
}  // namespace homeostat::test
