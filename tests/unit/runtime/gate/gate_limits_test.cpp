// Caps, weights and deadlines at the gate.
#include <list>

#include "tests/unit/runtime/gate/gate_fixture.hpp"

namespace homeostat::gate {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

class GateLimits : public GateFixture {
 protected:
  [[nodiscard]] ConcurrencyCap cap(std::int64_t places, bool shadow = false) {
    return {&gate->caps().of("reports"), places, shadow};
  }
  [[nodiscard]] GateRequest request() const {
    GateRequest wanted;
    wanted.endpoint = 1;
    wanted.now = clock.now();
    return wanted;
  }
  [[nodiscard]] Admission capped(Client& client, const ConcurrencyCap& cap) {
    GateRequest wanted = request();
    wanted.cap = cap;
    return gate->worker(0).admit(wanted, client);
  }
  [[nodiscard]] Admission weighing(std::uint32_t weight, Client& client) {
    GateRequest wanted = request();
    wanted.weight = weight;
    return gate->worker(0).admit(wanted, client);
  }
  [[nodiscard]] std::uint64_t would_reject(RejectReason reason) const {
    return gate->totals().would_reject[static_cast<std::size_t>(reason)][2];
  }
};

TEST_F(GateLimits, ACapRefusesWhatIsOneTooManyAndSaysWhich) {
  build(with_limit(10));
  const ConcurrencyCap two = cap(2);
  Client client;
  Admission first = capped(client, two);
  const Admission second = capped(client, two);
  ASSERT_TRUE(admitted(first));
  ASSERT_TRUE(admitted(second));
  const Admission third = capped(client, two);
  ASSERT_TRUE(rejected_for(third, RejectReason::concurrency_cap));
  EXPECT_EQ(std::get<Rejection>(third).limit->name, "reports");
  GateRequest more = request();
  more.cap = two;
  EXPECT_TRUE(gate->worker(0).refuse(more));
  std::get<Permit>(first).ignore();
  EXPECT_TRUE(admitted(capped(client, two)));
  EXPECT_EQ(gate->caps().figures().at(0).rejected, 2U);
}

TEST_F(GateLimits, WhoeverWaitsHoldsAPlaceUntilHeLeaves) {
  config::AdmissionSettings settings = with_limit(1);
  settings.max_wait = hours(1);
  build(settings);
  const ConcurrencyCap one = cap(1);
  Permit busy = take();
  {
    Client waiter, other;
    ASSERT_TRUE(queued(capped(waiter, one)));
    EXPECT_TRUE(rejected_for(capped(other, one), RejectReason::concurrency_cap));
  }
  EXPECT_EQ(gate->caps().figures().at(0).in_use, 0);
  Client waiter;
  ASSERT_TRUE(queued(capped(waiter, one)));
  busy.ignore();
  ASSERT_TRUE(waiter.permit);
  EXPECT_EQ(gate->caps().figures().at(0).in_use, 1);
  waiter.permit.drop();
  EXPECT_EQ(gate->caps().figures().at(0).in_use, 0);
}

TEST_F(GateLimits, ACapInShadowOnlyCounts) {
  build(with_limit(10));
  Client client;
  const Admission first = capped(client, cap(1, true));
  const Admission second = capped(client, cap(1, true));
  EXPECT_TRUE(admitted(second));
  EXPECT_EQ(gate->caps().figures().at(0).would_reject, 1U);
  EXPECT_EQ(would_reject(RejectReason::concurrency_cap), 1U);
}

TEST_F(GateLimits, WhileAllIsInShadowSoIsEveryCap) {
  config::AdmissionSettings settings = with_limit(10);
  settings.mode = config::LoopMode::shadow;
  build(settings);
  Client client;
  const Admission first = capped(client, cap(1));
  const Admission second = capped(client, cap(1));
  EXPECT_TRUE(admitted(second));
  EXPECT_EQ(gate->caps().figures().at(0).would_reject, 1U);
}

TEST_F(GateLimits, ACapHoldsWhileTheLimiterIsOff) {
  config::AdmissionSettings settings = with_limit(10);
  settings.mode = config::LoopMode::off;
  build(settings);
  Client client;
  const Admission first = capped(client, cap(1));
  EXPECT_TRUE(rejected_for(capped(client, cap(1)), RejectReason::concurrency_cap));
}

TEST_F(GateLimits, LimitsOfTheOperatorAreNoSignOfOverload) {
  build(with_limit(10));
  Client client;
  const Admission first = capped(client, cap(1));
  const Admission second = capped(client, cap(1));
  gate->worker(0).rate_limited(gate->rate_limits().of("api"), 2, false);
  EXPECT_EQ(gate->totals().rejected_total(), 2U);
  EXPECT_EQ(gate->collect(clock.now()).rejected, 0U);
}

TEST_F(GateLimits, AHeavyRequestTakesAsManySlotsAsItWeighs) {
  build(with_limit(10));
  Client client;
  Admission heavy = weighing(7, client);
  ASSERT_TRUE(admitted(heavy));
  EXPECT_EQ(gate->in_flight(), 7U);
  Client other;
  const Admission light = weighing(3, client);
  EXPECT_TRUE(queued(weighing(1, other)));
  std::get<Permit>(heavy).ignore();
  EXPECT_TRUE(other.permit);
  EXPECT_EQ(gate->in_flight(), 4U);
}

TEST_F(GateLimits, AHeavyRequestAtTheFrontIsNotOvertakenByLightOnes) {
  config::AdmissionSettings settings = with_limit(4);
  settings.max_wait = hours(1);
  build(settings);
  Permit running[3] = {take(), take(), take()};
  Client heavy, light;
  ASSERT_TRUE(queued(weighing(3, heavy)));
  ASSERT_TRUE(queued(weighing(1, light))) << "though a slot is free";
  running[0].ignore();
  EXPECT_FALSE(heavy.permit);
  running[1].ignore();
  EXPECT_TRUE(heavy.permit);
  EXPECT_FALSE(light.permit) << "four are taken";
  running[2].ignore();
  EXPECT_TRUE(light.permit);
}

TEST_F(GateLimits, WhatWeighsMoreThanThereIsRunsAloneAndNeverExceedsTheLimit) {
  config::AdmissionSettings settings = with_limit(4);
  settings.max_wait = hours(1);
  build(settings);
  Permit busy = take();
  Client huge;
  ASSERT_TRUE(queued(weighing(100, huge)));
  busy.ignore();
  ASSERT_TRUE(huge.permit);
  EXPECT_EQ(gate->in_flight(), 4U);
  gate->apply({.limit = 2});
  huge.permit.ignore();
  EXPECT_EQ(gate->in_flight(), 0U) << "gives back what it took, whatever the limit is now";
}

TEST_F(GateLimits, TheTimeAverageCountsSlots) {
  build(with_limit(10));
  (void)gate->collect(clock.now());
  Client client;
  Admission heavy = weighing(5, client);
  clock.advance(milliseconds(100));
  EXPECT_DOUBLE_EQ(gate->collect(clock.now()).window.in_flight_mean, 5);
}

TEST_F(GateLimits, AHeavyRequestCountsForEachOfItsSlotsInTheWindow) {
  build(with_limit(10));
  (void)gate->collect(clock.now());
  Client client;
  Admission heavy = weighing(3, client);
  clock.advance(milliseconds(100));
  std::get<Permit>(heavy).success(milliseconds(20));
  take().success(milliseconds(10));
  const GateFigures figures = gate->collect(clock.now());
  ASSERT_EQ(figures.window.endpoints.size(), 1U);
  const rules::EndpointSamples& samples = figures.window.endpoints.front();
  EXPECT_EQ(samples.count, 4U);
  EXPECT_NEAR(samples.latency_sum, 0.07, 1e-9);
  EXPECT_NEAR(samples.latency_square_sum, 3 * 0.0004 + 0.0001, 1e-9);
  EXPECT_NEAR(samples.latency_min, 0.01, 1e-9);
}

TEST_F(GateLimits, AHeavyRequestIsNotOvertakenForEverOnOtherWorkersEither) {
  config::AdmissionSettings settings = with_limit(3);
  settings.max_wait = hours(1);
  build(settings, 2);
  std::list<Permit> running;
  for (int i = 0; i < 3; ++i) running.push_back(take(1));
  Client heavy;
  ASSERT_TRUE(queued(weighing(3, heavy)));
  std::list<Client> light;
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(queued(ask(light.emplace_back(), 2, 1)));
  int released = 0;
  while (!heavy.permit && !running.empty()) {
    running.front().ignore();
    running.pop_front();
    ++released;
    settle();
    for (Client& one : light) {
      if (one.permit) running.push_back(std::move(one.permit));
    }
  }
  EXPECT_TRUE(heavy.permit);
  EXPECT_LE(released, 4 + 3) << "four that a worker keeps for itself, then three saved up";
  heavy.permit.ignore();
  settle();
  for (const Client& one : light) released += one.permit ? 1 : 0;
  EXPECT_EQ(gate->in_flight(), 3U) << "and then the others go on";
}

TEST_F(GateLimits, WhatWasSavedUpIsFreeAgainWhenTheHeavyOneLeaves) {
  config::AdmissionSettings settings = with_limit(2);
  settings.max_wait = hours(1);
  build(settings, 2);
  Permit first = take(1), second = take(1);
  auto heavy = std::make_unique<Client>();
  ASSERT_TRUE(queued(weighing(2, *heavy)));
  first.ignore();
  settle();
  Client light;
  ASSERT_TRUE(queued(ask(light, 2, 1))) << "though a slot is free";
  heavy.reset();
  settle();
  EXPECT_TRUE(light.permit);
}

TEST_F(GateLimits, ABetterClassDoesNotStandBackForAHeavyRequest) {
  config::AdmissionSettings settings = with_limit(2);
  settings.max_wait = hours(1);
  build(settings, 2);
  Permit first = take(1), second = take(1);
  Client heavy, critical;
  ASSERT_TRUE(queued(weighing(2, heavy)));
  first.ignore();
  settle();
  EXPECT_TRUE(admitted(ask(critical, 0, 1)));
}

TEST_F(GateLimits, AHeavyRequestDueByItsFloorShareDoesNotStopBetterClasses) {
  config::AdmissionSettings settings = with_limit(2);
  settings.max_wait = hours(1);
  build(settings, 2);
  std::list<Permit> running;
  running.push_back(take(0));
  running.push_back(take(0));
  Client heavy;
  GateRequest wanted = request();
  wanted.priority_class = 3;
  wanted.weight = 2;
  ASSERT_TRUE(queued(gate->worker(1).admit(wanted, heavy)));
  std::list<Client> critical;
  int served = 0;
  // Beyond what its class is owed for, two at least wait at any time.
  for (int i = 0; i < 60; ++i) {
    while (static_cast<int>(critical.size()) < served + 3) {
      ASSERT_TRUE(queued(ask(critical.emplace_back(), 0, 0)));
    }
    running.front().ignore();
    running.pop_front();
    settle();
    int now_served = 0;
    for (Client& one : critical) {
      if (one.permit) running.push_back(std::move(one.permit));
      now_served += one.callbacks;
    }
    ASSERT_EQ(now_served, served + 1) << "after " << i;
    served = now_served;
  }
  EXPECT_FALSE(heavy.permit);
}

TEST_F(GateLimits, ACriticalRequestThatWaitsPassesAHeavyOneThatSavesUp) {
  config::AdmissionSettings settings = with_limit(3);
  settings.max_wait = hours(1);
  build(settings);
  Permit first = take(), second = take(), third = take();
  Client heavy;
  GateRequest wanted = request();
  wanted.priority_class = 3;
  wanted.weight = 3;
  ASSERT_TRUE(queued(gate->worker(0).admit(wanted, heavy)));
  Client critical;
  ASSERT_TRUE(queued(ask(critical, 0)));
  first.ignore();
  EXPECT_TRUE(critical.permit);
  critical.permit.ignore();
  second.ignore();
  EXPECT_FALSE(heavy.permit);
  third.ignore();
  EXPECT_TRUE(heavy.permit);
}

TEST_F(GateLimits, DropsAndTheCriticalShareCountSlotsToo) {
  build(with_limit(10));
  (void)gate->collect(clock.now());
  Client client;
  Admission heavy = weighing(3, client);
  Admission critical = ask(client, 0);
  std::get<Permit>(heavy).drop();
  std::get<Permit>(critical).success(milliseconds(10));
  clock.advance(milliseconds(100));
  const GateFigures figures = gate->collect(clock.now());
  ASSERT_EQ(figures.window.endpoints.size(), 1U);
  EXPECT_EQ(figures.window.endpoints.front().dropped, 3U);
  EXPECT_DOUBLE_EQ(figures.window.critical_share, 0.25);
  EXPECT_EQ(gate->totals().dropped, 1U) << "of requests";
}

TEST_F(GateLimits, AnOpenBreakersRefusalsAreCountedAndAreNoSignOfOverload) {
  build(with_limit(10));
  gate->worker(0).upstream_refused(RejectReason::upstream_silent, 2);
  EXPECT_EQ(gate->totals().rejected_total(), 1U);
  EXPECT_EQ(gate->collect(clock.now()).rejected, 0U);
}

TEST_F(GateLimits, WithoutAnyWaitingTimeNobodyWaits) {
  config::AdmissionSettings settings = with_limit(1);
  settings.max_wait = milliseconds(0);
  build(settings);
  const Permit busy = take();
  Client client;
  EXPECT_TRUE(rejected_for(ask(client), RejectReason::predicted_wait));
  EXPECT_EQ(gate->totals().queued, 0U);
}

TEST_F(GateLimits, InShadowALateRequestIsCountedAndServed) {
  config::AdmissionSettings settings = with_limit(10);
  settings.mode = config::LoopMode::shadow;
  build(settings);
  GateRequest late = request();
  late.deadline = clock.now() - milliseconds(1);
  Client client;
  EXPECT_TRUE(admitted(gate->worker(0).admit(late, client)));
  EXPECT_EQ(would_reject(RejectReason::too_late), 1U);
}

TEST_F(GateLimits, ANameKeepsItsFiguresAndTheTableStaysBounded) {
  build(with_limit(10));
  NamedLimits& names = gate->caps();
  EXPECT_EQ(&names.of("a"), &names.of("a"));
  EXPECT_NE(&names.of("a"), &names.of("b"));
  for (std::size_t i = 0; i < 2 * NamedLimits::names_max; ++i) (void)names.of(std::to_string(i));
  EXPECT_EQ(names.figures().size(), NamedLimits::names_max);
}

}  // namespace
}  // namespace homeostat::gate
