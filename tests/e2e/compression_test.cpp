// Compression as a client sees it: codings, tags, Vary, secrets, streams, decoded
// forms. Levels are fixed where the machine's load must not matter.
#include <gtest/gtest.h>

#include "tests/e2e/compression_support.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

class EachCoding : public ::testing::TestWithParam<Coding> {
 protected:
  std::string name_{rules::coding_name(GetParam())};
  std::string accept_ = accept(GetParam());
  ScriptedOrigin origin_;
};
INSTANTIATE_TEST_SUITE_P(Compression, EachCoding, ::testing::ValuesIn(rules::encoded_codings),
                         [](const auto& each) {
                           return std::string(rules::coding_name(each.param));
                         });

TEST_P(EachCoding, PassingAndStoredResponsesAreCompressedForThoseWhoAccept) {
  const std::string text = text_of(20000);
  origin_.answer("/kept", 200, kept + type + "ETag: \"v\"\r\nRepr-Digest: sha-256=:x:\r\n", text);
  origin_.answer("/passed", 200, type + "ETag: \"p\"\r\nAccept-Ranges: bytes\r\n", text);
  RunningAgent agent(compressing(origin_, "mode: on, level: 5"));

  const Message passed = agent.get("/passed", accept_);
  EXPECT_EQ(passed.get("content-encoding"), name_);
  EXPECT_EQ(passed.get("etag"), "W/\"p\"");
  EXPECT_EQ(passed.get("vary"), "Accept-Encoding");
  EXPECT_FALSE(passed.has("accept-ranges"));
  EXPECT_TRUE(passed.complete);
  EXPECT_LT(passed.body_bytes, text.size() / 2);
  EXPECT_EQ(decoded(GetParam(), passed.body), text);

  ASSERT_EQ(agent.get("/kept").body, text);
  Message hit;
  ASSERT_TRUE(eventually([&] {
    hit = agent.get("/kept", accept_);
    return hit.get("content-encoding") == name_ && is_hit(hit);
  }));
  EXPECT_EQ(hit.get("etag"), "W/\"v\"");
  EXPECT_EQ(hit.get("vary"), "Accept-Encoding");
  EXPECT_EQ(hit.get("content-length"), std::to_string(hit.body.size()));
  EXPECT_FALSE(hit.has("repr-digest"));
  EXPECT_EQ(decoded(GetParam(), hit.body), text);
  EXPECT_EQ(origin_.requests("/kept"), 1U);
  const std::string label = "{coding=\"" + name_ + "\"}";
  EXPECT_GE(agent.metric("homeostat_compression_streams_total" + label), 1);
  EXPECT_EQ(agent.metric("homeostat_compression_variants_built_total" + label), 1);
  EXPECT_GE(agent.metric("homeostat_compression_variants_sent_total" + label), 1);
  EXPECT_GE(agent.metric("homeostat_compression_saved_bytes_total" + label), 20000);
}

TEST_P(EachCoding, HeadAndNotModifiedCarryTheFieldsOfGet) {
  const std::string text = text_of(20000);
  origin_.answer("/kept", 200, kept + type + "ETag: \"v\"\r\n", text);
  origin_.on("/passed", [&](OriginExchange& exchange) {
    const std::string fields = type + "ETag: \"p\"\r\n";
    if (contains(exchange.request.get("if-none-match"), "\"p\"")) {
      exchange.respond(304, fields, "");
    } else if (exchange.request.method() == "HEAD") {
      exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n" + fields + "\r\n");
    } else {
      exchange.respond(200, fields, text);
    }
  });
  RunningAgent agent(compressing(origin_, "mode: on, level: 5",
                                 "rules: [{match: {path: /passed}, bypass: true}]"));
  ASSERT_EQ(agent.get("/kept").body, text);
  ASSERT_TRUE(
      eventually([&] { return agent.get("/kept", accept_).get("content-encoding") == name_; }));
  HttpClient client(agent.port());
  for (const char* path : {"/kept", "/passed"}) {
    const Message whole = client.get(path, accept_);
    EXPECT_EQ(whole.get("content-encoding"), name_) << path;
    ASSERT_TRUE(client.send(request_text("HEAD", path, accept_)));
    const Message head = client.read(true);
    for (const char* field : {"content-encoding", "etag", "vary"}) {
      EXPECT_EQ(head.get(field), whole.get(field)) << path << " " << field;
    }
    EXPECT_NE(head.get("content-length"), "20000") << "that is not the length of this form";
    const Message same = client.get(path, accept_ + "If-None-Match: " + whole.get("etag") + "\r\n");
    EXPECT_EQ(same.status(), 304) << path;
    for (const char* field : {"etag", "vary"}) {
      EXPECT_EQ(same.get(field), whole.get(field)) << path << " " << field;
    }
  }
}

