// Clients that resume a transfer: parts of one form of a response never follow parts of another,
// whether the response is stored or passes.
#include <gtest/gtest.h>

#include <string>

#include "tests/e2e/compression_support.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

const std::string date = "Sun, 06 Nov 1994 08:49:37 GMT";
const std::string dated = "Last-Modified: " + date + "\r\n";
const std::string part = "Range: bytes=10-19\r\n";
const std::string part_of_date = part + "If-Range: " + date + "\r\n";
const std::string identity = "Accept-Encoding: identity\r\n";

TEST(Resumption, OfAStoredCodingTheClientRefusesBeginsAnewInTheDecodedForm) {
  ScriptedOrigin origin;
  const std::string text = text_of(20000);
  origin.answer("/page", 200, kept + type + dated + "Content-Encoding: gzip\r\n",
                encoded(Coding::gzip, text));
  RunningAgent agent(compressing(origin, "mode: off"));
  ASSERT_EQ(agent.get("/page", accept(Coding::gzip)).status(), 200);
  ASSERT_TRUE(eventually([&] { return is_hit(agent.get("/page", identity)); }));
  for (const char* range : {"10-19", "0-1,5-6,9-", "5-2"}) {
    const Message whole = agent.get("/page", identity + "Range: bytes=" + range + "\r\n");
    EXPECT_TRUE(is_hit(whole)) << range;
    EXPECT_EQ(whole.status(), 200) << range;
    EXPECT_FALSE(whole.has("content-encoding")) << range;
    EXPECT_TRUE(whole.body == text) << range;
  }
}

TEST(Resumption, ByDateOfWhatTheOriginEncodedBeginsAnew) {
  ScriptedOrigin origin;
  const std::string body = encoded(Coding::gzip, text_of(20000));
  origin.answer("/page", 200, kept + type + dated + "Content-Encoding: gzip\r\n", body);
  RunningAgent agent(compressing(origin, "mode: off"));
  const std::string gzip = accept(Coding::gzip);
  ASSERT_EQ(agent.get("/page", gzip).status(), 200);
  EXPECT_TRUE(agent.get("/page", gzip + part_of_date).body == body)
      << "somebody may have got it decoded under that date";
  EXPECT_EQ(agent.get("/page", gzip + part).body, body.substr(10, 10));
}

TEST(Resumption, ByDateOfWhatMayBeCompressedBeginsAnewWhateverThisRequestGets) {
  const std::string text = text_of(20000);
  for (const bool stored : {true, false}) {  // or still coming
    Signal go_on;
    ScriptedOrigin origin;
    origin.on("/page", [&](OriginExchange& exchange) {
      exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n" + kept + type + dated + "\r\n" +
                    text.substr(0, 10000));
      if (!stored) go_on.wait();
      exchange.send(text.substr(10000, 10000));
    });
    // No rule asks for it now: one may have a moment ago.
    RunningAgent agent(compressing(origin, "mode: adaptive"));
    if (stored) {
      ASSERT_EQ(agent.get("/page").status(), 200);
    }
    HttpClient client(agent.port());
    ASSERT_TRUE(client.send(request_text("GET", "/page", part_of_date)));
    const std::optional<Message> head = client.reader.read_head();
    go_on.set();
    ASSERT_TRUE(head.has_value());
    EXPECT_EQ(head->status(), 200) << stored;
  }
}

/// It honours ranges and the date, and lets nothing be stored.
class PassingResumption : public ::testing::Test {
 protected:
  PassingResumption() {
    origin_.on("/report", [this](OriginExchange& exchange) {
      const std::string fields = "Cache-Control: no-store\r\n" + type + dated;
      if (exchange.request.has("range")) {
        exchange.respond(206, fields + "Content-Range: bytes 10-19/20000\r\n",
                         text_.substr(10, 10));
      } else {
        exchange.respond(200, fields, text_);
      }
    });
  }

  std::string text_ = text_of(20000).substr(0, 20000);
  ScriptedOrigin origin_;
};

TEST_F(PassingResumption, ByDateBeginsAnewWhereTheFirstPartsMayHaveBeenCompressed) {
  RunningAgent agent(compressing(origin_, "mode: on, level: 5"));
  const std::string gzip = accept(Coding::gzip);
  ASSERT_EQ(agent.get("/report", gzip).get("content-encoding"), "gzip");
  const Message whole = agent.get("/report", gzip + part_of_date);
  EXPECT_EQ(whole.status(), 200);
  EXPECT_TRUE(decoded(Coding::gzip, whole.body) == text_);
  EXPECT_FALSE(origin_.last_request("/report").has("if-range"));
}

TEST_F(PassingResumption, IsTheOriginsToJudgeByTagAndWhereNothingIsCompressed) {
  RunningAgent on(compressing(origin_, "mode: on, level: 5"));
  EXPECT_EQ(on.get("/report", part + "If-Range: \"v\"\r\n").status(), 206);
  EXPECT_EQ(origin_.last_request("/report").get("if-range"), "\"v\"");
  EXPECT_EQ(on.get("/report", part).status(), 206);
  RunningAgent off(compressing(origin_, "mode: off"));
  EXPECT_EQ(off.get("/report", part_of_date).status(), 206);
  EXPECT_EQ(origin_.last_request("/report").get("if-range"), date);
}

}  // namespace
}  // namespace homeostat::test
