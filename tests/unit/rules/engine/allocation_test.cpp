// A tick in which no rule acts or changes allocates nothing.
#include "tests/unit/rules/engine/engine_helpers.hpp"
#include "tests/unit/rules/expr/counted_allocations.hpp"

namespace homeostat::rules::testing {
namespace {

TEST(EngineAllocation, ATickWithoutActionsAllocatesNothing) {
  std::vector<Rule> rules = {rule("busy", "cpu.utilization > 90%", {Throttle{}}),
                             rule("average", "avg(cpu.utilization, 1m) > 90%", {Throttle{}}),
                             rule("slow", "endpoint.latency_p95 > 2s", {ScaleTtl{}}),
                             rule("slower", "quantile(endpoint.latency_p95, 1m, 95%) > 2s"),
                             rule("out-of-level", "cpu.utilization > 1%", {Throttle{}}),
                             rule("switched-off", "cpu.utilization > 1%", {Throttle{}})};
  rules[4].level = Level::aggressive;
  rules[5].enabled = false;
  Engine engine(set_of(std::move(rules)));
  Frame frame;
  frame.now = Instant{1h};
  put(frame.global, SignalId::cpu_utilization, 0.5);
  for (EndpointId id = 0; id < 100; ++id) {
    EndpointFrame& endpoint = frame.endpoints.emplace_back();
    endpoint.id = id;
    endpoint.name = "GET /of/a/name/longer/than/a/short/string/" + std::to_string(id);
    put(endpoint.values, SignalId::endpoint_latency_p95, 0.2);
  }
  // Past the first slots of every resolution of the history.
  for (int second = 0; second < 130; ++second) {
    (void)engine.tick(frame);
    frame.now += 1s;
  }
  const std::size_t before = allocations();
  for (int second = 0; second < 600; ++second) {
    (void)engine.tick(frame);
    frame.now += 1s;
  }
  EXPECT_EQ(allocations() - before, 0U);
}

}  // namespace
}  // namespace homeostat::rules::testing
