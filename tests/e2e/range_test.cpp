// Range requests as a client sees them: from stored objects, from fills under
// way, and passed through where that is better.
#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "tests/e2e/cache_support.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

constexpr const char* digits = "0123456789";

/// An origin that honours single ranges and says so.
void serve_ranges(ScriptedOrigin& origin, const std::string& path, std::string body,
                  std::string fields) {
  origin.on(path, [body = std::move(body), fields = std::move(fields)](OriginExchange& exchange) {
    const std::string range = exchange.request.get("range");
    if (range.empty()) {
      exchange.respond(200, fields, body);
      return;
    }
    const std::size_t first = std::stoul(range.substr(range.find('=') + 1));
    const std::size_t last = std::stoul(range.substr(range.find('-') + 1));
    exchange.respond(206,
                     fields + "Content-Range: bytes " + std::to_string(first) + "-" +
                         std::to_string(last) + "/" + std::to_string(body.size()) + "\r\n",
                     body.substr(first, last - first + 1));
  });
}

class StoredRange : public testing::Test {
 protected:
  ScriptedOrigin origin_;

  void SetUp() override {
    origin_.answer("/page", 200,
                   "Cache-Control: max-age=60\r\nETag: \"v1\"\r\nContent-Type: text/plain\r\n"
                   "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nX-Own: 1\r\n",
                   digits);
  }
};

TEST_F(StoredRange, OneRangeIsCutFromTheStoredBody) {
  RunningAgent agent(origin_);
  ASSERT_EQ(agent.get("/page").status(), 200);
  HttpClient client(agent.port());
  struct Case {
    const char* range;
    const char* content_range;
    const char* body;
  };
  for (const Case& test :
       {Case{"bytes=2-4", "bytes 2-4/10", "234"}, Case{"bytes=7-", "bytes 7-9/10", "789"},
        Case{"bytes=-2", "bytes 8-9/10", "89"}, Case{"bytes=0-99", "bytes 0-9/10", digits}}) {
    const Message part = client.get("/page", "Range: " + std::string(test.range) + "\r\n");
    EXPECT_EQ(part.status(), 206) << part.head;
    EXPECT_EQ(part.body, test.body);
    EXPECT_EQ(part.get("content-range"), test.content_range);
    EXPECT_EQ(part.get("content-length"), std::to_string(std::string(test.body).size()));
    EXPECT_EQ(part.get("etag"), "\"v1\"");
    EXPECT_EQ(part.get("x-own"), "1");
    EXPECT_TRUE(is_hit(part)) << part.head;
  }
  EXPECT_EQ(origin_.requests("/page"), 1U);
}

TEST_F(StoredRange, SeveralRangesMakeAMultipartBody) {
  const std::string body(2000, 'x');
  origin_.answer("/long", 200, "Cache-Control: max-age=60\r\nContent-Type: text/plain\r\n",
                 "first" + body + "last");
  RunningAgent agent(origin_);
  ASSERT_EQ(agent.get("/long").status(), 200);
  const Message parts = agent.get("/long", "Range: bytes=-4, 0-4\r\n");
  ASSERT_EQ(parts.status(), 206);
  const std::string type = parts.get("content-type");
  const std::string mark = "multipart/byteranges; boundary=";
  ASSERT_EQ(type.substr(0, mark.size()), mark);
  const std::string boundary = type.substr(mark.size());
  EXPECT_EQ(parts.body, "--" + boundary +
                            "\r\nContent-Type: text/plain\r\nContent-Range: bytes 2005-2008/2009"
                            "\r\n\r\nlast\r\n--" +
                            boundary +
                            "\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-4/2009\r\n\r\n"
                            "first\r\n--" +
                            boundary + "--\r\n");
  EXPECT_FALSE(parts.has("content-range"));
}

TEST_F(StoredRange, WhatIsNotThereIs416WithTheLength) {
  RunningAgent agent(origin_);
  ASSERT_EQ(agent.get("/page").status(), 200);
  HttpClient client(agent.port());
  const Message none = client.get("/page", "Range: bytes=10-\r\n");
  EXPECT_EQ(none.status(), 416);
  EXPECT_EQ(none.get("content-range"), "bytes */10");
  // The connection goes on.
  EXPECT_EQ(client.get("/page", "Range: bytes=9-\r\n").body, "9");
}

