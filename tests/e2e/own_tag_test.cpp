// If-Match with tags this agent gave, end to end: the origin never sees one, and
// nobody's change is lost because it cannot judge them.
#include <gtest/gtest.h>

#include <atomic>

#include "tests/e2e/cache_support.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

std::string if_match(const std::string& tag) { return "If-Match: " + tag + "\r\n"; }

/// An origin that knows no tags. PUT changes what GET answers.
class OwnTag : public testing::Test {
 protected:
  ScriptedOrigin origin_;
  std::atomic<int> version_{1};
  std::atomic<int> puts_{0};
  std::string fields_ = "Cache-Control: max-age=60\r\nContent-Type: text/plain\r\n";
  int status_ = 200;
  Signal put_may_end_;

  void SetUp() override {
    origin_.on("/page", [this](OriginExchange& exchange) {
      if (exchange.request.method() == "PUT") {
        ++puts_;
        put_may_end_.wait();
        ++version_;
        exchange.respond(204, "", "");
        return;
      }
      exchange.respond(status_, fields_, "version " + std::to_string(version_));
    });
  }
  /// The tag of what is stored now.
  static std::string tag_of(const RunningAgent& agent) {
    EXPECT_EQ(agent.get("/page").status(), 200);
    const Message hit = agent.get("/page");
    EXPECT_TRUE(is_hit(hit));
    return hit.get("etag");
  }
  static void forget(const RunningAgent& agent) {
    EXPECT_EQ(agent.admin("DELETE", "/api/v1/cache/flush?level=l1").status(), 200);
  }
  static Message put(const RunningAgent& agent, const std::string& fields) {
    HttpClient client(agent.port());
    return client.request("PUT", "/page", fields, "new");
  }
};

TEST_F(OwnTag, OfWhatIsStoredDecidesWithoutTheOrigin) {
  RunningAgent agent(origin_);
  const std::string tag = tag_of(agent);
  EXPECT_TRUE(is_hit(agent.get("/page", if_match(tag))));
  EXPECT_TRUE(is_hit(agent.get("/page", if_match("\"other\", " + tag))));
  version_ = 2;
  forget(agent);
  ASSERT_NE(tag_of(agent), tag);
  const std::size_t asked = origin_.requests("/page");
  const Message failed = agent.get("/page", if_match(tag));
  EXPECT_EQ(failed.status(), 412);
  EXPECT_TRUE(is_hit(failed)) << failed.head;
  EXPECT_TRUE(contains(failed.get("cache-status"), "detail=precondition"));
  EXPECT_EQ(origin_.requests("/page"), asked);
}

TEST_F(OwnTag, IsComparedWithWhatTheOriginSendsWhereNothingIsStored) {
  RunningAgent agent(origin_);
  const std::string tag = tag_of(agent);
  forget(agent);
  const Message same =
      agent.get("/page", if_match(tag) + "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n");
  EXPECT_EQ(same.status(), 200);
  EXPECT_EQ(same.body, "version 1");
  EXPECT_EQ(same.get("etag"), tag);
  EXPECT_EQ(origin_.last_request("/page").get("if-match"), "");
  EXPECT_EQ(origin_.last_request("/page").get("if-unmodified-since"), "");
  EXPECT_TRUE(is_hit(agent.get("/page"))) << "and the fetch was not for one only";
  forget(agent);
  version_ = 2;
  EXPECT_EQ(agent.get("/page", if_match(tag)).status(), 412);
  EXPECT_EQ(agent.get("/page").body, "version 2");
}

TEST_F(OwnTag, HoldsForRangesOfWhatIsFetched) {
  RunningAgent agent(origin_);
  const std::string tag = tag_of(agent);
  forget(agent);
  const Message part = agent.get("/page", if_match(tag) + "Range: bytes=8-\r\n");
  EXPECT_EQ(part.status(), 206);
  EXPECT_EQ(part.body, "1");
  version_ = 2;
  forget(agent);
  EXPECT_EQ(agent.get("/page", if_match(tag) + "Range: bytes=8-\r\n").status(), 412);
}

TEST_F(OwnTag, FailsForWhatGetsNone) {
  RunningAgent agent(origin_);
  const std::string tag = tag_of(agent);
  forget(agent);
  fields_ = "Cache-Control: no-store\r\n";
  for (int i = 0; i < 2; ++i) {  // the second time it is known as uncacheable
    EXPECT_EQ(agent.get("/page", if_match(tag)).status(), 412);
    EXPECT_EQ(origin_.last_request("/page").get("if-match"), "");
  }
  HttpClient client(agent.port());
  ASSERT_TRUE(client.send(request_text("HEAD", "/page", if_match(tag))));
  EXPECT_EQ(client.read(true).status(), 412);
  EXPECT_EQ(client.get("/page").status(), 200) << "the connection goes on";
  status_ = 404;
  EXPECT_EQ(agent.get("/page", if_match(tag)).status(), 404) << "RFC 9110 section 13.2.1";
}

TEST_F(OwnTag, LetsOneOfTwoClientsChangeTheResource) {
  RunningAgent agent(origin_);
  const std::string tag = tag_of(agent);
  HttpClient first(agent.port());
  ASSERT_TRUE(first.send(request_text(
      "PUT", "/page",
      if_match("W/" + tag) + "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n", "mine")));
  ASSERT_TRUE(eventually([&] { return puts_ == 1; }));
  const Message second = put(agent, if_match(tag));
  EXPECT_EQ(second.status(), 412);
  EXPECT_TRUE(contains(second.get("cache-status"), "detail=precondition"));
  put_may_end_.set();
  EXPECT_EQ(first.read().status(), 204);
  EXPECT_EQ(puts_, 1);
  EXPECT_EQ(origin_.last_request("/page").get("if-match"), "");
  EXPECT_EQ(origin_.last_request("/page").get("if-unmodified-since"), "");
  EXPECT_EQ(put(agent, if_match(tag)).status(), 412) << "what it names is no more";
  const std::string newer = tag_of(agent);
  EXPECT_NE(newer, tag);
  EXPECT_EQ(put(agent, if_match(newer)).status(), 204);
}

TEST_F(OwnTag, ThatIsNotKnownAnyMoreChangesNothing) {
  put_may_end_.set();
  RunningAgent agent(origin_);
  const std::string tag = tag_of(agent);
  forget(agent);
  EXPECT_EQ(put(agent, if_match(tag)).status(), 412);
  EXPECT_EQ(puts_, 0);
}

TEST_F(OwnTag, AmongOthersLeavesTheRestToTheOrigin) {
  put_may_end_.set();
  RunningAgent agent(origin_);
  const std::string tag = tag_of(agent);
  forget(agent);
  const std::string both = tag + ", \"v1\"";
  EXPECT_EQ(put(agent, if_match(both)).status(), 204);
  EXPECT_EQ(origin_.last_request("/page").get("if-match"), both);
  EXPECT_EQ(agent.get("/page", if_match(both)).status(), 200);
  EXPECT_EQ(origin_.last_request("/page").get("if-match"), both);
}

}  // namespace
}  // namespace homeostat::test
