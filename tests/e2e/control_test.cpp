// The control plane around live traffic: rules that act, actors that die,
// reloads good and bad, a full endpoint table.
#include <gtest/gtest.h>

#include <atomic>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <thread>
#include <vector>

#include "tests/e2e/cache_support.hpp"
#include "tests/e2e/in_flight.hpp"
#include "tests/support/alertmanager.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

std::vector<std::string> actor_names(const std::string& status) {
  std::vector<std::string> names;
  boost::system::error_code error;
  const boost::json::value report = boost::json::parse(status, error);
  const boost::json::value* actors =
      error ? nullptr : report.find_pointer("/performance_status/actors", error);
  if (actors == nullptr || !actors->is_array()) return names;
  for (const boost::json::value& actor : actors->get_array()) {
    names.emplace_back(actor.at("name").as_string());
  }
  return names;
}

class ActorCrash : public testing::TestWithParam<const char*> {};

TEST_P(ActorCrash, LosesNoRequestAndIsRepaired) {
  ScriptedOrigin origin;
  origin.answer("/kept", 200, "Cache-Control: max-age=60\r\n", "kept");
  RunningAgent agent(config_for(origin));
  std::atomic<bool> done{false};
  std::atomic<int> lost{0};
  std::atomic<int> served{0};
  std::thread traffic([&] {
    HttpClient client(agent.port());
    while (!done) {
      if (client.get("/kept").body != "kept" || client.request("POST", "/page").body != "hello") {
        ++lost;
        break;
      }
      ++served;
    }
  });
  const std::string name = GetParam();
  const std::string restarts = "homeostat_actor_restarts_total{actor=\"" + name + "\"}";
  EXPECT_TRUE(eventually([&] { return contains(agent.status(), '"' + name + '"'); }));
  InFlight flight(origin, agent);
  agent.crash_actor(name);
  const auto restarted = [&] { return agent.metric(restarts) >= 1; };
  // Usually it is back within that; in any case the requests end before their timeouts do.
  static_cast<void>(eventually(restarted, std::chrono::seconds(5)));
  flight.expect_whole();
  EXPECT_TRUE(eventually(restarted)) << agent.status();
  const int before = served;
  EXPECT_TRUE(eventually([&] { return served > before + 10 || lost > 0; }));
  done = true;
  traffic.join();
  EXPECT_EQ(lost, 0);
  EXPECT_EQ(agent.get("/page").status(), 200);
}

INSTANTIATE_TEST_SUITE_P(Each, ActorCrash,
                         testing::Values("resource_monitor", "endpoint_monitor", "rule_engine",
                                         "throttler", "cache_tuner", "memory_keeper", "alerter"),
                         [](const testing::TestParamInfo<const char*>& parameter) {
                           return std::string(parameter.param);
                         });

TEST(ActorCrashes, AreTestedForEveryActor) {
  ScriptedOrigin origin;
  RunningAgent agent(origin);
  const auto tested = [](const std::string& name) {
    for (const char* one : {"resource_monitor", "endpoint_monitor", "rule_engine", "throttler",
                            "cache_tuner", "memory_keeper", "alerter"}) {
      if (name == one) return true;
    }
    return false;
  };
  std::vector<std::string> names;
  ASSERT_TRUE(eventually([&] {
    names = actor_names(agent.status());
    return !names.empty();
  }));
  EXPECT_EQ(names.size(), 7U);
  for (const std::string& name : names) EXPECT_TRUE(tested(name)) << name;
}

