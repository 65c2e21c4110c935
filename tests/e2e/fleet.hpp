// A fleet of agents before one application, with one Redis.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/e2e/cache_support.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {

/// Patient and not adaptive, unless told otherwise: the machine may be busy, and what
/// is late would go to the application.
inline std::string redis_section(const std::string& url, const std::string& more = {}) {
  return "redis: {url: " + url + (more.empty() ? ", timeout: 10s, adaptive: off" : ", " + more) +
         "}";
}

class Fleet {
 public:
  static constexpr unsigned workers = 1;

  /// `cache`: further keys of that section; `section`: of `redis` in it.
  explicit Fleet(std::size_t agents, std::string cache = {}, std::string section = {})
      : cache_(std::move(cache)), section_(std::move(section)) {
    for (std::size_t i = 0; i < agents; ++i) add();
  }

  /// Another agent; ready when it follows the fleet.
  RunningAgent& add() {
    AgentConfig config = config_for(origin);
    config.workers = workers;
    config.cache = redis_section(redis.url(), section_) + (cache_.empty() ? "" : ", " + cache_);
    agents_.push_back(std::make_unique<RunningAgent>(config));
    EXPECT_TRUE(in_step(*agents_.back())) << redis.output();
    return *agents_.back();
  }
  RunningAgent& operator[](std::size_t index) { return *agents_[index]; }
  [[nodiscard]] std::size_t size() const { return agents_.size(); }

  /// Each worker, the log's reader and writer and the news' reader are connected; the log is
  /// followed.
  [[nodiscard]] static bool in_step(const RunningAgent& agent) {
    return eventually([&] {
      return agent.metric("homeostat_shared_in_step") == 1 &&
             agent.metric("homeostat_redis_up") == 1 &&
             agent.metric("homeostat_redis_connections_total") >= workers + 3;
    });
  }
  [[nodiscard]] static double reads(const RunningAgent& agent, const std::string& result) {
    return agent.metric("homeostat_shared_reads_total{result=\"" + result + "\"}");
  }
  [[nodiscard]] static double writes(const RunningAgent& agent, const std::string& result) {
    return agent.metric("homeostat_shared_writes_total{result=\"" + result + "\"}");
  }
  [[nodiscard]] static double leases(const RunningAgent& agent, const std::string& result) {
    return agent.metric("homeostat_shared_leases_total{result=\"" + result + "\"}");
  }
  /// Through this agent, and waits until Redis has it.
  void store(std::size_t agent, const std::string& target, std::string_view fields = {}) {
    const double before = writes(*agents_[agent], "stored");
    EXPECT_EQ(agents_[agent]->get(target, fields).status(), 200);
    EXPECT_TRUE(eventually([&] { return writes(*agents_[agent], "stored") > before; }));
  }
  /// Of an agent that follows the fleet at this moment: only then it may use the tier.
  [[nodiscard]] Message get_in_step(std::size_t agent, const std::string& target,
                                    std::string_view fields = {}) const {
    EXPECT_TRUE(in_step(*agents_[agent]));
    return agents_[agent]->get(target, fields);
  }
  /// A target whose answer counts the requests for it: "1", "2", ...
  void count_requests(const std::string& target, const std::string& fields) {
    origin.on(target, [this, target, fields](OriginExchange& exchange) {
      exchange.respond(200, fields, std::to_string(origin.requests(target)));
    });
  }

  RedisServer redis;
  ScriptedOrigin origin;

 private:
  std::string cache_, section_;
  std::vector<std::unique_ptr<RunningAgent>> agents_;
};

inline bool is_shared(const Message& response) {
  return contains(response.get("cache-status"), "detail=shared");
}

}  // namespace homeostat::test
