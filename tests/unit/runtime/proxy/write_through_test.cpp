// A write whose rule says so is answered when what it has changed is stored.
#include "runtime/proxy/write_through.hpp"

#include <gtest/gtest.h>

#include <atomic>

#include "tests/support/redis_server.hpp"
#include "tests/unit/runtime/proxy/data_plane.hpp"

namespace homeostat::proxy {
namespace {

using namespace std::chrono_literals;
using test::Message;
using test::OriginExchange;

bool is_hit(const Message& response) {
  return response.get("cache-status").find("; hit") != std::string::npos;
}

/// An application with one number, which each write raises.
class WriteThroughTest : public testing::Test {
 protected:
  WriteThroughTest() {
    origin_.on("/doc", [this](OriginExchange& exchange) { serve(exchange); });
  }
  ~WriteThroughTest() override { go_.set(); }

  void serve(OriginExchange& exchange) {
    if (exchange.request.method() != "GET") {
      exchange.body();
      ++value_;
      exchange.respond(write_status_, write_fields_, write_status_ == 204 ? "" : write_body_);
      return;
    }
    ++reads_;
    if (hold_reads_) go_.wait();
    exchange.respond(200, read_fields_, std::to_string(value_.load()));
  }
  [[nodiscard]] config::Settings settings() const {
    config::Settings settings = settings_before(origin_);
    config::CacheRule rule;
    rule.match.path = "/doc*";
    rule.write = config::WriteMode::through;
    settings.cache.rules.push_back(rule);
    settings.cache.write_wait_max = 20s;
    return settings;
  }

