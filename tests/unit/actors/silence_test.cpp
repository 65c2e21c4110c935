// Endpoints that fall silent: from the telemetry to what is undone.
#include "actors/traffic_signals.hpp"
#include "rules/engine/engine.hpp"
#include "runtime/telemetry/telemetry.hpp"
#include "tests/unit/actors/actor_fixture.hpp"

namespace homeostat::actors {
namespace {

rules::Rule longer_lifetimes() {
  return make_rule("longer-ttl", "endpoint.latency_p95 > 2s", rules::ScaleTtl{2.0, 1h},
                   rules::Scope::endpoint);
}

/// The real telemetry in front of the real engine, in virtual time.
struct Service {
  void request() {
    telemetry::RequestRecord record;
    record.method = "GET";
    record.target = "/slow";
    record.latency = 3s;
    record.status = 200;
    telemetry::WorkerTelemetry& worker = telemetry.worker(0);
    worker.request_started();
    record.endpoint = worker.endpoint(record.method, record.target);
    worker.record(record);
  }
  rules::TickResult tick() {
    clock.advance(1s);
    rules::Frame frame;
    frame.now = clock.now();
    frame.endpoints = endpoint_frames(telemetry.collect(clock.now()), clock.now());
    endpoints = frame.endpoints.size();
    return engine.tick(frame);
  }
  ManualClock clock;
  telemetry::Telemetry telemetry{config::EndpointSettings{}, 1, clock};
  rules::Engine engine{rules::RuleSet{{longer_lifetimes()}}};
  std::size_t endpoints = 0;
};

TEST(SilentEndpoint, LeavesTheFramesAfterAMinuteAndItsActionsEnd) {
  Service service;
  for (int second = 0; second < 30; ++second) {
    service.request();
    (void)service.tick();
  }
  ASSERT_EQ(service.tick().active.size(), 1U);
  int acts = 0;
  std::string reason;
  for (int second = 0; second < 3600 && reason.empty(); ++second) {
    const rules::TickResult result = service.tick();
    acts += result.active.empty() ? 0 : 1;
    for (const rules::Transition& transition : result.transitions) reason = transition.reason;
  }
  EXPECT_EQ(reason, "the endpoint is gone");
  EXPECT_EQ(service.endpoints, 0U);
  EXPECT_NEAR(acts, 660, 15) << "a minute of telemetry and ten of the engine";
  // It comes back as if it were new.
  service.request();
  EXPECT_EQ(service.tick().active.size(), 1U);
}

class SilentEndpointOfTheControlPlane : public ActorFixture {};

TEST_F(SilentEndpointOfTheControlPlane, LosesWhatWasPublishedForIt) {
  settings.optimization.rules.rules = {longer_lifetimes()};
  TrafficFigures figures;
  EndpointFigures& slow = figures.endpoints.emplace_back();
  slow.id = 3;
  slow.method = "GET";
  slow.route = "/slow";
  slow.last_10s.requests = slow.last_1m.requests = 100;
  slow.last_10s.latency_p95 = 2.5;
  traffic.set(figures);
  start();
  run_for(3s);
  ASSERT_DOUBLE_EQ(policy().cache.of(3).ttl_multiplier, 2);
  // The endpoint stays in the telemetry's table for ever.
  slow.last_10s = slow.last_1m = {};
  traffic.set(figures);
  run_for(9min, 1s);
  EXPECT_DOUBLE_EQ(policy().cache.of(3).ttl_multiplier, 2) << "no news is no reason to change";
  run_for(2min, 1s);
  EXPECT_DOUBLE_EQ(policy().cache.of(3).ttl_multiplier, 1);
  EXPECT_TRUE(board.current()->active.empty());
}

}  // namespace
}  // namespace homeostat::actors