TEST(SupervisorCrash, LosesNoRequestAndTheLoopsActAgain) {
  ScriptedOrigin origin;
  AgentConfig config = config_for(origin);
  config.optimization = "rules: [], interval: 100ms, policy_lease: 2s";
  RunningAgent agent(config);
  ASSERT_TRUE(eventually([&] { return actor_names(agent.status()).size() == 7; }));
  ASSERT_EQ(agent
                .admin("PUT", "/api/v1/performance/level",
                       R"({"level": "aggressive", "reason": "before"})")
                .status(),
            202);
  ASSERT_TRUE(eventually([&] { return agent.metric("homeostat_level") == 2; }));
  InFlight flight(origin, agent);
  agent.crash_actor("supervisor");
  EXPECT_TRUE(
      eventually([&] { return agent.metric("homeostat_control_plane_restarts_total") == 1; }));
  flight.expect_whole();
  EXPECT_EQ(agent.get("/page").status(), 200);
  // It reports, renews its policy past the lease, keeps what was chosen and obeys.
  const auto report_at = [&] {
    const std::string status = agent.status();
    const std::size_t at = status.find("\"report_at\"");
    return at == std::string::npos ? std::string() : status.substr(at, 60);
  };
  const std::string before = report_at();
  EXPECT_TRUE(eventually([&] { return report_at() != before; })) << before;
  EXPECT_TRUE(eventually([&] { return agent.metric("homeostat_policy_degraded") == 0; }));
  EXPECT_EQ(agent.metric("homeostat_level"), 2);
  ASSERT_EQ(agent
                .admin("PUT", "/api/v1/performance/level",
                       R"({"level": "conservative", "reason": "after"})")
                .status(),
            202);
  EXPECT_TRUE(eventually([&] { return agent.metric("homeostat_level") == 0; }));
}

TEST(StalledControl, IsAnAlertAndStaticDefaultsUntilItRenewsItsPolicyAgain) {
  constexpr std::chrono::seconds long_patience{60};
  ScriptedOrigin origin;
  const Alertmanager alertmanager;
  AgentConfig config = config_for(origin);
  config.optimization = "rules: [], interval: 100ms, policy_lease: 2s";
  config.alerts = "alertmanager: \"" + alertmanager.url() + "\"";
  RunningAgent agent(config);
  const auto listed = [&] { return alertmanager.listed("HomeostatControlPlaneStalled").size(); };
  // Who dies again and again is started anew only after a pause, which outlasts the lease.
  for (int deaths = 1; deaths <= 6; ++deaths) {
    ASSERT_TRUE(eventually([&] { return contains(agent.status(), "\"throttler\""); }));
    agent.crash_actor("throttler");
    if (deaths == 6) break;
    ASSERT_TRUE(eventually([&] {
      return agent.metric("homeostat_actor_restarts_total{actor=\"throttler\"}") == deaths;
    }));
  }
  EXPECT_TRUE(
      eventually([&] { return agent.metric("homeostat_policy_degraded") == 1; }, long_patience));
  EXPECT_GE(agent.metric("homeostat_policy_lease_expiries_total"), 1);
  EXPECT_EQ(agent.get("/page").status(), 200);
  EXPECT_TRUE(eventually([&] { return listed() == 1; }, long_patience)) << alertmanager.output();
  EXPECT_TRUE(
      eventually([&] { return agent.metric("homeostat_policy_degraded") == 0; }, long_patience));
  EXPECT_TRUE(eventually([&] { return listed() == 0; }, long_patience)) << alertmanager.output();
}

TEST(Rules, ARuleFiresIsVisibleAndLengthensATtl) {
  ScriptedOrigin origin;
  origin.answer("/slow", 200, "", "kept");
  origin.answer("/other", 200, "", "kept");
  const TemporaryDirectory directory;
  const std::string path = directory.write("rules.yaml", R"(rules:
  - name: busy-is-cached-longer
    level: conservative
    scope: endpoint
    when: endpoint.rate > 0/s
    for: 0s
    until: endpoint.rate < 0/s
    then:
      - scale_ttl: {by: 3.0, max: 1h}
)");
  AgentConfig config = config_for(origin);
  config.cache = "rules: [{match: {path: /slow}, ttl: 100s}]";
  config.optimization = "rules: [\"" + path + "\"], interval: 100ms";
  RunningAgent agent(config);
  ASSERT_EQ(agent.get("/slow").status(), 200);
  EXPECT_TRUE(eventually([&] { return contains(agent.status(), "busy-is-cached-longer"); }))
      << agent.status();
  // The multiplier acts on the next fill.
  EXPECT_TRUE(eventually([&] {
    (void)agent.admin("DELETE", "/api/v1/cache/flush");
    (void)agent.get("/slow");
    const std::string status = agent.get("/slow").get("cache-status");
    const std::size_t at = status.find("ttl=");
    return at != std::string::npos && std::stoi(status.substr(at + 4)) > 200;
  })) << agent.get("/slow").get("cache-status");
}