TEST_P(EachCoding, NothingOfASlowStreamIsHeldBack) {
  Signal second;
  origin_.on("/events", [&](OriginExchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + type + "\r\n");
    exchange.send("9\r\ndata: 1\n\n\r\n");
    second.wait();
    exchange.send("9\r\ndata: 2\n\n\r\n0\r\n\r\n");
  });
  RunningAgent agent(compressing(origin_, "mode: on, level: 9, min_size: 0"));
  HttpClient client(agent.port());
  ASSERT_TRUE(client.send(request_text("GET", "/events", accept_)));
  const auto head = client.reader.read_head();
  ASSERT_TRUE(head.has_value());
  EXPECT_EQ(head->get("content-encoding"), name_);
  // A part of a stream cannot be decoded as a whole body; that the bytes of the
  // first event came while the origin still waits is the point.
  const std::string first = client.reader.read_chunk();
  EXPECT_FALSE(first.empty());
  second.set();
  std::string all = first;
  for (std::string chunk = client.reader.read_chunk(); !chunk.empty();
       chunk = client.reader.read_chunk()) {
    all += chunk;
  }
  EXPECT_EQ(decoded(GetParam(), all), "data: 1\n\ndata: 2\n\n");
}

TEST_P(EachCoding, AStoredCodingTheClientRefusesIsDecoded) {
  const std::string text = text_of(20000);
  const std::string body = encoded(GetParam(), text);
  origin_.answer("/page", 200, kept + type + "ETag: \"v\"\r\nContent-Encoding: " + name_ + "\r\n",
                 body);
  RunningAgent agent(compressing(origin_, "mode: off"));
  ASSERT_EQ(agent.get("/page", accept_).body, body);
  ASSERT_EQ(agent.get("/page").body, body) << "who names no coding accepts any";
  EXPECT_EQ(origin_.requests("/page"), 1U);
  Message hit;
  ASSERT_TRUE(eventually([&] {
    hit = agent.get("/page", "Accept-Encoding: identity\r\n");
    return is_hit(hit);
  }));
  EXPECT_EQ(hit.body, text);
  EXPECT_FALSE(hit.has("content-encoding"));
  EXPECT_EQ(hit.get("etag"), "W/\"v\"");
  EXPECT_EQ(hit.get("vary"), "Accept-Encoding");
  const Message as_stored = agent.get("/page", accept_);
  EXPECT_EQ(as_stored.body, body);
  EXPECT_EQ(as_stored.get("vary"), "Accept-Encoding") << "there are two forms now";
  EXPECT_EQ(agent.metric("homeostat_decoding_total{result=\"ok\"}"), 1);
}

TEST_P(EachCoding, ABombIsNeverDecodedAndTheOriginAnswersInstead) {
  const std::string bomb = encoded(GetParam(), std::string(8 * 1024 * 1024, '\0'));
  origin_.answer("/page", 200, kept + type + "Content-Encoding: " + name_ + "\r\n", bomb);
  RunningAgent agent(compressing(origin_, "mode: off, max_size: 1MiB"));
  ASSERT_EQ(agent.get("/page", accept_).body, bomb);
  const auto given_up = [&] {
    double total = 0;
    for (const char* result : {"ratio", "too-large", "timeout"}) {  // which one is met first
      total += agent.metric("homeostat_decoding_total{result=\"" + std::string(result) + "\"}");
    }
    return total;
  };
  ASSERT_TRUE(eventually([&] {
    const Message answer = agent.get("/page", "Accept-Encoding: identity\r\n");
    EXPECT_TRUE(contains(answer.get("cache-status"), "detail=content-coding"));
    return given_up() == 1;
  }));
  const Message answer = agent.get("/page", "Accept-Encoding: identity\r\n");
  EXPECT_EQ(answer.body, bomb) << "what the origin sends passes untouched";
  EXPECT_EQ(agent.metric("homeostat_cache_hits_total"), 0) << "found, but no answer";
  EXPECT_TRUE(is_hit(agent.get("/page", accept_)));
  EXPECT_EQ(agent.metric("homeostat_cache_hits_total"), 1);
  EXPECT_EQ(given_up(), 1) << "and it is not tried again";
}

