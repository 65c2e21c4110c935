#include <vector>

#include "tests/unit/runtime/gate/gate_fixture.hpp"

namespace homeostat::gate {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class GatePolicy : public GateFixture {};

TEST_F(GatePolicy, PolicyLimitIsScaledAndClamped) {
  config::AdmissionSettings settings = with_limit(20);
  settings.limit_min = 2;
  settings.limit_max = 50;
  build(settings);
  EXPECT_DOUBLE_EQ(gate->limit(), 20);
  gate->apply({.limit = 40, .ceiling_factor = 0.5});
  EXPECT_DOUBLE_EQ(gate->limit(), 20);
  gate->apply({.limit = 400});
  EXPECT_DOUBLE_EQ(gate->limit(), 50);
  gate->apply({.limit = 1});
  EXPECT_DOUBLE_EQ(gate->limit(), 2);
}

TEST_F(GatePolicy, ARaisedLimitServesWaitersOnAllWorkers) {
  build(with_limit(1), 3);
  const Permit busy = take();
  Client clients[3];
  for (unsigned worker = 0; worker < 3; ++worker) {
    ASSERT_TRUE(queued(ask(clients[worker], 2, worker)));
  }
  gate->apply({.limit = 4});
  settle();
  for (Client& client : clients) EXPECT_TRUE(client.permit);
}

TEST_F(GatePolicy, ALoweredLimitWaitsUntilEnoughCameBack) {
  build(with_limit(3));
  Permit permits[3] = {take(), take(), take()};
  gate->apply({.limit = 1});
  Client waiter;
  ASSERT_TRUE(queued(ask(waiter)));
  permits[0].ignore();
  permits[1].ignore();
  EXPECT_FALSE(waiter.permit);
  permits[2].ignore();
  EXPECT_TRUE(waiter.permit);
}

TEST_F(GatePolicy, AReleaseWakesTheWorkerThatHasTheBestWaiter) {
  build(with_limit(1), 2);
  Permit busy = take(0);
  Client local, remote;
  ASSERT_TRUE(queued(ask(local, 2, 0)));
  ASSERT_TRUE(queued(ask(remote, 0, 1)));
  busy.ignore();
  EXPECT_FALSE(local.permit);
  settle();
  EXPECT_TRUE(remote.permit);
  EXPECT_FALSE(local.permit);
  remote.permit.ignore();  // on worker 1: goes back to worker 0
  settle();
  EXPECT_TRUE(local.permit);
}

TEST_F(GatePolicy, OffAdmitsAllAndStillCounts) {
  config::AdmissionSettings settings = with_limit(1);
  settings.mode = config::LoopMode::off;
  build(settings);
  gate->apply({.limit = 1, .ceiling_factor = 1, .shed_class_from = 0});
  const Permit permits[3] = {take(), take(), take()};
  EXPECT_EQ(gate->in_flight(), 3U);
  EXPECT_EQ(gate->totals().admitted[2], 3U);
  EXPECT_EQ(gate->totals().rejected_total(), 0U);
}

TEST_F(GatePolicy, ShadowAdmitsAllAndCountsWhatItWouldReject) {
  config::AdmissionSettings settings = with_limit(1);
  settings.mode = config::LoopMode::shadow;
  build(settings);
  teach_service(milliseconds(50));
  const Permit first = take();   // served
  const Permit second = take();  // would wait
  const Permit third = take();   // 50 ms ahead: would wait
  const Permit fourth = take();  // 100 ms ahead, two services: would wait
  const Permit fifth = take();   // 150 ms ahead: would be rejected
  const GateTotals totals = gate->totals();
  EXPECT_EQ(totals.admitted_total(), 6U);
  EXPECT_EQ(totals.rejected_total(), 0U);
  EXPECT_EQ(totals.queued, 3U);
  EXPECT_EQ(totals.would_reject[static_cast<std::size_t>(RejectReason::predicted_wait)][2], 1U);
}

TEST_F(GatePolicy, ShadowCountsByTheLimitThatIsPublishedAndByTheClassesShed) {
  config::AdmissionSettings settings = with_limit(20);
  settings.mode = config::LoopMode::shadow;
  build(settings);
  teach_service(milliseconds(50));
  gate->apply({.limit = 2, .shed_class_from = 3});
  std::vector<Permit> inside;
  for (int index = 0; index < 12; ++index) inside.push_back(take());
  Client low;
  const Admission served = ask(low, 3);
  EXPECT_TRUE(admitted(served));
  const GateTotals totals = gate->totals();
  const auto would_reject = [&](RejectReason reason, std::size_t priority_class) {
    return totals.would_reject[static_cast<std::size_t>(reason)][priority_class];
  };
  EXPECT_GE(would_reject(RejectReason::predicted_wait, 2), 5U) << "far below the initial limit";
  EXPECT_EQ(would_reject(RejectReason::shed_class, 3), 1U);
}

TEST_F(GatePolicy, InShadowWhatWouldBeTurnedAwayMakesDemandStanding) {
  config::AdmissionSettings settings = with_limit(2);
  settings.mode = config::LoopMode::shadow;
  build(settings);
  teach_service(milliseconds(20));
  std::vector<Permit> inside;
  const auto would_wait = [&](int requests) {
    const std::uint64_t before = gate->totals().queued;
    for (int index = 0; index < requests; ++index) inside.push_back(take());
    const std::uint64_t waited = gate->totals().queued - before;
    inside.clear();
    return waited;
  };
  const std::uint64_t in_a_burst = would_wait(40);
  for (int window = 0; window < 50; ++window) {
    for (int index = 0; index < 40; ++index) inside.push_back(take());
    clock.advance(milliseconds(100));
    (void)gate->collect(clock.now());
    inside.clear();
  }
  EXPECT_LT(would_wait(40), in_a_burst) << "a standing queue has a shorter budget";
}

TEST_F(GatePolicy, TheLevelSaysForHowLongWhoComesMayWait) {
  build(with_limit(1));
  const Permit busy = take();
  const std::pair<rules::Level, milliseconds> waits[] = {
      {rules::Level::balanced, milliseconds(100)},
      {rules::Level::conservative, milliseconds(50)},
      {rules::Level::aggressive, milliseconds(200)}};
  for (const auto& [level, wait] : waits) {
    gate->apply({.limit = 1, .level = level});
    Client client;
    ASSERT_TRUE(queued(ask(client)));
    clock.advance(wait - milliseconds(1));
    gate->worker(0).expire(clock.now());
    EXPECT_TRUE(client.waiting()) << rules::to_string(level);
    clock.advance(milliseconds(1));
    gate->worker(0).expire(clock.now());
    ASSERT_TRUE(client.rejection) << rules::to_string(level);
    EXPECT_EQ(client.rejection->reason, RejectReason::wait_expired);
  }
  EXPECT_EQ(gate->in_flight(), 1U);
}

TEST_F(GatePolicy, AWildLevelLetsMoreOfABurstWait) {
  build(with_limit(2));
  teach_service(milliseconds(20));
  const auto wait_at = [&](rules::Level level) {
    gate->apply({.limit = 2, .level = level});
    const Permit busy[] = {take(), take()};
    std::vector<std::unique_ptr<Client>> burst;
    std::size_t waiting = 0;
    for (int index = 0; index < 50; ++index) {
      burst.push_back(std::make_unique<Client>());
      if (queued(ask(*burst.back()))) ++waiting;
    }
    for (auto& client : burst) client->cancel();
    return waiting;
  };
  EXPECT_EQ(wait_at(rules::Level::conservative), 5U) << "4 x 20 ms / 2 <= 42 ms";
  EXPECT_EQ(wait_at(rules::Level::balanced), 9U);
  EXPECT_EQ(wait_at(rules::Level::aggressive), 18U);
}

TEST_F(GatePolicy, WhoWaitsKeepsTheBudgetOfItsArrival) {
  build(with_limit(1));
  Permit busy = take();
  gate->apply({.limit = 1, .level = rules::Level::aggressive});
  Client patient, hasty, last;
  ASSERT_TRUE(queued(ask(patient)));
  gate->apply({.limit = 1, .level = rules::Level::conservative});
  ASSERT_TRUE(queued(ask(hasty)));
  clock.advance(milliseconds(60));
  gate->worker(0).expire(clock.now());
  EXPECT_TRUE(hasty.rejection);
  EXPECT_TRUE(patient.waiting());
  busy.ignore();
  EXPECT_TRUE(patient.permit);
  ASSERT_TRUE(queued(ask(last)));
  patient.permit.ignore();
  EXPECT_TRUE(last.permit) << "no permit is lost on the way";
}

TEST_F(GatePolicy, TheOperatorsMaxWaitHoldsAtEveryLevel) {
  config::AdmissionSettings settings = with_limit(1);
  settings.max_wait = milliseconds(70);
  build(settings);
  const Permit busy = take();
  for (const auto level : {rules::Level::conservative, rules::Level::aggressive}) {
    gate->apply({.limit = 1, .level = level});
    Client client;
    ASSERT_TRUE(queued(ask(client)));
    clock.advance(milliseconds(69));
    gate->worker(0).expire(clock.now());
    EXPECT_TRUE(client.waiting());
    clock.advance(milliseconds(1));
    gate->worker(0).expire(clock.now());
    EXPECT_TRUE(client.rejection);
  }
}

TEST_F(GatePolicy, DrainRejectsWaitersAndQueuesNoMore) {
  build(with_limit(1), 2);
  Permit busy = take();
  Client waiter, other, late;
  ASSERT_TRUE(queued(ask(waiter, 0, 0)));
  ASSERT_TRUE(queued(ask(other, 2, 1)));
  gate->worker(0).drain();
  ASSERT_TRUE(waiter.rejection);
  EXPECT_EQ(waiter.rejection->reason, RejectReason::shutdown);
  EXPECT_TRUE(rejected_for(ask(late, 0, 0), RejectReason::shutdown));
  busy.ignore();
  settle();
  EXPECT_TRUE(other.permit);
}

TEST_F(GatePolicy, RetryAfterStaysInItsRangeAndVaries) {
  config::AdmissionSettings settings = with_limit(1);
  settings.queue_max = 0;
  build(settings);
  const Permit busy = take();
  bool seen[3] = {};
  for (int index = 0; index < 100; ++index) {
    Client client;
    const Admission answer = ask(client);
    const auto* rejection = std::get_if<Rejection>(&answer);
    ASSERT_NE(rejection, nullptr);
    const auto seconds_given = rejection->retry_after.count();
    ASSERT_GE(seconds_given, 1);
    ASSERT_LE(seconds_given, 2);
    seen[seconds_given] = true;
  }
  EXPECT_TRUE(seen[1]);
  EXPECT_TRUE(seen[2]);
}

TEST_F(GatePolicy, CallbacksMayAskAndReleaseAgain) {
  build(with_limit(1));
  Permit busy = take();
  Client inner;
  Client outer;
  outer.on_permit = [&] {
    EXPECT_TRUE(queued(ask(inner)));
    outer.permit.success(milliseconds(1));
  };
  ASSERT_TRUE(queued(ask(outer)));
  busy.ignore();
  EXPECT_EQ(outer.callbacks, 1);
  EXPECT_TRUE(inner.permit);
  EXPECT_EQ(gate->in_flight(), 1U);
}

}  // namespace
}  // namespace homeostat::gate