TEST_F(StoredRange, BrokenAbusiveAndMisplacedRangesGetTheWhole) {
  RunningAgent agent(origin_);
  ASSERT_EQ(agent.get("/page").status(), 200);
  HttpClient client(agent.port());
  std::string many = "Range: bytes=";
  for (int i = 0; i < 100; ++i) many += "0-1,";
  for (const std::string& field :
       {std::string("Range: bytes=5-2\r\n"), std::string("Range: bytes=x\r\n"), many + "0-1\r\n",
        std::string("Range: bytes=0-1\r\nRange: bytes=2-3\r\n")}) {
    const Message whole = client.get("/page", field);
    EXPECT_EQ(whole.status(), 200) << field;
    EXPECT_EQ(whole.body, digits) << field;
  }
  ASSERT_TRUE(client.send(request_text("HEAD", "/page", "Range: bytes=0-1\r\n")));
  const Message head = client.read(true);
  EXPECT_EQ(head.status(), 200);
  EXPECT_EQ(head.get("content-length"), "10");
}

TEST_F(StoredRange, IfRangeAndTheOtherConditionsDecideFirst) {
  RunningAgent agent(origin_);
  ASSERT_EQ(agent.get("/page").status(), 200);
  HttpClient client(agent.port());
  const auto status = [&](const std::string& fields) {
    return client.get("/page", "Range: bytes=0-1\r\n" + fields).status();
  };
  EXPECT_EQ(status("If-Range: \"v1\"\r\n"), 206);
  EXPECT_EQ(status("If-Range: \"v0\"\r\n"), 200);
  EXPECT_EQ(status("If-Range: W/\"v1\"\r\n"), 200);
  EXPECT_EQ(status("If-Range: Sun, 06 Nov 1994 08:49:37 GMT\r\n"), 206);
  EXPECT_EQ(status("If-Range: Sun, 06 Nov 1994 08:49:38 GMT\r\n"), 200);
  EXPECT_EQ(status("If-None-Match: \"v1\"\r\n"), 304);
  EXPECT_EQ(status("If-Match: \"v1\"\r\n"), 206);
  EXPECT_EQ(origin_.requests("/page"), 1U);
}

TEST_F(StoredRange, IsCutFromTheIdentityFormNotFromTheCompressedOne) {
  const std::string text(20000, 'a');
  origin_.answer("/text", 200,
                 "Cache-Control: max-age=60\r\nETag: \"t\"\r\nContent-Type: text/plain\r\n", text);
  AgentConfig config = config_of(origin_);
  config.compression = "mode: on, level: 5";
  RunningAgent agent(config);
  const std::string accept = "Accept-Encoding: gzip\r\n";
  ASSERT_TRUE(eventually([&] { return agent.get("/text", accept).has("content-encoding"); }));
  for (const char* condition : {"", "If-Range: \"t\"\r\n"}) {
    const Message part = agent.get("/text", accept + "Range: bytes=0-99\r\n" + condition);
    EXPECT_EQ(part.status(), 206);
    EXPECT_FALSE(part.has("content-encoding"));
    EXPECT_EQ(part.body, text.substr(0, 100));
    EXPECT_EQ(part.get("content-range"), "bytes 0-99/20000");
    EXPECT_EQ(part.get("etag"), "\"t\"");
  }
  EXPECT_EQ(agent.get("/text", accept + "Range: bytes=0-99\r\nIf-Range: W/\"t\"\r\n").status(),
            200);
}

TEST_F(StoredRange, OfALargeBodyGoesToAClientThatReadsSlowly) {
  std::string body;
  while (body.size() < 3'000'000) body += std::to_string(body.size()) + " ";
  origin_.answer("/large", 200, "Cache-Control: max-age=60\r\n", body);
  RunningAgent agent(origin_);
  ASSERT_EQ(agent.get("/large").body, body);
  HttpClient client(agent.port());
  // Pipelined: the first answer fills the socket before anything is read.
  ASSERT_TRUE(client.send(request_text("GET", "/large", "Range: bytes=7-2999999\r\n") +
                          request_text("GET", "/large", "Range: bytes=100-\r\n")));
  EXPECT_EQ(client.read().body, body.substr(7, 2'999'993));
  EXPECT_EQ(client.read().body, body.substr(100));
}

// -- misses ---------------------------------------------------------------------------------