TEST(Injection, IsRefusedUnlessAllowed) {
  ScriptedOrigin origin;
  AgentConfig config = config_for(origin);
  config.admin = "";
  RunningAgent agent(config);
  EXPECT_EQ(agent.admin("POST", "/api/v1/test/performance?metric=cpu&value=99", "{}").status(),
            403);
}

TEST(Reload, ABadFileChangesNothingAndSaysWhere) {
  ScriptedOrigin origin;
  AgentConfig config = config_for(origin);
  RunningAgent agent(config);
  InFlight flight(origin, agent);
  agent.set_text(config.text() + "cache: {memory: lots}\nnonsense: 1\n");
  const Message answer = agent.admin("POST", "/api/v1/rules/reload", "{}");
  EXPECT_EQ(answer.status(), 422);
  EXPECT_TRUE(contains(answer.body, "agent.yaml:")) << answer.body;
  EXPECT_EQ(agent.get("/page").status(), 200);
  agent.set_text("listen: [\n");
  EXPECT_EQ(agent.admin("POST", "/api/v1/rules/reload", "{}").status(), 422);
  EXPECT_EQ(agent.get("/page").status(), 200);
  flight.expect_whole();
  EXPECT_EQ(agent.metric("homeostat_config_reload_failures_total"), 2);
  EXPECT_EQ(agent.metric("homeostat_config_reloads_total"), 0);
  // What was in force is in force: a good file still takes effect.
  config.server = "body_bytes_max: 3B";
  agent.set_text(config.text());
  EXPECT_EQ(agent.admin("POST", "/api/v1/rules/reload", "{}").status(), 200);
  EXPECT_TRUE(eventually([&] {
    HttpClient sending(agent.port());
    return sending.request("POST", "/page", "", "four").status() == 413;
  }));
}

TEST(Reload, AGoodFileChangesWhatIsServedWithoutLosingConnections) {
  ScriptedOrigin first;
  ScriptedOrigin second;
  first.answer("/page", 200, "", "first");
  second.answer("/page", 200, "", "second");
  AgentConfig config = config_for(first);
  RunningAgent agent(config);
  HttpClient client(agent.port());
  ASSERT_EQ(client.request("POST", "/page").body, "first");
  config.upstream_url = second.url();
  config.server = "body_bytes_max: 3B";
  agent.set_text(config.text());
  ASSERT_EQ(agent.admin("POST", "/api/v1/rules/reload", "{}").status(), 200);
  EXPECT_TRUE(eventually([&] { return client.request("POST", "/page").body == "second"; }));
  EXPECT_TRUE(eventually([&] {
    HttpClient sending(agent.port());
    return sending.request("POST", "/page", "", "four").status() == 413;
  }));
}

TEST(Endpoints, AFullTableCountsTheRestAsOther) {
  ScriptedOrigin origin;
  AgentConfig config = config_for(origin);
  config.monitor = "interval: 100ms, endpoints: {max: 5}";
  RunningAgent agent(config);
  InFlight flight(origin, agent);
  HttpClient client(agent.port());
  for (int i = 0; i < 200; ++i) {
    const std::string letters{static_cast<char>('a' + i % 26), static_cast<char>('a' + i / 26)};
    const Message answer = client.get("/" + letters + "/page");
    ASSERT_EQ(answer.status(), 200);
    ASSERT_EQ(answer.body, "hello");
  }
  flight.expect_whole();
  EXPECT_TRUE(eventually(
      [&] { return agent.metric("homeostat_endpoint_overflow_requests_total") >= 195; }));
  EXPECT_EQ(agent.metric("homeostat_endpoints"), 5);
  EXPECT_TRUE(eventually([&] { return contains(agent.admin("GET", "/metrics").body, "other"); }));
  EXPECT_EQ(client.get("/page").status(), 200);
}

TEST(Admin, ProbesAndMetricsAnswer) {
  ScriptedOrigin origin;
  RunningAgent agent(config_for(origin));
  EXPECT_EQ(agent.admin("GET", "/livez").status(), 200);
  EXPECT_TRUE(eventually([&] { return agent.admin("GET", "/readyz").status() == 200; }));
  ASSERT_EQ(agent.get("/page").status(), 200);
  EXPECT_TRUE(eventually([&] {
    return contains(agent.admin("GET", "/metrics").body, "homeostat_upstream_connects_total 1");
  }));
}

}  // namespace
}  // namespace homeostat::test
