// What does one tick of the rule engine cost? 100 endpoint rules x endpoints,
// some of which look back over a window.
//
// Budget: 1000 endpoints in less than 5 ms (0.5 % CPU at one tick a second).
//   rule_engine_bench --benchmark_filter=Tick
#include <benchmark/benchmark.h>

#include <chrono>
#include <memory>
#include <string>
#include <variant>

#include "rules/engine/engine.hpp"
#include "rules/expr/expression.hpp"

namespace {

using namespace homeostat::rules;

constexpr int rule_count = 100;

std::string window_condition(int i) {
  switch (i % 5) {
    case 0: return "avg(endpoint.latency_p95, 5m) > 2s";
    case 1: return "max(endpoint.latency_p95, 1m) > 5s";
    case 2: return "trend(endpoint.rate, 10m) > 50/s";
    case 3: return "predict(endpoint.latency_p95, 5m, 10m) > 10s";
    default: return "quantile(endpoint.latency_p95, 1m, 90%) > 4s";
  }
}

RuleSet rule_set(int windows) {
  RuleSet set;
  for (int i = 0; i < rule_count; ++i) {
    const std::string text =
        i < windows ? window_condition(i)
        : i % 2 == 0
            ? "endpoint.latency_p95 > " + std::to_string(500 + i) + "ms"
            : "endpoint.latency_p95 > 2s and endpoint.rate > 1/s and cpu.utilization < 0.9";
    auto parsed = Expression::parse_condition(text, true);
    Rule rule;
    rule.name = "rule-" + std::to_string(i);
    rule.scope = Scope::endpoint;
    rule.level = Level::conservative;
    rule.when = std::get<std::shared_ptr<const Expression>>(parsed);
    rule.for_ = std::chrono::seconds(5);
    rule.hold = std::chrono::seconds(30);
    rule.then = {ScaleTtl{}};
    set.rules.push_back(std::move(rule));
  }
  return set;
}

void set(SignalValues& values, SignalId id, double value, Instant now) {
  values[static_cast<std::size_t>(id)] = {value, now, Quality::good, "bench"};
}

/// `slow_every`: every n-th endpoint is slow enough to fire all rules; 0: none.
Frame make_frame(std::size_t endpoints, std::size_t slow_every) {
  Frame frame;
  set(frame.global, SignalId::cpu_utilization, 0.5, frame.now);
  frame.endpoints.resize(endpoints);
  for (std::size_t i = 0; i < endpoints; ++i) {
    EndpointFrame& endpoint = frame.endpoints[i];
    endpoint.id = static_cast<EndpointId>(i);
    endpoint.name = "GET /resource/" + std::to_string(i);
    const bool slow = slow_every != 0 && i % slow_every == 0;
    set(endpoint.values, SignalId::endpoint_latency_p95, slow ? 3.0 : 0.1, frame.now);
    set(endpoint.values, SignalId::endpoint_rate, 10, frame.now);
  }
  return frame;
}

void tick(benchmark::State& state) {
  // Room for the histories of all: where they are refused, windows are unknown and cost nothing.
  Engine engine(rule_set(static_cast<int>(state.range(2))), Level::balanced,
                std::size_t{64} * 1024 * 1024);
  Frame frame = make_frame(static_cast<std::size_t>(state.range(0)),
                           static_cast<std::size_t>(state.range(1)));
  for (int i = 0; i < 700; ++i) {  // so that the windows are full
    frame.now += std::chrono::seconds(1);
    benchmark::DoNotOptimize(engine.tick(frame));
  }
  for (auto _ : state) {
    frame.now += std::chrono::seconds(1);
    benchmark::DoNotOptimize(engine.tick(frame));
  }
  state.SetItemsProcessed(state.iterations() * rule_count * state.range(0));
}

BENCHMARK(tick)
    ->Name("Tick")
    ->ArgNames({"endpoints", "slow_every", "windows"})
    ->Args({10, 0, 0})
    ->Args({100, 0, 20})
    ->Args({1000, 0, 0})
    ->Args({1000, 0, 20})
    ->Args({1000, 0, 100})
    ->Args({1000, 100, 20})
    ->Args({1000, 1, 20})
    ->Unit(benchmark::kMicrosecond);

void parse(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        Expression::parse_condition("endpoint.latency_p95 > 2s and endpoint.rate > 1/s", true));
  }
}
BENCHMARK(parse)->Name("ParseCondition");

}  // namespace
