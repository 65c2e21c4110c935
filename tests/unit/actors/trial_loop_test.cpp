// Trials from a rule to their verdict, round the whole loop and in virtual time: the
// policy that the actors publish divides the requests, the cache answers each side by
// its own lifetimes, the telemetry tells the sides apart, and the verdict comes back
// as another policy. Only the sockets are missing.
#include <functional>
#include <random>

#include "runtime/telemetry/telemetry.hpp"
#include "tests/unit/actors/actor_fixture.hpp"
#include "tests/unit/runtime/cache/cache_fixture.hpp"

namespace homeostat::actors {
namespace {

using rules::TrialVerdict;
using telemetry::CacheResult;

/// How long an answer takes.
struct Costs {
  Duration hit = 1ms, fetch = 200ms;
};

class TrialLoop : public ActorFixture {
 protected:
  TrialLoop() {
    real_traffic = &telemetry_;
    config::CacheSettings cached = cache::testing::small_settings();
    cached.rules.emplace_back().match.path = "/item/*";
    cached.rules.back().ttl = 2s;
    cached.refresh.ahead = config::LoopMode::off;
    harness_.emplace(cached);
  }

  /// Twenty requests a second for ten items, each a hit or a fetch.
  void serve(Duration total) {
    for (Duration done{}; done < total; done += step) {
      run_for(step, step);
      harness_->clock.advance(step);
      for (int i = 0; i < 2; ++i) request("/item/" + std::to_string(random_() % 10));
    }
  }
  /// Until the rule's trial is over, or for so long.
  std::optional<rules::TrialReport> verdict(Duration patience) {
    for (Duration done{}; done < patience; done += 1s) {
      serve(1s);
      const auto report = trial();
      if (report && report->verdict != TrialVerdict::running &&
          report->verdict != TrialVerdict::waiting) {
        return report;
      }
    }
    return std::nullopt;
  }
  [[nodiscard]] std::optional<rules::TrialReport> trial() const {
    for (const rules::RuleStatus& row : board.current()->rules) {
      if (row.trial) return row.trial;
    }
    return std::nullopt;
  }
  [[nodiscard]] const EndpointPolicy& item() {
    cached_ = policies.current();
    return cached_->cache.of(endpoint_);
  }
  [[nodiscard]] std::vector<std::string> verdicts() {
    std::vector<std::string> found;
    for (const auto& event : events.read(0, EventLog::events_max).events) {
      if (event->type != "effect") continue;
      for (const auto& [name, value] : event->details) {
        if (name == "verdict") found.push_back(std::get<std::string>(value));
      }
    }
    return found;
  }

  Costs costs;
  /// Added to each answer by the application; asked for each request.
  std::function<Duration()> delay = [] { return Duration{}; };

 private:
  static constexpr Duration step = 100ms;

  void request(const std::string& path) {
    cache::testing::TestRequest asked;
    asked.path = path;
    const auto policy = policies.current();
    telemetry::WorkerTelemetry& worker = telemetry_.worker(0);
    worker.request_started();
    telemetry::RequestRecord record;
    record.method = "GET";
    record.target = asked.path;
    record.status = 200;
    record.endpoint = worker.endpoint(record.method, record.target);
    if (record.endpoint != telemetry::other_endpoint) endpoint_ = record.endpoint;
    const EndpointPolicy& own = policy->cache.of(record.endpoint);
    Draw draw;
    if (own.divides()) draw = own.draw(std::uniform_real_distribution<>()(random_));
    record.arm = draw.arm;
    const bool hit = answer(asked, own, own.extends_lifetime(draw));
    record.cache = hit ? CacheResult::hit : CacheResult::miss;
    const Duration noise = std::chrono::microseconds(random_() % 500);
    record.latency = (hit ? costs.hit : costs.fetch) + delay() + noise;
    worker.record(record);
  }
  /// As the proxy does: looks up, and stores what was fetched. True: a hit.
  bool answer(cache::testing::TestRequest& asked, const EndpointPolicy& own, bool lives_longer) {
    const cache::Request view = asked.view();
    cache::RequestDecision decision = harness_->cache.rules().decide(view);
    decision.plain_lifetime = !lives_longer;
    const Instant at = harness_->clock.now();
    const cache::Lookup found = harness_->worker.lookup(view, decision, at);
    if (found.kind == cache::Lookup::Kind::hit) return true;
    cache::FillStart fill = harness_->worker.begin_fill(view, decision, found.object, at);
    EXPECT_EQ(fill.kind, cache::FillStart::Kind::leader);
    cache::Fields fields;
    const cache::Response response = harness_->response_view({}, fields);
    cache::StoreDecision store =
        cache::decide_store(decision, view, response, own, harness_->cache.object_bytes_max());
    EXPECT_TRUE(store.storable());
    fill.leader->publish_head(std::move(store), response.content_length, *view.fields, at);
    fill.leader->append("body", at);
    EXPECT_EQ(fill.leader->complete(at), cache::Reason::none);
    return false;
  }

