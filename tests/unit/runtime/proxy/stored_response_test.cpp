// What an answer of the application means for what is stored already, and for the others
// who want it.
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>

#include "tests/support/redis_server.hpp"
#include "tests/unit/runtime/proxy/data_plane.hpp"

namespace homeostat::proxy {
namespace {

using namespace std::chrono_literals;
using test::Message;
using test::OriginExchange;

constexpr const char* lasting = "Cache-Control: max-age=600\r\n";
constexpr const char* anew = "Cache-Control: no-cache\r\n";

bool says(const Message& response, const char* what) {
  return response.get("cache-status").find(what) != std::string::npos;
}
bool is_hit(const Message& response) { return says(response, "; hit"); }

/// An application with one page, which takes offence at X-Odd: the status to answer with.
class StoredResponseTest : public testing::Test {
 protected:
  struct Page {
    std::string fields = lasting;
    std::string body = "page";
  };

  StoredResponseTest() {
    origin_.on("/page", [this](OriginExchange& exchange) { serve(exchange); });
  }

  void serve(OriginExchange& exchange) {
    if (const std::string odd = exchange.request.get("x-odd"); !odd.empty()) {
      std::string fields = exchange.request.get("x-fresh").empty() ? "" : lasting;
      if (const std::string to = exchange.request.get("x-location"); !to.empty()) {
        fields += "Location: " + to + "\r\n";
      }
      exchange.respond(std::stoi(odd), fields, "odd " + odd);
      return;
    }
    const std::lock_guard lock(mutex_);
    exchange.respond(200, page_.fields, page_.body);
  }
  void publish(std::string fields, std::string body) {
    const std::lock_guard lock(mutex_);
    page_ = {std::move(fields), std::move(body)};
  }

