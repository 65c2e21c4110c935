// A tick in which nothing changes allocates nothing, whether or not rules act.
#include "tests/unit/rules/engine/engine_helpers.hpp"
#include "tests/unit/rules/expr/counted_allocations.hpp"

namespace homeostat::rules::testing {
namespace {

Frame frame_of(double cpu, double latency) {
  Frame frame;
  frame.now = Instant{1h};
  put(frame.global, SignalId::cpu_utilization, cpu);
  for (EndpointId id = 0; id < 100; ++id) {
    EndpointFrame& endpoint = frame.endpoints.emplace_back();
    endpoint.id = id;
    endpoint.name = "GET /of/a/name/longer/than/a/short/string/" + std::to_string(id);
    put(endpoint.values, SignalId::endpoint_latency_p95, latency);
    put(endpoint.values, SignalId::endpoint_rate, 10);
  }
  return frame;
}

/// In ten minutes after the first, so that it goes past the first slots of every
/// resolution of the history and everything that is to act does.
std::size_t allocations_of(Engine& engine, Frame frame) {
  for (int second = 0; second < 130; ++second) {
    (void)engine.tick(frame);
    frame.now += 1s;
  }
  const std::size_t before = allocations();
  for (int second = 0; second < 600; ++second) {
    (void)engine.tick(frame);
    frame.now += 1s;
  }
  return allocations() - before;
}

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
  EXPECT_EQ(allocations_of(engine, frame_of(0.5, 0.2)), 0U);
}

TEST(EngineAllocation, ATickWithActionsInForceAllocatesNothing) {
  constexpr const char* busy = "cpu.utilization > 90%";
  constexpr const char* slow = "endpoint.latency_p95 > 2s";
  ReleaseMemory once;
  once.every = 0s;
  const RaiseAlert alert{Severity::critical, "a text that is longer than a short string is"};
  std::vector<Rule> rules = {
      rule("throttles-more-than-the-others-do", busy, {Throttle{0.5}, EnterEmergency{}, once}),
      rule("throttles-and-is-therefore-overruled", busy, {Throttle{0.7}, alert}),
      rule("everywhere-longer-lifetimes-overruled", busy, {ScaleTtl{4.0, 1h}}),
      rule("longer-lifetimes-where-it-is-slow", slow, {ScaleTtl{2.0, 1h}, alert}),
      rule("compresses-where-it-is-slow", slow, {Compress{}}),
      rule("tries-what-cannot-be-proven-here", "endpoint.rate > 1/s", {Compress{true, 9}})};
  rules.back().rollout = 0.5;
  rules.back().effect = EffectGoal{.improve = SignalId::endpoint_latency_p95, .within = 1h};
  Engine engine(set_of(std::move(rules)));
  const Frame frame = frame_of(0.95, 3);
  EXPECT_EQ(allocations_of(engine, frame), 0U);
  Frame next = frame;
  next.now += 1h;
  const TickResult& result = engine.tick(next);
  EXPECT_EQ(result.active.size(), 3U + 2 + 1 + 4 * 100) << "that was no tick with actions";
  EXPECT_EQ(result.outcome.endpoints.size(), 100U);
  EXPECT_DOUBLE_EQ(result.outcome.throttle_to, 0.5);
}

TEST(EngineMemory, OfManyActionsIsGivenBackWhenTheyAreOver) {
  Engine engine(set_of({rule("slow", "endpoint.latency_p95 > 2s", {ScaleTtl{}, Compress{}})}));
  Frame frame = frame_of(0.5, 3);
  frame.endpoints.resize(1200);
  for (EndpointId id = 0; id < frame.endpoints.size(); ++id) {
    frame.endpoints[id].id = id;
    put(frame.endpoints[id].values, SignalId::endpoint_latency_p95, 3);
  }
  EXPECT_EQ(engine.tick(frame).active.size(), 2400U);
  for (EndpointFrame& endpoint : frame.endpoints) {
    put(endpoint.values, SignalId::endpoint_latency_p95, 0.1);
  }
  frame.now += 1s;
  EXPECT_TRUE(engine.tick(frame).active.empty());
  EXPECT_LE(engine.tick(frame).active.capacity(), 1024U);
}

}  // namespace
}  // namespace homeostat::rules::testing
