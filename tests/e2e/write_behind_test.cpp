// Writes behind over HTTP, and what is left of them when the agent is killed.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "tests/e2e/fleet.hpp"
#include "tests/support/child_process.hpp"

namespace homeostat::test {
namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

constexpr const char* entries = "/api/v1/cache/entries/";

TEST(WriteBehind, IsAcceptedFirstAndTheFleetsSoonAfter) {
  Fleet fleet(2);
  const Message accepted =
      fleet[0].admin("PUT", std::string(entries) + "a", R"({"value": "one", "mode": "behind"})");
  EXPECT_EQ(accepted.status(), 202) << accepted.body;
  EXPECT_TRUE(contains(accepted.body, "\"status\": \"accepted\"")) << accepted.body;
  EXPECT_TRUE(contains(accepted.body, "\"level\": \"l1\"")) << accepted.body;
  EXPECT_TRUE(contains(fleet[0].admin("GET", std::string(entries) + "a").body, "one"));
  EXPECT_TRUE(eventually(
      [&] { return contains(fleet[1].admin("GET", std::string(entries) + "a").body, "one"); }));
  const Message batch = fleet[0].admin(
      "POST", "/api/v1/cache/entries:batch",
      R"({"operations": [{"op": "set", "key": "b", "value": 1, "mode": "behind"}]})");
  EXPECT_TRUE(contains(batch.body, "\"behind\": true")) << batch.body;
  EXPECT_TRUE(eventually([&] {
    return fleet[0].metric("homeostat_data_behind_writes_total{result=\"written\"}") == 2;
  }));
  EXPECT_EQ(fleet[0].metric("homeostat_data_behind_entries"), 0);
  EXPECT_EQ(fleet[0].metric("homeostat_data_behind_bytes"), 0);
}

TEST(WriteBehind, NeedsATierAndAKnownMode) {
  ScriptedOrigin origin;
  const RunningAgent agent(origin);
  const std::string one = std::string(entries) + "a";
  EXPECT_EQ(agent.admin("PUT", one, R"({"value": 1, "mode": "behind"})").status(), 409);
  EXPECT_EQ(agent.admin("PUT", one, R"({"value": 1, "mode": "through"})").status(), 200);
  EXPECT_EQ(agent.admin("PUT", one, R"({"value": 1, "mode": "sideways"})").status(), 422);
  EXPECT_EQ(
      agent
          .admin("POST", "/api/v1/cache/entries:batch",
                 R"({"operations": [{"op": "set", "key": "b", "value": 1, "mode": "behind"}]})")
          .status(),
      409);
}

/// The agent as a program, whose process can be ended.
class Program {
 public:
  Program(const RedisServer& redis, const std::string& interval)
      : process({HOMEOSTAT_BINARY, "run", "--config",
                 directory_.write(
                     "agent.yaml",
                     "listen: 127.0.0.1:0\nworkers: 1\nupstream: {url: \"" + origin_.url() +
                         "\"}\nadmin: {listen: \"127.0.0.1:0\"}\ncache: {redis: "
                         "{url: \"" +
                         redis.url() + "\"}, entries: {behind_interval: " + interval + "}}\n")}) {
    constexpr std::string_view said = "management on 127.0.0.1:";
    const auto line = process.wait_for_line(std::string(said));
    EXPECT_TRUE(line) << process.output();
    if (!line) return;
    const char* const number = line->c_str() + line->find(said) + said.size();
    port_ = static_cast<std::uint16_t>(std::strtoul(number, nullptr, 10));
  }
  [[nodiscard]] HttpClient client() const { return HttpClient(connect_tcp(port_)); }

 private:
  const ScriptedOrigin origin_;
  const TemporaryDirectory directory_;
  std::uint16_t port_ = 0;

 public:
  ChildProcess process;
};

int put_behind(HttpClient& client, const std::string& key) {
  const std::string body = R"({"value": 1, "mode": "behind"})";
  client.send("PUT " + (entries + key) + " HTTP/1.1\r\nHost: localhost\r\n" +
              "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
              "\r\n\r\n" + body);
  return client.read().status();
}

bool has(const RedisServer& redis, const std::string& key) {
  return redis.run({"EXISTS", "hs:default:data:" + key}) == "1";
}

TEST(WriteBehind, IsWrittenBeforeTheAgentEnds) {
  const RedisServer redis;
  Program agent(redis, "1m");
  HttpClient client = agent.client();
  EXPECT_EQ(put_behind(client, "last"), 202);
  EXPECT_FALSE(has(redis, "last"));
  agent.process.signal(SIGTERM);
  EXPECT_EQ(agent.process.wait_for_exit(), 0) << agent.process.output();
  EXPECT_TRUE(has(redis, "last")) << agent.process.output();
}

/// What was acknowledged longer ago than the bound is in Redis, and what is lost are the newest
/// writes, with no gap before them.
TEST(WriteBehind, AKilledAgentLosesOnlyTheNewestWrites) {
  const RedisServer redis;
  Program agent(redis, "100ms");
  std::vector<SteadyClock::time_point> acknowledged;
  Signal enough;
  std::thread writer([&] {
    HttpClient client = agent.client();
    while (put_behind(client, std::to_string(acknowledged.size())) == 202) {
      acknowledged.push_back(SteadyClock::now());
      if (acknowledged.size() == 500) enough.set();
    }
  });
  EXPECT_TRUE(enough.wait());
  EXPECT_TRUE(eventually([&] { return has(redis, "200"); }));
  agent.process.signal(SIGKILL);
  const auto killed = SteadyClock::now();
  writer.join();
  std::size_t kept = 0;
  while (kept < acknowledged.size() && has(redis, std::to_string(kept))) ++kept;
  EXPECT_GT(kept, 200U);
  for (std::size_t i = kept; i < acknowledged.size(); ++i) {
    EXPECT_FALSE(has(redis, std::to_string(i))) << "a gap before it";
  }
  const std::size_t lost = acknowledged.size() - kept;
  const auto age =
      lost == 0
          ? 0ms
          : std::chrono::duration_cast<std::chrono::milliseconds>(killed - acknowledged[kept]);
  RecordProperty("acknowledged", static_cast<int>(acknowledged.size()));
  RecordProperty("lost", static_cast<int>(lost));
  RecordProperty("oldest_lost_ms", static_cast<int>(age.count()));
  // 100 ms and the time of a batch, which on a busy machine is long.
  EXPECT_LT(age, 3s) << lost << " lost";
}

}  // namespace
}  // namespace homeostat::test