  std::mutex mutex_;
  Page page_;  // guarded by mutex_
  test::ScriptedOrigin origin_;
};

TEST_F(StoredResponseTest, IsNotReplacedByAnAnswerAboutAnOddRequest) {
  DataPlane agent(settings_before(origin_));
  EXPECT_EQ(agent.send("GET", "/page").body, "page");
  for (const char* status : {"400", "405", "406", "413", "422", "401", "403"}) {
    for (const char* fresh : {"", "X-Fresh: 1\r\n"}) {
      const std::string fields = std::string(anew) + "X-Odd: " + status + "\r\n" + fresh;
      EXPECT_EQ(agent.send("GET", "/page", fields).body, std::string("odd ") + status);
      const Message next = agent.send("GET", "/page");
      EXPECT_TRUE(is_hit(next)) << status << ' ' << fresh << next.head;
      EXPECT_EQ(next.body, "page") << status << ' ' << fresh;
    }
  }
}

TEST_F(StoredResponseTest, OutlivesARedirectToItself) {
  DataPlane agent(settings_before(origin_));
  for (const char* location : {"/page", "/p%61ge", "http://test/page?"}) {
    EXPECT_EQ(agent.send("GET", "/page").body, "page");
    const std::string fields = std::string(anew) + "X-Odd: 302\r\nX-Location: " + location + "\r\n";
    EXPECT_EQ(agent.send("GET", "/page?", fields).status(), 302) << location;
    EXPECT_TRUE(is_hit(agent.send("GET", "/page"))) << location;
  }
  const std::string away = std::string(anew) + "X-Odd: 302\r\nX-Location: /moved\r\n";
  EXPECT_EQ(agent.send("GET", "/page", away).status(), 302);
  EXPECT_FALSE(is_hit(agent.send("GET", "/page"))) << "that says what became of it";
}

TEST_F(StoredResponseTest, EndsWithAnAnswerAboutTheResource) {
  DataPlane agent(settings_before(origin_));
  for (const char* status : {"404", "410"}) {
    EXPECT_EQ(agent.send("GET", "/page", anew).body, "page");
    const std::string fields = std::string(anew) + "X-Fresh: 1\r\nX-Odd: " + status + "\r\n";
    EXPECT_EQ(agent.send("GET", "/page", fields).body, std::string("odd ") + status);
    EXPECT_EQ(agent.send("GET", "/page").body, std::string("odd ") + status);
  }
}

TEST_F(StoredResponseTest, ThatIsAnErrorIsReplacedByTheSameError) {
  DataPlane agent(settings_before(origin_));
  origin_.answer("/gone", 410, lasting, "first");
  EXPECT_EQ(agent.send("GET", "/gone").body, "first");
  EXPECT_TRUE(is_hit(agent.send("GET", "/gone")));
  origin_.answer("/gone", 410, lasting, "second");
  EXPECT_EQ(agent.send("GET", "/gone", anew).body, "second");
  EXPECT_EQ(agent.send("GET", "/gone").body, "second");
  EXPECT_EQ(origin_.requests("/gone"), 2U);
}

TEST_F(StoredResponseTest, WillBeThoughSomebodyAskedForItOddlyBefore) {
  DataPlane agent(settings_before(origin_));
  EXPECT_EQ(agent.send("GET", "/page", "X-Odd: 400\r\n").status(), 400);
  const Message first = agent.send("GET", "/page");
  EXPECT_FALSE(says(first, "hit-for-miss")) << first.head;
  EXPECT_TRUE(says(first, "stored")) << first.head;
  EXPECT_TRUE(is_hit(agent.send("GET", "/page")));
}

TEST_F(StoredResponseTest, SurvivesARefreshWithSomebodysBadCredentials) {
  publish("Cache-Control: max-age=5, stale-while-revalidate=600\r\nAge: 10\r\n", "page");
  for (const char* status : {"401", "403"}) {
    DataPlane agent(settings_before(origin_));
    EXPECT_EQ(agent.send("GET", "/page").body, "page");
    const std::size_t before = origin_.requests("/page");
    const Message stale = agent.send(
        "GET", "/page", std::string("Cookie: session=over\r\nX-Odd: ") + status + "\r\n");
    EXPECT_TRUE(is_hit(stale)) << stale.head;
    ASSERT_TRUE(origin_.wait_for_requests("/page", before + 1));
    // The next refresh begins when that one has ended.
    EXPECT_TRUE(test::eventually([&] {
      const Message next = agent.send("GET", "/page");
      EXPECT_TRUE(is_hit(next)) << status << next.head;
      return !is_hit(next) || origin_.requests("/page") >= before + 2;
    }));
  }
}

constexpr const char* first_version = "Cache-Control: max-age=600\r\nETag: \"1\"\r\n";
constexpr const char* first_byte = "Cache-Control: no-cache\r\nRange: bytes=0-0\r\n";

TEST_F(StoredResponseTest, EndsWhenARangeBringsWhatMayNotBeStored) {
  publish(first_version, "old");
  DataPlane agent(settings_before(origin_));
  EXPECT_EQ(agent.send("GET", "/page").body, "old");
  publish("Cache-Control: private\r\nETag: \"2\"\r\n", "new");
  static_cast<void>(agent.send("GET", "/page", first_byte));
  const Message next = agent.send("GET", "/page");
  EXPECT_FALSE(is_hit(next)) << next.head;
  EXPECT_EQ(next.body, "new");
}

TEST_F(StoredResponseTest, IsNotSharedIfItMustBeValidatedBeforeEveryUse) {
  test::RedisServer redis;
  config::Settings settings = settings_before(origin_);
  config::RedisServer server;
  server.address = {"127.0.0.1", redis.port(), {}};
  settings.cache.redis.servers.push_back(server);
  settings.cache.redis.timeout = 10s;
  settings.cache.redis.adaptive = config::LoopMode::off;
  DataPlane agent(settings);
  ASSERT_TRUE(test::eventually([&] { return agent.in_step(); }));
  const auto reads = [&] {
    std::uint64_t sum = 0;
    for (const auto& count : agent.shared().reads) sum += count.load();
    return sum;
  };
  EXPECT_EQ(agent.send("GET", "/page").body, "page");
  EXPECT_TRUE(test::eventually([&] { return !redis.run({"KEYS", "hs:*/page:*"}).empty(); }));
  publish("Cache-Control: no-cache, max-age=600\r\nETag: \"1\"\r\n", "mine");
  EXPECT_EQ(agent.send("GET", "/page", anew).body, "mine");
  EXPECT_TRUE(test::eventually([&] {
    return redis.run({"KEYS", "hs:*/page:*"}).empty();
  })) << "the end of what was shared before";
  const std::uint64_t before = reads();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(agent.send("GET", "/page").body, "mine");
  EXPECT_EQ(reads(), before);
  // What is written after them is there, so they would be, too.
  origin_.answer("/last", 200, lasting, "last");
  EXPECT_EQ(agent.send("GET", "/last").body, "last");
  EXPECT_TRUE(test::eventually([&] { return !redis.run({"KEYS", "hs:*/last:*"}).empty(); }));
  EXPECT_EQ(redis.run({"KEYS", "hs:*/page:*"}), "");
}

}  // namespace
}  // namespace homeostat::proxy
