// What a HEAD brings up to date lives as long as what a GET does.
#include <gtest/gtest.h>

#include <atomic>

#include "tests/unit/runtime/proxy/data_plane.hpp"

namespace homeostat::proxy {
namespace {

using namespace std::chrono_literals;
using test::Message;
using test::OriginExchange;

/// An endpoint whose prices change between any two fetches, under a rule that keeps them longer.
class HeadRefresh : public testing::Test {
 protected:
  HeadRefresh() {
    origin_.on("/price", [this](OriginExchange& exchange) {
      if (exchange.request.method() != "HEAD") ++version_;
      const std::string version = std::to_string(version_);
      exchange.respond(200, "ETag: \"" + version + "\"\r\n", "price " + version);
    });
  }

  [[nodiscard]] config::Settings settings(std::chrono::seconds stale_while_revalidate) const {
    config::Settings settings = settings_before(origin_);
    settings.cache.refresh.ahead = config::LoopMode::off;
    settings.cache.ttl_jitter = 0;
    config::CacheRule rule;
    rule.match.path = "/price";
    rule.ttl = 100s;
    rule.stale_while_revalidate = stale_while_revalidate;
    settings.cache.rules = {rule};
    return settings;
  }

  /// Fetched again often enough: from here on GET's lifetimes are cut.
  void learn(const DataPlane& agent) {
    for (int i = 0; i < 20; ++i) {
      clock_.advance(101s);
      fetched_again(agent, "GET");
    }
  }
  void fetched_again(const DataPlane& agent, const char* method) {
    EXPECT_TRUE(test::eventually([&] { return ttl(agent.send(method, "/price")) > 0; }));
  }
  [[nodiscard]] static int ttl(const Message& response) {
    const std::string status = response.get("cache-status");
    const std::size_t at = status.find("ttl=");
    return at == std::string::npos ? -1000 : std::stoi(status.substr(at + 4));
  }

  ManualClock clock_;
  std::atomic<int> version_{0};
  test::ScriptedOrigin origin_;
};

TEST_F(HeadRefresh, InTheBackgroundKeepsNoLongerThanItsContentAllows) {
  DataPlane agent(settings(10min), clock_);
  learn(agent);
  ASSERT_LE(ttl(agent.send("GET", "/price")), 60) << "GET's is cut";
  clock_.advance(101s);
  EXPECT_LT(ttl(agent.send("HEAD", "/price")), 0);
  fetched_again(agent, "HEAD");
  EXPECT_LE(ttl(agent.send("HEAD", "/price")), 60);
}

TEST_F(HeadRefresh, ByItsOwnAnswerKeepsNoLongerThanItsContentAllows) {
  DataPlane agent(settings(0s), clock_);
  learn(agent);
  ASSERT_LE(ttl(agent.send("GET", "/price")), 60) << "GET's is cut";
  clock_.advance(101s);
  EXPECT_EQ(agent.send("HEAD", "/price").status(), 200);
  const int after = ttl(agent.send("GET", "/price"));
  EXPECT_GT(after, 0) << "HEAD said that it is the same still";
  EXPECT_LE(after, 60);
}

}  // namespace
}  // namespace homeostat::proxy
