// JSON tightening as a client sees it.
#include <gtest/gtest.h>

#include "tests/e2e/compression_support.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

TEST(JsonTightening, StoredJsonLosesWhitespaceAndNullsBeforeItIsCompressed) {
  ScriptedOrigin origin;
  std::string text = "[\n";
  for (int i = 0; i < 500; ++i) {
    text += "  {\"id\": " + std::to_string(i) + ".0, \"parent\": null},\n";
  }
  text += "  null\n]\n";
  std::string tight = "[";
  for (int i = 0; i < 500; ++i) tight += "{\"id\":" + std::to_string(i) + ".0},";
  tight += "null]";
  const std::string fields = kept + "Content-Type: application/json\r\nETag: \"v\"\r\n";
  origin.answer("/api/list", 200, fields, text);
  origin.answer("/other", 200, fields, text);
  origin.answer("/api/packed", 200, fields + "Content-Encoding: gzip\r\n",
                encoded(Coding::gzip, text));
  RunningAgent agent(
      config_of(origin, "mode: on, level: 5",
                "rules: [{match: {path: /api/*}, json: {whitespace: true, nulls: true}}]"));
  ASSERT_EQ(agent.get("/api/list").body, text) << "the first answer streams as it comes";
  Message hit;
  ASSERT_TRUE(eventually([&] {
    hit = agent.get("/api/list");
    return is_hit(hit) && hit.body == tight;
  }));
  EXPECT_EQ(hit.get("etag"), "W/\"v\"") << "other bytes than the origin's";
  EXPECT_EQ(agent.get("/api/list", "If-None-Match: \"v\"\r\n").status(), 304);
  ASSERT_TRUE(eventually([&] {
    const Message zstd = agent.get("/api/list", accept(Coding::zstd));
    return zstd.get("content-encoding") == "zstd" && is_hit(zstd) &&
           decoded(Coding::zstd, zstd.body) == tight;
  }));
  ASSERT_EQ(agent.get("/other").body, text);
  EXPECT_EQ(agent.get("/other").body, text) << "only where the rule says so";
  const std::string gzip = accept(Coding::gzip);
  ASSERT_EQ(decoded(Coding::gzip, agent.get("/api/packed", gzip).body), text);
  ASSERT_TRUE(eventually([&] {
    const Message packed = agent.get("/api/packed", gzip);
    return packed.get("content-encoding") == "gzip" && packed.get("etag") == "W/\"v\"" &&
           decoded(Coding::gzip, packed.body) == tight;
  }));
  EXPECT_GE(agent.metric("homeostat_json_tightened_total"), 3);
}

TEST(JsonTightening, WhatIsNoJsonStaysAsItIs) {
  ScriptedOrigin origin;
  const std::string lines = "{\"a\": 1}\n{\"a\": 2}\n";
  origin.answer("/api/lines", 200, kept + "Content-Type: application/json\r\n", lines);
  RunningAgent agent(
      config_of(origin, "mode: off", "rules: [{match: {path: /api/*}, json: {whitespace: true}}]"));
  ASSERT_EQ(agent.get("/api/lines").body, lines);
  ASSERT_TRUE(eventually([&] {
    EXPECT_EQ(agent.get("/api/lines").body, lines);
    return agent.metric("homeostat_json_invalid_total") == 1;
  }));
  EXPECT_EQ(agent.get("/api/lines").body, lines);
  EXPECT_EQ(agent.metric("homeostat_json_invalid_total"), 1) << "and it is not tried again";
}

}  // namespace
}  // namespace homeostat::test
