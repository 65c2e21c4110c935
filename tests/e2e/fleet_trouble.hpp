// A fleet under steady load while its Redis is in trouble: nobody gets an error, or what has
// been invalidated, memory stays bounded, and what the trouble costs is measured beside an
// agent without Redis in the same run.
//
// Every test prints and records, for each phase, what misses through the fleet took more than
// those through that agent. Asserted is what no busy machine changes: the median, and a 99th
// percentile that only waiting for Redis without a bound could reach. The figures of docs/ are
// those of bench/redis_trouble.py. HOMEOSTAT_LOAD=400 makes the phases longer (requests per
// client).
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/ports/clock.hpp"
#include "runtime/redis/error_code.hpp"
#include "tests/e2e/fleet.hpp"

namespace homeostat::test {

using Milliseconds = std::chrono::duration<double, std::milli>;

inline constexpr const char* fresh_text = "Cache-Control: max-age=600\r\n";
inline constexpr std::chrono::milliseconds application_time{5};

inline Instant now() { return SystemClock::instance().now(); }

inline unsigned requests_per_phase() {
  const char* text = std::getenv("HOMEOSTAT_LOAD");
  return text != nullptr ? static_cast<unsigned>(std::atoi(text)) : 60;
}

inline double percentile(std::vector<double> all, std::size_t percent) {
  if (all.empty()) return 0;
  std::sort(all.begin(), all.end());
  return all[(all.size() * percent) / 100];
}

/// Of this process: three agents, the application and the clients.
inline double resident_mebibytes() {
  std::ifstream status("/proc/self/statm");
  double total = 0, resident = 0;
  status >> total >> resident;
  return resident * 4096 / (1024 * 1024);
}

/// Redis' budget is 50 ms: whoever waits that long for most of its misses has noticed nothing.
inline constexpr double added_median_max_ms = 40;
/// A budget, and what a machine that runs other tests adds at worst.
inline constexpr double added_p99_max_ms = 1000;
/// Three memories of 16 MiB that fill up, and one queue of 32 MiB that would.
inline constexpr double growth_max_mebibytes = 80;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool memory_is_ours = false;  // a sanitizer keeps what was freed
#else
inline constexpr bool memory_is_ours = true;
#endif
inline constexpr unsigned requests_between_news = 6;

/// Two agents of a fleet and one without Redis before one application.
class Trouble {
 public:
  explicit Trouble(const std::string& redis) {
    origin_.on("/m", [](OriginExchange& exchange) {
      // An application that takes its time, and the same for everybody.
      std::mutex mutex;
      std::unique_lock lock(mutex);
      std::condition_variable never;
      never.wait_for(lock, application_time);
      exchange.respond(200, fresh_text, std::string(1000, 'x'));
    });
    origin_.on("/news", [this](OriginExchange& exchange) {
      exchange.respond(200, fresh_text, std::to_string(version_.load()));
    });
    for (int i = 0; i < 3; ++i) {
      AgentConfig config = config_for(origin_);
      config.workers = 1;
      config.cache = std::string("memory: 16MiB") + (i < 2 ? ", redis: " + redis : "");
      agents_.push_back(std::make_unique<RunningAgent>(config));
      if (i < 2) {
        EXPECT_TRUE(Fleet::in_step(*agents_.back()));
      }
    }
  }