TEST(MissedRange, FetchesASmallResponseWholeSoThatTheNextRangeIsAHit) {
  ScriptedOrigin origin;
  serve_ranges(origin, "/file", digits, "Cache-Control: max-age=60\r\nETag: \"f\"\r\n");
  RunningAgent agent(origin);
  const Message first = agent.get("/file", "Range: bytes=3-5\r\n");
  EXPECT_EQ(first.status(), 206);
  EXPECT_EQ(first.body, "345");
  EXPECT_EQ(first.get("content-range"), "bytes 3-5/10");
  EXPECT_FALSE(origin.last_request("/file").has("range"));
  EXPECT_TRUE(is_hit(agent.get("/file", "Range: bytes=0-1\r\n")));
  EXPECT_EQ(agent.get("/file").body, digits);
  EXPECT_EQ(origin.requests("/file"), 1U);
}

TEST(MissedRange, PassesThroughWhatIsTooLargeAndRemembersThat) {
  ScriptedOrigin origin;
  serve_ranges(origin, "/file", std::string(4096, 'y'), "Cache-Control: max-age=60\r\n");
  RunningAgent agent(config_of(origin, "range_fill_max: 1KiB"));
  for (int i = 0; i < 3; ++i) {
    const Message part = agent.get("/file", "Range: bytes=3-5\r\n");
    EXPECT_EQ(part.status(), 206);
    EXPECT_EQ(part.body, "yyy");
    EXPECT_NE(part.get("cache-status").find("detail=range"), std::string::npos) << part.head;
  }
  // One attempt at the whole, then only ranges.
  EXPECT_EQ(origin.requests("/file"), 4U);
  // A request for the whole is stored as ever, and answers ranges then.
  EXPECT_EQ(agent.get("/file").status(), 200);
  EXPECT_TRUE(is_hit(agent.get("/file", "Range: bytes=3-5\r\n")));
}

TEST(MissedRange, PassesThroughWhatMayNotBeStored) {
  ScriptedOrigin origin;
  serve_ranges(origin, "/file", digits, "Cache-Control: no-store\r\n");
  RunningAgent agent(origin);
  for (int i = 0; i < 2; ++i) {
    const Message part = agent.get("/file", "Range: bytes=3-5\r\n");
    EXPECT_EQ(part.status(), 206);
    EXPECT_EQ(part.body, "345");
  }
}

TEST(MissedRange, FillsOffByConfigurationMeansPassThrough) {
  ScriptedOrigin origin;
  serve_ranges(origin, "/file", digits, "Cache-Control: max-age=60\r\n");
  RunningAgent agent(config_of(origin, "range_fill_max: 0"));
  EXPECT_EQ(agent.get("/file", "Range: bytes=3-5\r\n").body, "345");
  EXPECT_EQ(origin.last_request("/file").get("range"), "bytes=3-5");
  EXPECT_EQ(origin.requests("/file"), 1U);
}

TEST(MissedRange, IsServedFromAFillThatIsStillComing) {
  ScriptedOrigin origin;
  std::promise<void> rest;
  std::shared_future<void> released = rest.get_future().share();
  origin.on("/file", [released](OriginExchange& exchange) {
    exchange.send(
        "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 10\r\n\r\n01234");
    released.wait();
    exchange.send("56789");
  });
  RunningAgent agent(origin);
  HttpClient whole(agent.port()), early(agent.port()), late(agent.port()), both(agent.port());
  ASSERT_TRUE(whole.send(request_text("GET", "/file")));
  ASSERT_TRUE(origin.wait_for_requests("/file", 1));
  // What has arrived is sent before the rest comes.
  EXPECT_EQ(early.get("/file", "Range: bytes=1-3\r\n").body, "123");
  ASSERT_TRUE(late.send(request_text("GET", "/file", "Range: bytes=4-6\r\n")));
  ASSERT_TRUE(both.send(request_text("GET", "/file", "Range: bytes=0-1, 9-9\r\n")));
  rest.set_value();
  EXPECT_EQ(whole.read().body, digits);
  const Message tail = late.read();
  EXPECT_EQ(tail.status(), 206);
  EXPECT_EQ(tail.body, "456");
  EXPECT_EQ(both.read().status(), 206);
  EXPECT_EQ(origin.requests("/file"), 1U);
}

/// A range asked for afresh of what is stored: the answer to that is the whole, which is too
/// large to fetch for a range. Its head still says whether what is stored is the same version.
class ValidatedRange : public testing::Test {
 protected:
  ScriptedOrigin origin_;
  std::atomic<bool> other_{false};