TEST(Compression, ChoosesByQualityThenByTheOperatorsOrder) {
  ScriptedOrigin origin;
  origin.answer("/page", 200, type, text_of(20000));
  RunningAgent agent(compressing(origin, "mode: on, level: 5, algorithms: [br, zstd]"));
  const auto coding_for = [&](const std::string& wishes) {
    return agent.get("/page", "Accept-Encoding: " + wishes + "\r\n").get("content-encoding");
  };
  EXPECT_EQ(coding_for("gzip, zstd, br"), "br");
  EXPECT_EQ(coding_for("gzip, zstd, br;q=0.9"), "zstd");
  EXPECT_EQ(coding_for("*"), "br");
  EXPECT_EQ(coding_for("*, br;q=0"), "zstd");
  EXPECT_EQ(coding_for("gzip"), "") << "not among the operator's algorithms";
  EXPECT_EQ(coding_for("identity, br;q=0.5"), "");
  EXPECT_EQ(coding_for("identity;q=0"), "") << "nothing else to send";
  EXPECT_EQ(agent.get("/page").get("vary"), "Accept-Encoding") << "identity varies, too";
}

TEST(Compression, TheIdentityAnswerVariesWhereverItCouldHaveBeenEncoded) {
  ScriptedOrigin origin;
  origin.answer("/kept", 200, kept + type + "ETag: \"v\"\r\n", text_of(20000));
  origin.answer("/other", 200, kept + type + "Vary: Accept-Encoding, X-A\r\n", text_of(20000));
  origin.answer("/image", 200, kept + "Content-Type: image/png\r\n", text_of(20000));
  RunningAgent agent(compressing(origin, "mode: on, level: 5"));
  for (int round = 0; round < 2; ++round) {  // a fill, then a hit
    EXPECT_EQ(agent.get("/kept").get("vary"), "Accept-Encoding");
    EXPECT_EQ(agent.get("/other").get("vary"), "Accept-Encoding, X-A");
    EXPECT_FALSE(agent.get("/image").has("vary"));
  }
  const Message same = agent.get("/kept", "If-None-Match: \"v\"\r\n");
  EXPECT_EQ(same.status(), 304);
  EXPECT_EQ(same.get("vary"), "Accept-Encoding");
}

TEST(Compression, SecretsSmallAndEncodedBodiesStayAsTheyAre) {
  ScriptedOrigin origin;
  const std::string text = text_of(20000);
  origin.answer("/cookie", 200, type + "Set-Cookie: a=b\r\n", text);
  origin.answer("/private", 200, type + "Cache-Control: private\r\n", text);
  origin.answer("/varies", 200, type + "Vary: Cookie\r\n", text);
  origin.answer("/small", 200, type, "small");
  origin.answer("/encoded", 200, type + "Content-Encoding: dcb\r\n", text);
  origin.answer("/image", 200, "Content-Type: image/png\r\n", text);
  origin.answer("/fixed", 200, type + "Cache-Control: no-transform\r\n", text);
  origin.answer("/plain", 200, type, text);
  origin.answer("/public", 200, type + "Cache-Control: public\r\n", text);
  RunningAgent agent(compressing(origin, "mode: on, level: 5, secret_paths: [/priv*]"));
  const std::string gzip = accept(Coding::gzip);
  for (const char* path : {"/cookie", "/varies", "/small", "/encoded", "/image", "/fixed"}) {
    EXPECT_NE(agent.get(path, gzip).get("content-encoding"), "gzip") << path;
  }
  for (const char* credentials : {"Cookie: sid=1\r\n", "Authorization: Basic eDp5\r\n"}) {
    EXPECT_FALSE(agent.get("/plain", gzip + credentials).has("content-encoding")) << credentials;
    EXPECT_EQ(agent.get("/public", gzip + credentials).get("content-encoding"), "gzip");
  }
  EXPECT_EQ(agent.get("/plain", gzip).get("content-encoding"), "gzip");
  EXPECT_EQ(agent.get("/private", gzip).get("content-encoding"), "gzip")
      << "by the operator's word";
}

TEST(Compression, WhatIsStoredForOneUserIsNotCompressed) {
  ScriptedOrigin origin;
  origin.answer("/mine", 200, kept + type, text_of(20000));
  RunningAgent agent(compressing(origin, "mode: on, level: 5",
                                 "rules: [{match: {path: /mine}, authenticated: true}]"));
  const std::string fields = accept(Coding::gzip) + "Authorization: Basic eDp5\r\n";
  ASSERT_FALSE(agent.get("/mine", fields).has("content-encoding"));
  const Message hit = agent.get("/mine", fields);
  EXPECT_TRUE(is_hit(hit)) << hit.get("cache-status");
  EXPECT_FALSE(hit.has("content-encoding"));
  EXPECT_EQ(agent.metric("homeostat_compression_variants_built_total{coding=\"gzip\"}"), 0);
}