  /// Each client asks for something new in turn from the fleet and from the agent alone.
  void phase(
      const char* name, const std::function<void()>& meanwhile = [] {}) {
    std::mutex mutex;
    std::vector<double> fleet, alone;
    std::vector<std::thread> clients;
    for (unsigned client = 0; client < 4; ++client) {
      clients.emplace_back([&, client] {
        std::vector<double> times[2];
        HttpClient connections[2] = {HttpClient(agents_[client % 2]->port()),
                                     HttpClient(agents_[2]->port())};
        for (unsigned i = 0; i < requests_per_phase(); ++i) {
          if (client == 0 && i % requests_between_news == 0) renew();
          for (std::size_t side = 0; side < 2; ++side) {
            const auto began = now();
            const Message answer =
                connections[side].get("/m?" + std::to_string(number_.fetch_add(1)));
            times[side].push_back(Milliseconds(now() - began).count());
            if (answer.status() != 200) ++errors_;
          }
        }
        const std::lock_guard lock(mutex);
        fleet.insert(fleet.end(), times[0].begin(), times[0].end());
        alone.insert(alone.end(), times[1].begin(), times[1].end());
      });
    }
    meanwhile();
    for (std::thread& client : clients) client.join();
    report(name, fleet, alone);
  }
  /// `code`: of what Redis refuses meanwhile.
  void whole(const char* what, const std::function<void()>& begin, const std::function<void()>& end,
             const std::string& code = {}) {
    std::printf("%s\n", what);
    testing::Test::RecordProperty("what", what);
    phase("healthy");
    const double before = resident_mebibytes();
    phase("trouble begins", begin);
    const double failed[] = {Fleet::reads(*agents_[0], "failed"),
                             Fleet::reads(*agents_[1], "failed")};
    phase("trouble");
    for (std::size_t i = 0; i < 2 && redis::refuses_for_now(redis::error_code_of(code)); ++i) {
      EXPECT_LE(Fleet::reads(*agents_[i], "failed") - failed[i], 6) << "it was known";
    }
    for (std::size_t i = 0; i < 2 && !code.empty(); ++i) {
      EXPECT_GE(agents_[i]->metric("homeostat_redis_errors_total{code=\"" + code + "\"}"), 1);
    }
    phase("it is over", end);
    EXPECT_EQ(errors_, 0);
    EXPECT_EQ(stale_, 0) << "older than what the agent had invalidated, or served before";
    const double growth = resident_mebibytes() - before;
    testing::Test::RecordProperty("growth_mebibytes", std::to_string(growth));
    if (memory_is_ours) {
      EXPECT_LT(growth, growth_max_mebibytes);
    }
    for (std::size_t i = 0; i < 2; ++i) EXPECT_TRUE(Fleet::in_step(*agents_[i]));
    expect_sharing();
    // What the other agent missed meanwhile has reached it.
    const auto newest = [this] {
      return agents_[1]->get("/news").body == std::to_string(version_.load());
    };
    EXPECT_TRUE(eventually(newest)) << agents_[1]->get("/news").body << " of " << version_;
  }
  /// One agent's fetch answers the other again.
  void expect_sharing() {
    EXPECT_TRUE(eventually([this] {
      const std::string target = "/m?shared" + std::to_string(number_.fetch_add(1));
      static_cast<void>(agents_[0]->get(target));
      return eventually_shared(target);
    }));
  }

 private:
  /// Changes content and invalidates it at an agent: from then on that agent has none that is
  /// older, whatever Redis does.
  void renew() {
    const unsigned version = ++version_;
    const Message done =
        agents_[0]->admin("POST", "/api/v1/cache/invalidate", R"({"patterns": ["/news*"]})");
    if (done.status() != 200) ++errors_;
    const Message answer = agents_[0]->get("/news");
    if (answer.status() != 200) ++errors_;
    if (number_of(answer) < version) ++stale_;
    // The other one may have what it was not told of yet, but never goes back.
    const Message other = agents_[1]->get("/news");
    if (other.status() != 200) ++errors_;
    if (number_of(other) < seen_) ++stale_;
    seen_ = number_of(other);
  }

  static unsigned number_of(const Message& news) {
    return static_cast<unsigned>(std::strtoul(news.body.c_str(), nullptr, 10));
  }

  void report(const char* name, const std::vector<double>& fleet,
              const std::vector<double>& alone) const {
    const double p99 = percentile(fleet, 99), p99_alone = percentile(alone, 99);
    const double median = percentile(fleet, 50) - percentile(alone, 50);
    std::printf(
        "  %-15s p99 of misses: fleet %7.2f ms, without Redis %7.2f ms, added %6.2f ms; "
        "median %6.2f ms\n",
        name, p99, p99_alone, p99 - p99_alone, median);
    std::string key = name;
    std::replace(key.begin(), key.end(), ' ', '_');
    testing::Test::RecordProperty(key, std::to_string(p99 - p99_alone));
    EXPECT_LT(p99 - p99_alone, added_p99_max_ms) << name;
    EXPECT_LT(median, added_median_max_ms) << name;
  }

  bool eventually_shared(const std::string& target) {
    const double before = Fleet::reads(*agents_[1], "hit");
    static_cast<void>(agents_[1]->get(target));
    return Fleet::reads(*agents_[1], "hit") > before;
  }

  std::atomic<unsigned> version_{0};  // outlives the origin's threads
  std::atomic<unsigned> number_{0};
  unsigned seen_ = 0;  // the first client's
  std::atomic<int> errors_{0}, stale_{0};
  ScriptedOrigin origin_;
  std::vector<std::unique_ptr<RunningAgent>> agents_;
};

}  // namespace homeostat::test