  [[nodiscard]] std::string ask_for_a_part(const char* fields) {
    origin_.on("/file", [this, fields](OriginExchange& exchange) {
      const std::string head =
          std::string("Cache-Control: max-age=60\r\n") + (other_ ? fields : "ETag: \"v1\"\r\n");
      if (exchange.request.has("range")) {
        exchange.respond(206, head + "Content-Range: bytes 3-5/10\r\n", other_ ? "def" : "345");
      } else {
        exchange.respond(200, head, other_ ? "abcdefghij" : digits);
      }
    });
    RunningAgent agent(config_of(origin_, "range_fill_max: 4B"));
    EXPECT_EQ(agent.get("/file").body, digits);
    other_ = true;
    EXPECT_EQ(agent.get("/file", "Cache-Control: no-cache\r\nRange: bytes=3-5\r\n").body, "def");
    return agent.get("/file").body;
  }
};

class RangeOfAnother : public ValidatedRange, public testing::WithParamInterface<const char*> {};

TEST_P(RangeOfAnother, VersionEndsTheStoredOne) {
  EXPECT_EQ(ask_for_a_part(GetParam()), "abcdefghij");
}

INSTANTIATE_TEST_SUITE_P(Kinds, RangeOfAnother,
                         testing::Values("ETag: \"v2\"\r\n", "Cache-Control: no-store\r\n",
                                         "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));

TEST_F(ValidatedRange, OfTheSameVersionLeavesTheStoredOne) {
  EXPECT_EQ(ask_for_a_part("ETag: \"v1\"\r\n"), digits) << "which its tag says it is";
}

// -- the origin's own 206 ------------------------------------------------------------------------

struct OddPartial {
  const char* name;
  const char* fields;
  const char* body;
};

class PartialFromOrigin : public testing::TestWithParam<OddPartial> {};

TEST_P(PartialFromOrigin, IsNeverStoredNeverTakenForTheWhole) {
  ScriptedOrigin origin;
  origin.answer(
      "/file", 206,
      "Cache-Control: public, max-age=60\r\nETag: \"p\"\r\n" + std::string(GetParam().fields),
      GetParam().body);
  RunningAgent agent(origin);
  for (int i = 0; i < 2; ++i) {
    const Message plain = agent.get("/file");
    EXPECT_EQ(plain.status(), 206) << "what the origin says is passed on";
    EXPECT_FALSE(is_hit(plain));
    const Message part = agent.get("/file", "Range: bytes=0-1\r\n");
    EXPECT_EQ(part.body, GetParam().body);
    EXPECT_FALSE(is_hit(part));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, PartialFromOrigin,
    testing::Values(OddPartial{"unasked", "Content-Range: bytes 0-3/10\r\n", "0123"},
                    OddPartial{"whole", "Content-Range: bytes 0-9/10\r\n", "0123456789"},
                    OddPartial{"lying", "Content-Range: bytes 0-99/100\r\n", "0123"},
                    OddPartial{"without_range", "", "0123"},
                    OddPartial{"multipart", "Content-Type: multipart/byteranges; boundary=b\r\n",
                               "--b\r\nContent-Range: bytes 0-0/2\r\n\r\n0\r\n--b--\r\n"}),
    [](const auto& kind) { return std::string(kind.param.name); });

TEST(StoredRanges, DigestsOfTheWholeContentAreNotSentWithAPart) {
  ScriptedOrigin origin;
  origin.answer("/page", 200,
                "Cache-Control: max-age=60\r\nETag: \"v1\"\r\nContent-Digest: sha-256=:x:\r\n"
                "Content-MD5: x\r\nRepr-Digest: sha-256=:x:\r\n",
                digits);
  RunningAgent agent(origin);
  ASSERT_TRUE(agent.get("/page").has("content-digest"));
  for (const char* range : {"bytes=2-4", "bytes=0-1,8-9"}) {
    const Message part = agent.get("/page", "Range: " + std::string(range) + "\r\n");
    ASSERT_EQ(part.status(), 206);
    EXPECT_FALSE(part.has("content-digest")) << part.head;
    EXPECT_FALSE(part.has("content-md5")) << part.head;
    EXPECT_TRUE(part.has("repr-digest")) << "it is of the whole representation";
  }
}

}  // namespace
}  // namespace homeostat::test
