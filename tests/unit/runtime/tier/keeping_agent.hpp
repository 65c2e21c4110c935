// An agent that keeps data of the application, for tests with a real Redis.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "runtime/tier/tier.hpp"
#include "tests/unit/runtime/redis/redis_fixture.hpp"

namespace homeostat::tier {

/// An agent as far as its data concerns it. It only lives while its loop is run.
class KeepingAgent {
 public:
  explicit KeepingAgent(const config::CacheSettings& settings)
      : cache_(settings, clock_),
        tier_(context_, clock_, settings, cache_,
              [this](const std::string& line) { logged += line + "\n"; }),
        data(context_, clock_, settings, &tier_),
        fleet(cache_, data, &tier_) {
    tier_.on_purged([this](const PurgeRequest& request) { data.purge(request); });
    EXPECT_EQ(tier_.open(), "");
    tier_.start();
  }
  ~KeepingAgent() { tier_.stop(); }
  KeepingAgent(const KeepingAgent&) = delete;
  KeepingAgent& operator=(const KeepingAgent&) = delete;

  void run_once() {
    context_.restart();
    context_.run_one_for(std::chrono::milliseconds(5));
  }
  template <class Condition>
  [[nodiscard]] bool run_until(Condition condition) {
    const auto end = clock_.now() + test::wait_patience;
    while (!condition()) {
      if (clock_.now() > end) return false;
      run_once();
    }
    return true;
  }
  [[nodiscard]] bool up() { return tier_.client().up(); }
  [[nodiscard]] bool run_until_ready() {
    return run_until([this] { return up() && tier_.in_step(); });
  }
  [[nodiscard]] bool run_until_written() {
    return run_until([this] { return data.behind()->figures().entries == 0; });
  }
  /// Nothing: not answered at once.
  std::optional<DataLevel> put(const std::string& key, const std::string& value,
                               DataWrite when = DataWrite::behind,
                               std::vector<std::string> tags = {}) {
    last = std::nullopt;
    data.put({key, value, std::move(tags), std::chrono::hours(1)}, when,
             [this](DataLevel level) { last = level; });
    return last;
  }
  DataFound find(const std::string& key) {
    std::optional<DataFound> answer;
    data.get(key, [&](DataFound found) { answer = std::move(found); });
    EXPECT_TRUE(run_until([&] { return answer.has_value(); }));
    return answer.value_or(DataFound{});
  }
  std::optional<std::string> get(const std::string& key) {
    const DataFound found = find(key);
    return found.entry ? std::optional(found.entry->value) : std::nullopt;
  }
  [[nodiscard]] std::uint64_t log_number() const { return tier_.position().number; }
  [[nodiscard]] std::uint64_t invalidations_sent() const {
    return tier_.counters().invalidations_sent.load();
  }
  [[nodiscard]] std::size_t invalidations_waiting() const {
    return tier_.counters().invalidations_waiting.load();
  }
  [[nodiscard]] std::uint64_t broken(EntryError error) const {
    return tier_.counters().broken[static_cast<std::size_t>(error)].load();
  }
  void erase(const std::string& key) {
    bool done = false;
    data.erase(key, [&](DataErased) { done = true; });
    EXPECT_TRUE(run_until([&] { return done && invalidations_waiting() == 0; }));
  }
  [[nodiscard]] const BehindCounters& counted() const { return data.behind()->counters(); }

  std::string logged;

 private:
  const Clock& clock_ = SystemClock::instance();
  boost::asio::io_context context_{1};
  cache::Cache cache_;
  Tier tier_;

 public:
  DataCache data;
  FleetCache fleet;
  std::optional<DataLevel> last;
};

}  // namespace homeostat::tier