  telemetry::Telemetry telemetry_{config::EndpointSettings{}, 1, clock};
  std::optional<cache::testing::Harness> harness_;
  std::shared_ptr<const Policy> cached_;
  rules::EndpointId endpoint_ = 0;
  std::mt19937 random_{7};
};

rules::Rule longer_lifetimes() {
  rules::Rule rule = make_rule("longer-lifetimes", "endpoint.rate > 1/s", rules::ScaleTtl{5.0, 1h},
                               rules::Scope::endpoint);
  rule.rollout = 0.5;
  rule.effect = rules::EffectGoal{.improve = SignalId::endpoint_latency_avg, .within = 10min};
  return rule;
}

TEST_F(TrialLoop, LifetimesThatSaveFetchesAreProvenUsefulAndGivenToEveryone) {
  settings.optimization.rules.rules = {longer_lifetimes()};
  start();
  serve(5s);
  ASSERT_TRUE(trial());
  EXPECT_EQ(trial()->verdict, TrialVerdict::running);
  EXPECT_DOUBLE_EQ(item().ttl_multiplier, 5);
  EXPECT_DOUBLE_EQ(item().ttl_share, 0.5);
  EXPECT_DOUBLE_EQ(item().measured_share, 0.5);
  const auto found = verdict(10min);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->verdict, TrialVerdict::useful) << rules::describe(*found);
  EXPECT_GT(found->improvement, 0.5);
  ASSERT_TRUE(found->low);
  EXPECT_GT(*found->low, 0) << "the interval leaves no doubt";
  EXPECT_GT(found->confidence, 0.95);
  serve(1min);
  EXPECT_DOUBLE_EQ(item().ttl_share, 1) << "widened";
  EXPECT_DOUBLE_EQ(item().measured_share, 0) << "nothing is left to compare";
  EXPECT_EQ(verdicts(), (std::vector<std::string>{"running", "useful"}));
  EXPECT_TRUE(log.contains("effect on endpoint.latency_avg is useful"));
}

TEST_F(TrialLoop, LifetimesThatCostTimeAreProvenHarmfulAndUndone) {
  costs = {200ms, 1ms};  // a cache that is slower than the application
  settings.optimization.rules.rules = {longer_lifetimes()};
  start();
  const auto found = verdict(10min);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->verdict, TrialVerdict::harmful) << rules::describe(*found);
  EXPECT_TRUE(found->undone);
  serve(30s);
  EXPECT_DOUBLE_EQ(item().ttl_multiplier, 1);
  EXPECT_TRUE(board.current()->active.empty());
  EXPECT_EQ(verdicts(), (std::vector<std::string>{"running", "harmful"}));
  serve(10min);
  EXPECT_DOUBLE_EQ(item().ttl_multiplier, 1) << "not tried again within the hour";
}

TEST_F(TrialLoop, LifetimesThatChangeNothingAreUndoneWhenTimeIsUp) {
  costs = {20ms, 20ms};
  settings.optimization.rules.rules = {longer_lifetimes()};
  start();
  const auto found = verdict(11min);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->verdict, TrialVerdict::unproven) << rules::describe(*found);
  serve(30s);
  EXPECT_DOUBLE_EQ(item().ttl_multiplier, 1);
}

/// Cannot be divided by request: is on and off in turns until there is a verdict.
rules::Rule throttle_tried() {
  rules::Rule rule = make_rule("throttle", "traffic.rate > 1/s", rules::Throttle{0.5});
  rule.effect = rules::EffectGoal{.improve = SignalId::traffic_latency_avg, .within = 30min};
  return rule;
}

TEST_F(TrialLoop, AThrottleThatHelpsIsFoundByTurnsAndStays) {
  delay = [this] {
    return policies.current()->admission.ceiling_factor > 0.75 ? Duration(800ms) : Duration(80ms);
  };
  settings.optimization.rules.rules = {throttle_tried()};
  start();
  const auto found = verdict(30min);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->verdict, TrialVerdict::useful) << rules::describe(*found);
  EXPECT_EQ(found->design, rules::TrialDesign::alternating);
  for (int i = 0; i < 10; ++i) {
    serve(10s);
    EXPECT_DOUBLE_EQ(policy().admission.ceiling_factor, 0.5) << "it no longer alternates";
  }
}

TEST_F(TrialLoop, AThrottleThatHarmsIsFoundByTurnsAndUndone) {
  delay = [this] {
    return policies.current()->admission.ceiling_factor > 0.75 ? Duration(80ms) : Duration(800ms);
  };
  settings.optimization.rules.rules = {throttle_tried()};
  start();
  const auto found = verdict(30min);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->verdict, TrialVerdict::harmful) << rules::describe(*found);
  for (int i = 0; i < 10; ++i) {
    serve(10s);
    EXPECT_DOUBLE_EQ(policy().admission.ceiling_factor, 1) << "undone for good";
  }
}

}  // namespace
}  // namespace homeostat::actors