TEST(Compression, WhatIsStoredForWhoeverHasThatCookieIsNotCompressed) {
  ScriptedOrigin origin;
  origin.answer("/mine", 200, kept + type + "Vary: Cookie\r\n", text_of(20000));
  RunningAgent agent(compressing(origin, "mode: on, level: 5"));
  const std::string fields = accept(Coding::gzip) + "Cookie: sid=1\r\n";
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(agent.get("/mine", fields).has("content-encoding")) << i;
  }
  EXPECT_TRUE(is_hit(agent.get("/mine", fields)));
  EXPECT_EQ(agent.metric("homeostat_compression_variants_built_total{coding=\"gzip\"}"), 0);
}

TEST(Compression, WhatARuleKeepsApartByCookieIsNotCompressedAndSaysSo) {
  ScriptedOrigin origin;
  origin.answer("/mine", 200, kept + type, text_of(20000));
  RunningAgent agent(
      compressing(origin, "mode: on, level: 5", "rules: [{match: {path: /mine}, vary: [Cookie]}]"));
  const std::string fields = accept(Coding::gzip) + "Cookie: sid=1\r\n";
  for (int i = 0; i < 3; ++i) {
    const Message answer = agent.get("/mine", fields);
    EXPECT_FALSE(answer.has("content-encoding")) << i;
    EXPECT_EQ(answer.get("vary"), "Cookie") << i;
  }
}

TEST(Compression, StopsWhenTheStreamsMemoryIsUsedUp) {
  ScriptedOrigin origin;
  const std::string text = text_of(20000);
  origin.answer("/page", 200, type, text);
  // One megabyte is less than a brotli encoder may hold.
  RunningAgent agent(compressing(origin, "mode: on, level: 5, stream_memory: 1MiB"));
  const Message answer = agent.get("/page", accept(Coding::brotli));
  EXPECT_FALSE(answer.has("content-encoding"));
  EXPECT_EQ(answer.body, text);
  EXPECT_EQ(answer.get("vary"), "Accept-Encoding");
  EXPECT_EQ(agent.get("/page", accept(Coding::gzip)).get("content-encoding"), "gzip");
  EXPECT_EQ(agent.metric("homeostat_compression_refused_total{reason=\"stream-memory\"}"), 1);
}

TEST(Compression, AnUnsafeRequestReachesTheOriginWithTheStrongFormOfTheTag) {
  ScriptedOrigin origin;
  RunningAgent agent(compressing(origin, "mode: on, level: 5"));
  HttpClient client(agent.port());
  EXPECT_EQ(client.request("PUT", "/item", "If-Match: W/\"v1\"\r\n", "new").status(), 200);
  EXPECT_EQ(origin.last_request("/item").get("if-match"), "W/\"v1\", \"v1\"");
}

TEST(Compression, VariantsSurviveARevalidation) {
  ScriptedOrigin origin;
  const std::string text = text_of(20000);
  origin.on("/page", [&](OriginExchange& exchange) {
    const std::string fields = kept + "ETag: \"v\"\r\n" + type;
    const bool same = exchange.request.get("if-none-match") == "\"v\"";
    exchange.respond(same ? 304 : 200, fields, same ? "" : text);
  });
  RunningAgent agent(compressing(origin, "mode: on, level: 5"));
  const std::string zstd = accept(Coding::zstd);
  ASSERT_TRUE(eventually([&] {
    const Message hit = agent.get("/page", zstd);
    return is_hit(hit) && hit.get("content-encoding") == "zstd";
  }));
  const std::string built = "homeostat_compression_variants_built_total{coding=\"zstd\"}";
  const double variants = agent.metric(built);
  const std::size_t before = origin.requests("/page");
  for (int i = 0; i < 2; ++i) {
    const Message validated = agent.get("/page", zstd + "Cache-Control: no-cache\r\n");
    EXPECT_EQ(validated.get("content-encoding"), "zstd") << "whoever revalidates gets it, too";
    const Message hit = agent.get("/page", zstd);
    EXPECT_TRUE(is_hit(hit)) << hit.head;
    EXPECT_EQ(hit.get("content-encoding"), "zstd");
    EXPECT_EQ(decoded(Coding::zstd, hit.body), text);
  }
  EXPECT_EQ(origin.requests("/page"), before + 2);
  EXPECT_EQ(agent.metric(built), variants);
}

