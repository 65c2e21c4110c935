// What the rules decide reaches what serves: the gate, compression, memory. Each loop is
// closed in the running agent and opened again.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/parse.hpp>

#include "tests/e2e/compression_support.hpp"
#include "tests/e2e/held_origin.hpp"
#include "tests/support/child_process.hpp"
#include "tests/unit/runtime/sense/fixture_tree.hpp"

namespace homeostat::test {
namespace {

class Actuators : public testing::Test {
 protected:
  static void inject(const RunningAgent& agent, const std::string& metric,
                     const std::string& value) {
    const Message answer = agent.admin(
        "POST", "/api/v1/test/performance?for=10m&metric=" + metric + "&value=" + value, "{}");
    ASSERT_LT(answer.status(), 300) << answer.body;
  }
  static void set_level(const RunningAgent& agent, const std::string& level) {
    const Message answer = agent.admin("PUT", "/api/v1/performance/level",
                                       R"({"level": ")" + level + R"(", "reason": "test"})");
    ASSERT_EQ(answer.status(), 202) << answer.body;
  }
  [[nodiscard]] std::string rules(const std::string& text) const {
    return "rules: [\"" + directory_.write("rules.yaml", "rules:\n" + text) +
           "\"], interval: 100ms";
  }

  ScriptedOrigin origin_;
  TemporaryDirectory directory_;
};

TEST_F(Actuators, AThrottleLowersTheGatesLimitWhileItsReasonLasts) {
  AgentConfig config = config_for(origin_);
  config.admission = "mode: on, limit_initial: 10, limit_min: 1, limit_max: 10";
  config.optimization = rules(
      "  - {name: half, level: conservative, when: cpu.utilization > 90%, until: "
      "cpu.utilization < 50%, for: 0s, hold: 0s, then: [throttle: {to: 50%}]}\n");
  RunningAgent agent(config);
  const auto limit_becomes = [&](double limit) {
    return eventually([&] {
      (void)agent.get("/page");  // workers take on a policy when they serve
      return agent.metric("homeostat_admission_limit") == limit;
    });
  };
  inject(agent, "cpu", "10");
  ASSERT_TRUE(limit_becomes(10)) << agent.metric("homeostat_admission_limit");
  // A busy machine may have fired the rule by itself before the first value was set.
  const std::string fired = "homeostat_rule_transitions_total{rule=\"half\",to=\"firing\"}";
  const double before = std::max(agent.metric(fired), 0.0);  // -1: never
  inject(agent, "cpu", "95");
  EXPECT_TRUE(limit_becomes(5)) << agent.metric("homeostat_admission_limit");
  EXPECT_EQ(agent.metric(fired), before + 1);
  inject(agent, "cpu", "10");
  EXPECT_TRUE(limit_becomes(10)) << agent.metric("homeostat_admission_limit");
  EXPECT_EQ(agent.metric(fired), before + 1);
}

TEST_F(Actuators, TheLevelSaysHowLongARequestMayWait) {
  HeldOrigin held("/slow");
  RunningAgent agent(one_place(held.origin, "queue_max: 10"));
  const auto in_force = [&] {
    const auto status = boost::json::parse(agent.status()).at("performance_status");
    return status.at("admission").at("max_wait_ms").to_number<int>();
  };
  const auto becomes = [&](int wait) {
    return eventually([&] {
      (void)agent.get("/page");  // workers take on a policy when they serve
      return agent.metric("homeostat_admission_max_wait_seconds") * 1000 == wait &&
             in_force() == wait;
    });
  };
  ASSERT_TRUE(becomes(100)) << agent.status();
  set_level(agent, "conservative");
  ASSERT_TRUE(becomes(50)) << agent.status();
  EXPECT_EQ(agent.metric("homeostat_admission_standing_wait_seconds"), 0.01);
  set_level(agent, "aggressive");
  ASSERT_TRUE(becomes(200)) << agent.status();
  HttpClient first(agent.port());
  HttpClient second(agent.port());
  ASSERT_TRUE(first.send(request_text("POST", "/slow")));
  ASSERT_TRUE(held.origin.wait_for_requests("/slow", 1));
  // What is seen of waits: buckets of a fifth, and nobody else has waited that long.
  const Message refused = second.request("POST", "/slow");
  EXPECT_EQ(refused.get("homeostat-rejected"), "wait_expired; class=2");
  EXPECT_TRUE(eventually([&] {
    const auto status = boost::json::parse(agent.status()).at("performance_status");
    const auto& wait = status.at("signals").at("admission.queue_wait").at("value");
    return wait.is_number() && wait.to_number<double>() > 0.15;
  })) << agent.status();
  held.go_on.set();
  EXPECT_EQ(first.read().body, "done");
}

TEST_F(Actuators, AnEmergencyShedsTheWorseClassesAndOnlyThose) {
  AgentConfig config = config_for(origin_);
  config.admission = "mode: on, priorities: [{match: {path: /low*}, class: low}]";
  RunningAgent agent(config);
  const auto post = [&](const char* path) {
    HttpClient client(agent.port());
    return client.request("POST", path);
  };
  ASSERT_EQ(post("/low").status(), 200);
  set_level(agent, "emergency");
  EXPECT_TRUE(eventually([&] { return post("/low").status() == 503; }));
  EXPECT_TRUE(post("/low").get("homeostat-rejected").starts_with("shed"));
  EXPECT_EQ(post("/page").status(), 200);
  set_level(agent, "balanced");
  EXPECT_TRUE(eventually([&] { return post("/low").status() == 200; }));
}

TEST_F(Actuators, ARuleSwitchesCompressionOffAndBackOn) {
  origin_.answer("/text", 200, type + "Cache-Control: no-store\r\n", text_of(20000));
  AgentConfig config = compressing(origin_, "mode: on, level: 5");
  config.optimization = rules(
      "  - {name: plain, level: conservative, when: cpu.utilization > 90%, until: "
      "cpu.utilization < 50%, for: 0s, hold: 0s, then: [compress: {enabled: false}]}\n");
  RunningAgent agent(config);
  const auto coded = [&] {
    return !agent.get("/text", accept(Coding::gzip)).get("content-encoding").empty();
  };
  inject(agent, "cpu", "10");
  ASSERT_TRUE(eventually(coded));
  inject(agent, "cpu", "95");
  EXPECT_TRUE(eventually([&] { return !coded(); }));
  inject(agent, "cpu", "10");
  EXPECT_TRUE(eventually(coded));
}

TEST_F(Actuators, MemoryThatIsNearlyFullEndsConnectionsWithTheirAnswers) {
  origin_.answer("/stored", 200, "Cache-Control: max-age=600\r\n", "x");
  sense::FixtureTree machine;
  machine.add_host();
  const auto use_memory = [&](int percent) {
    machine.write("/proc/meminfo", "MemTotal: 100000 kB\nMemFree: 1000 kB\nMemAvailable: " +
                                       std::to_string((100 - percent) * 1000) + " kB\n");
  };
  use_memory(50);
  AgentConfig config = config_for(origin_);
  config.admission = "mode: on";
  config.monitor = "interval: 100ms, root: " + machine.root();
  RunningAgent agent(config);
  const auto closes = [&](std::string_view method) {
    HttpClient client(agent.port());
    EXPECT_TRUE(client.send(request_text(method, "/stored")));
    const Message answer = client.read();
    EXPECT_EQ(answer.status(), 200);
    return answer.get("connection") == "close";
  };
  EXPECT_FALSE(closes("GET"));
  EXPECT_FALSE(closes("POST"));
  use_memory(96);
  EXPECT_TRUE(eventually([&] { return closes("GET"); }));
  EXPECT_TRUE(closes("POST")) << "what is passed on, too";
}

TEST_F(Actuators, ARuleReleasesMemoryAndCallsTheApplicationsHook) {
  std::string told;
  Signal called;
  origin_.on("/gc", [&](OriginExchange& exchange) {
    if (told.empty()) told = exchange.body();
    exchange.respond(204, "", "");
    called.set();
  });
  AgentConfig config = config_for(origin_);
  config.optimization = rules(
      "  - {name: squeeze, level: conservative, when: memory.utilization > 90%, for: 0s, then: "
      "[release_memory: {allocator: true, hook: true, every: 0s}]}\n");
  config.optimization += ", memory_hook: \"" + origin_.url() + "/gc\"";
  RunningAgent agent(config);
  inject(agent, "memory", "10");
  ASSERT_TRUE(eventually([&] { return contains(agent.status(), "\"memory_keeper\""); }));
  EXPECT_EQ(origin_.requests("/gc"), 0U);
  inject(agent, "memory", "95");
  ASSERT_TRUE(called.wait());
  EXPECT_TRUE(contains(told, "squeeze")) << told;
  EXPECT_TRUE(eventually([&] { return agent.metric("homeostat_memory_releases_total") >= 1; }));
}

}  // namespace
}  // namespace homeostat::test
