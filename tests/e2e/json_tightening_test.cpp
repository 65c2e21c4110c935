// JSON tightening as a client sees it.
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>

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
      compressing(origin, "mode: on, level: 5",
                  "rules: [{match: {path: /api/*}, json: {whitespace: true, nulls: true}}]"));
  const Message first = agent.get("/api/list");
  EXPECT_EQ(first.body, tight) << "the first answer is tightened as it streams";
  EXPECT_EQ(first.get("etag"), "W/\"v\"");
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

TEST(JsonTightening, WhatPassesIsTightenedAsItStreams) {
  ScriptedOrigin origin;
  const std::string text = "{ \"a\": [1, 2],\n  \"gone\": null, \"b\": \"x y\" }\n";
  const std::string tight = "{\"a\":[1,2],\"b\":\"x y\"}";
  const std::string fields =
      "Content-Type: application/problem+json\r\nETag: \"v\"\r\nContent-MD5: x\r\n";
  origin.answer("/api/length", 200, fields, text);
  origin.on("/api/chunks", [&](OriginExchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\n" + fields + "Transfer-Encoding: chunked\r\n\r\n");
    for (const char c : text) exchange.send(std::string("1\r\n") + c + "\r\n");
    exchange.send("0\r\n\r\n");
  });
  origin.answer("/api/kept", 200, fields + "Cache-Control: no-transform\r\n", text);
  origin.answer("/api/text", 200, type, text);
  RunningAgent agent(compressing(
      origin, "mode: off",
      "rules: [{match: {path: /api/*}, bypass: true, json: {whitespace: true, nulls: true}}]"));
  for (const char* path : {"/api/length", "/api/chunks"}) {
    const Message answer = agent.get(path);
    EXPECT_EQ(answer.body, tight) << path;
    EXPECT_EQ(answer.get("etag"), "W/\"v\"");
    EXPECT_FALSE(answer.has("content-md5")) << "it was of other bytes";
    EXPECT_FALSE(answer.has("content-encoding"));
  }
  HttpClient client(agent.port());
  ASSERT_TRUE(client.send(request_text("HEAD", "/api/length")));
  const Message head = client.read(true);
  EXPECT_EQ(head.get("etag"), "W/\"v\"");
  EXPECT_FALSE(head.has("content-length"));
  EXPECT_EQ(client.get("/api/length").body, tight) << "the connection goes on";
  EXPECT_EQ(agent.get("/api/kept").body, text);
  EXPECT_EQ(agent.get("/api/text").body, text);
  EXPECT_EQ(agent.metric("homeostat_json_tightened_total"), 3);
  EXPECT_EQ(agent.metric("homeostat_compression_saved_bytes_total{coding=\"identity\"}"),
            3.0 * static_cast<double>(text.size() - tight.size()));
}

TEST(JsonTightening, OfAPassingResponseComesBeforeItsCompression) {
  ScriptedOrigin origin;
  std::string text = "[ ";
  for (int i = 0; i < 3000; ++i) text += "\"item\", ";
  text += "1 ]";
  std::string tight;
  std::copy_if(text.begin(), text.end(), std::back_inserter(tight),
               [](char c) { return c != ' '; });
  origin.answer("/api/list", 200, "Content-Type: application/json\r\n", text);
  RunningAgent agent(
      compressing(origin, "mode: on, level: 5",
                  "rules: [{match: {path: /api/*}, bypass: true, json: {whitespace: true}}]"));
  const Message answer = agent.get("/api/list", accept(Coding::zstd));
  EXPECT_EQ(answer.get("content-encoding"), "zstd");
  EXPECT_EQ(decoded(Coding::zstd, answer.body), tight);
}

TEST(JsonTightening, WhatIsNoJsonStaysAsItIs) {
  ScriptedOrigin origin;
  const std::string lines = "{\"a\":1}\n{\"a\": 2}\n";
  origin.answer("/api/lines", 200, kept + "Content-Type: application/json\r\n", lines);
  RunningAgent agent(compressing(origin, "mode: off",
                                 "rules: [{match: {path: /api/*}, json: {whitespace: true}}]"));
  ASSERT_EQ(agent.get("/api/lines").body, lines);
  ASSERT_TRUE(eventually([&] {
    EXPECT_EQ(agent.get("/api/lines").body, lines);
    // As it streamed, and what is stored.
    return agent.metric("homeostat_json_invalid_total") == 2;
  }));
  EXPECT_EQ(agent.get("/api/lines").body, lines);
  EXPECT_EQ(agent.metric("homeostat_json_invalid_total"), 2) << "and it is not tried again";
}

}  // namespace
}  // namespace homeostat::test