  test::Signal go_;
  std::atomic<int> value_{1}, reads_{0};
  std::atomic<bool> hold_reads_{false};
  int write_status_ = 204;
  std::string write_fields_, write_body_ = "done";
  std::string read_fields_ = "Cache-Control: max-age=600\r\n";
  test::ScriptedOrigin origin_;
};

TEST_F(WriteThroughTest, WhatAWriteHasChangedIsThereWhenItIsAnswered) {
  DataPlane agent(settings());
  EXPECT_EQ(agent.send("GET", "/doc").body, "1");
  for (const char* method : {"PUT", "PATCH", "POST"}) {
    const int before = value_;
    EXPECT_EQ(agent.send(method, "/doc", {}, "x").status(), 204);
    EXPECT_EQ(reads_, before + 1) << method;
    const Message read = agent.send("GET", "/doc");
    EXPECT_TRUE(is_hit(read)) << method << read.head;
    EXPECT_EQ(read.body, std::to_string(before + 1)) << method;
  }
  EXPECT_EQ(agent.writes_through(WriteThroughResult::stored), 3U);
}

TEST_F(WriteThroughTest, NothingIsFetchedWithoutARuleNorAfterAFailureOrADelete) {
  config::Settings plain = settings();
  plain.cache.rules.front().write = config::WriteMode::invalidate;
  {
    DataPlane agent(plain);
    EXPECT_EQ(agent.send("GET", "/doc").body, "1");
    EXPECT_EQ(agent.send("PUT", "/doc", {}, "x").status(), 204);
    EXPECT_EQ(reads_, 1);
    EXPECT_EQ(agent.send("GET", "/doc").body, "2");
  }
  DataPlane agent(settings());
  EXPECT_EQ(agent.send("GET", "/doc").body, "2");
  const int reads = reads_;
  write_status_ = 409;
  EXPECT_EQ(agent.send("PUT", "/doc", {}, "x").status(), 409);
  EXPECT_TRUE(is_hit(agent.send("GET", "/doc"))) << "nothing was changed, as far as it says";
  write_status_ = 204;
  EXPECT_EQ(agent.send("DELETE", "/doc").status(), 204);
  EXPECT_EQ(reads_, reads);
}

TEST_F(WriteThroughTest, AfterACreationWhatWasCreatedIsFetched) {
  origin_.answer("/docs/7", 200, read_fields_, "seven");
  write_status_ = 201;
  write_fields_ = "Location: /docs/7\r\n";
  DataPlane agent(settings());
  EXPECT_EQ(agent.send("POST", "/doc", {}, "x").body, "done");
  EXPECT_EQ(origin_.requests("/docs/7"), 1U);
  EXPECT_TRUE(is_hit(agent.send("GET", "/docs/7")));
  write_fields_ = "Location: http://elsewhere.example/docs/8\r\n";
  EXPECT_EQ(agent.send("POST", "/doc", {}, "x").status(), 201);
  EXPECT_EQ(reads_, 1) << "of another host: then it is the target";
}

TEST_F(WriteThroughTest, TheFetchHasTheFieldsThatAreNotAboutTheWrite) {
  read_fields_ += "Vary: Accept-Language\r\n";
  DataPlane agent(settings());
  EXPECT_EQ(agent
                .send("PUT", "/doc",
                      "Accept-Language: de\r\nIf-Match: \"a\"\r\nContent-Type: text/plain\r\n"
                      "Cache-Control: no-cache\r\nX-Tenant: 7\r\n",
                      "x")
                .status(),
            204);
  const Message fetched = origin_.last_request("/doc");
  EXPECT_EQ(fetched.method(), "GET");
  EXPECT_EQ(fetched.get("accept-language"), "de");
  EXPECT_EQ(fetched.get("x-tenant"), "7");
  for (const char* name : {"if-match", "content-type", "content-length", "cache-control"}) {
    EXPECT_FALSE(fetched.has(name)) << name;
  }
  EXPECT_TRUE(is_hit(agent.send("GET", "/doc", "Accept-Language: de\r\n")));
  EXPECT_FALSE(is_hit(agent.send("GET", "/doc", "Accept-Language: en\r\n")));
}

TEST_F(WriteThroughTest, WhatMayNotBeStoredIsNot) {
  read_fields_ = "Cache-Control: no-store\r\n";
  DataPlane agent(settings());
  EXPECT_EQ(agent.send("PUT", "/doc", {}, "x").status(), 204);
  EXPECT_EQ(agent.writes_through(WriteThroughResult::uncacheable), 1U);
  read_fields_ = "Cache-Control: max-age=600\r\n";
  EXPECT_EQ(agent.send("PUT", "/doc", "Authorization: Bearer a\r\n", "x").status(), 204);
  EXPECT_FALSE(is_hit(agent.send("GET", "/doc"))) << "that was of one user";
}

TEST_F(WriteThroughTest, ASlowReadDelaysTheAnswerNoLongerThanItsBound) {
  config::Settings short_wait = settings();
  short_wait.cache.write_wait_max = 10ms;
  DataPlane agent(short_wait);
  hold_reads_ = true;
  EXPECT_EQ(agent.send("PUT", "/doc", {}, "x").status(), 204);
  EXPECT_EQ(agent.writes_through(WriteThroughResult::late), 1U);
  ASSERT_TRUE(test::eventually([&] { return reads_ == 1; }));
  go_.set();
  hold_reads_ = false;
  EXPECT_TRUE(test::eventually([&] { return is_hit(agent.send("GET", "/doc")); }))
      << "the fetch went on";
}

TEST_F(WriteThroughTest, AReadThatFailsIsNotTheWritesTrouble) {
  DataPlane agent(settings());
  origin_.on("/doc", [](OriginExchange& exchange) {
    if (exchange.request.method() == "GET") {
      exchange.alive = false;
      return;
    }
    exchange.respond(200, "", "written");
  });
  EXPECT_EQ(agent.send("PUT", "/doc", {}, "x").body, "written");
  EXPECT_EQ(agent.writes_through(WriteThroughResult::failed), 1U);
}

TEST_F(WriteThroughTest, TheWriteHoldsNothingThatTheFetchNeeds) {
  config::Settings narrow = settings();
  narrow.upstream.connections_max = 1;
  DataPlane agent(narrow);
  write_status_ = 200;
  write_body_ = std::string(300 * 1024, 'w');
  test::HttpClient client(agent.port());
  for (int i = 0; i < 2; ++i) {
    const Message written = client.request("PUT", "/doc", {}, "x");
    EXPECT_EQ(written.body, write_body_);
    EXPECT_EQ(client.get("/doc").body, std::to_string(value_.load())) << "on the same connection";
  }
  EXPECT_EQ(agent.writes_through(WriteThroughResult::stored), 2U);
}

TEST_F(WriteThroughTest, OtherAgentsFindItInTheTier) {
  test::RedisServer redis;
  config::Settings shared = settings();
  config::RedisServer server;
  server.address = {"127.0.0.1", redis.port(), {}};
  shared.cache.redis.servers.push_back(server);
  shared.cache.redis.timeout = 10s;
  shared.cache.redis.adaptive = config::LoopMode::off;
  DataPlane writer(shared), reader(shared);
  ASSERT_TRUE(test::eventually([&] { return writer.in_step() && reader.in_step(); }));
  EXPECT_EQ(reader.send("GET", "/doc").body, "1");
  for (int value = 2; value < 5; ++value) {
    EXPECT_EQ(writer.send("PUT", "/doc", {}, "x").status(), 204);
    EXPECT_EQ(reads_, value);
    EXPECT_NE(redis.run({"KEYS", "hs:*/doc:*"}), "") << "it is in Redis already";
    Message read;
    EXPECT_TRUE(test::eventually([&] {
      read = reader.send("GET", "/doc");
      return read.body == std::to_string(value);
    })) << read.head;
    EXPECT_TRUE(is_hit(read)) << read.head;
    EXPECT_EQ(reads_, value) << "the application was asked by the writer's agent only";
  }
}

TEST_F(WriteThroughTest, WithoutRedisTheAnswerDoesNotWaitForIt) {
  test::RedisServer redis;
  config::Settings shared = settings();
  config::RedisServer server;
  server.address = {"127.0.0.1", redis.port(), {}};
  shared.cache.redis.servers.push_back(server);
  DataPlane agent(shared);
  ASSERT_TRUE(test::eventually([&] { return agent.in_step(); }));
  redis.pause();
  EXPECT_EQ(agent.send("PUT", "/doc", {}, "x").status(), 204);
  EXPECT_TRUE(is_hit(agent.send("GET", "/doc"))) << "stored here all the same";
  redis.resume();
  redis.kill();
  EXPECT_EQ(agent.send("PUT", "/doc", {}, "x").status(), 204);
  EXPECT_EQ(agent.send("GET", "/doc").body, "3");
  EXPECT_EQ(agent.writes_through(WriteThroughResult::stored), 2U) << "and none was late";
}

}  // namespace
}  // namespace homeostat::proxy