TEST(RefusedCoding, OnlyIfCachedDoesNotGoUpstream) {
  ScriptedOrigin origin;
  const std::string text = text_of(20000);
  // no-transform: it will never be decoded here.
  origin.answer("/page", 200,
                "Cache-Control: max-age=60, no-transform\r\nContent-Encoding: gzip\r\n" + type,
                encoded(Coding::gzip, text));
  RunningAgent agent(compressing(origin, "mode: on, level: 5"));
  ASSERT_EQ(agent.get("/page", accept(Coding::gzip)).status(), 200);
  const Message refused =
      agent.get("/page", accept(Coding::brotli) + "Cache-Control: only-if-cached\r\n");
  EXPECT_EQ(refused.status(), 504);
  EXPECT_TRUE(contains(refused.get("cache-status"), "detail=only-if-cached"));
  EXPECT_EQ(origin.requests("/page"), 1U);
  EXPECT_EQ(agent.get("/page", accept(Coding::gzip) + "Cache-Control: only-if-cached\r\n").status(),
            200);
}

TEST(RefusedCoding, OfTheLeaderSendsAFollowerToTheOrigin) {
  ScriptedOrigin origin;
  const std::string text = text_of(20000);
  Signal go_on;
  std::atomic<bool> first{true};
  // It chooses the coding by Accept-Encoding and does not say so.
  origin.on("/page", [&](OriginExchange& exchange) {
    if (first.exchange(false)) go_on.wait();
    const bool gzip = contains(exchange.request.get("accept-encoding"), "gzip");
    exchange.respond(200, kept + type + (gzip ? "Content-Encoding: gzip\r\n" : ""),
                     gzip ? encoded(Coding::gzip, text) : text);
  });
  RunningAgent agent(compressing(origin, "mode: off"));
  HttpClient leader(agent.port()), follower(agent.port());
  ASSERT_TRUE(leader.send(request_text("GET", "/page", accept(Coding::gzip))));
  ASSERT_TRUE(origin.wait_for_requests("/page", 1));
  ASSERT_TRUE(follower.send(request_text("GET", "/page", "Accept-Encoding: identity\r\n")));
  ASSERT_TRUE(eventually([&] { return agent.metric("homeostat_cache_collapsed_total") == 1; }));
  go_on.set();
  EXPECT_EQ(leader.read().get("content-encoding"), "gzip");
  const Message plain = follower.read();
  EXPECT_FALSE(plain.has("content-encoding"));
  EXPECT_EQ(plain.body, text);
  EXPECT_TRUE(contains(plain.get("cache-status"), "detail=content-coding"));
}

TEST(AdaptiveLevel, CompressesNothingWhileTheCpuIsShort) {
  ScriptedOrigin origin;
  origin.answer("/page", 200, type, text_of(20000));
  origin.answer("/kept", 200, kept + type, text_of(20000));
  RunningAgent agent(compressing(origin, "mode: on, level: adaptive"));
  ASSERT_LT(
      agent.admin("POST", "/api/v1/test/performance?metric=cpu&value=99&for=5m", "{}").status(),
      300);
  ASSERT_TRUE(eventually([&] { return agent.metric("homeostat_compression_headroom") == 0; }));
  const std::string any = "Accept-Encoding: gzip, br, zstd\r\n";
  for (const char* path : {"/page", "/kept", "/kept", "/kept"}) {
    const Message answer = agent.get(path, any);
    EXPECT_FALSE(answer.has("content-encoding")) << path;
    EXPECT_EQ(answer.get("vary"), "Accept-Encoding");
  }
}

TEST(AdaptiveLevel, CompressesWhenThereIsHeadroom) {
  ScriptedOrigin origin;
  const std::string text = text_of(20000);
  origin.answer("/page", 200, type, text);
  origin.answer("/kept", 200, kept + type, text);
  RunningAgent agent(compressing(origin, "mode: on"));
  ASSERT_LT(
      agent.admin("POST", "/api/v1/test/performance?metric=cpu&value=5&for=5m", "{}").status(),
      300);
  ASSERT_TRUE(eventually([&] { return agent.metric("homeostat_compression_headroom") > 0; }));
  // Real load takes part in the headroom: it may be gone again for a moment.
  EXPECT_TRUE(eventually([&] {
    const Message answer = agent.get("/page", "Accept-Encoding: gzip, br, zstd\r\n");
    return answer.get("content-encoding") == "zstd";
  }));
  ASSERT_TRUE(eventually([&] {
    const Message hit = agent.get("/kept", "Accept-Encoding: gzip\r\n");
    return is_hit(hit) && hit.get("content-encoding") == "gzip" &&
           decoded(Coding::gzip, hit.body) == text;
  }));
}

}  // namespace
}  // namespace homeostat::test
