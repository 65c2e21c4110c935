#include <vector>

#include "tests/unit/runtime/gate/gate_fixture.hpp"

namespace homeostat::gate {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class GateAdmission : public GateFixture {
 protected:
  /// Ten slots, all taken, services of 25 ms, and so much turned away while no
  /// slot was free that it is no burst any more. Nobody waits.
  std::vector<Permit> make_demand_stand() {
    build(with_limit(10));
    teach_service(milliseconds(25));
    std::vector<Permit> busy;
    for (int index = 0; index < 10; ++index) busy.push_back(take());
    std::vector<Client> crowd(200);
    int rejected = 0;
    for (Client& client : crowd) {
      if (rejected_for(ask(client), RejectReason::predicted_wait)) ++rejected;
    }
    EXPECT_EQ(rejected, 200 - 35) << "85 ms at ten times the service are 34, and the next";
    clock.advance(milliseconds(50));
    (void)gate->collect(clock.now());
    for (Client& client : crowd) client.cancel();
    EXPECT_EQ(gate->queue_length(), 0U);
    return busy;
  }
  int joined(std::vector<Client>& clients, std::uint8_t priority_class) {
    int count = 0;
    for (Client& client : clients) count += queued(ask(client, priority_class)) ? 1 : 0;
    return count;
  }
};

TEST_F(GateAdmission, AdmitsUpToTheLimitAndQueuesTheNext) {
  build(with_limit(2));
  const Permit first = take();
  const Permit second = take();
  Client third;
  EXPECT_TRUE(queued(ask(third)));
  EXPECT_EQ(gate->in_flight(), 2U);
  EXPECT_EQ(gate->queue_length(), 1U);
}

TEST_F(GateAdmission, ReleaseHandsTheSlotToTheWaiterAtOnce) {
  build(with_limit(1));
  Permit first = take();
  Client waiter;
  ASSERT_TRUE(queued(ask(waiter)));
  first.success(milliseconds(5));
  EXPECT_TRUE(waiter.permit);
  EXPECT_EQ(gate->in_flight(), 1U);
  EXPECT_EQ(gate->queue_length(), 0U);
}

TEST_F(GateAdmission, EveryEndingReleasesExactlyOnce) {
  build(with_limit(4));
  Permit success = take(), ignored = take(), dropped = take();
  {
    const Permit forgotten = take();
    EXPECT_EQ(gate->in_flight(), 4U);
  }
  success.success(milliseconds(1));
  success.drop();
  ignored.ignore();
  ignored.success(milliseconds(1));
  dropped.drop();
  EXPECT_EQ(gate->in_flight(), 0U);
  EXPECT_EQ(gate->totals().dropped, 1U);
}

TEST_F(GateAdmission, MovingAPermitMovesTheSlot) {
  build(with_limit(2));
  Permit first = take();
  Permit second = take();
  first = std::move(second);
  EXPECT_EQ(gate->in_flight(), 1U);
  const Permit third(std::move(first));
  EXPECT_TRUE(third);
  EXPECT_EQ(gate->in_flight(), 1U);
}

TEST_F(GateAdmission, BetterClassesAreServedFirstAndFifoInside) {
  build(with_limit(1));
  Permit busy = take();
  std::vector<Client> clients(4);
  const std::uint8_t classes[] = {3, 1, 0, 1};
  for (std::size_t index = 0; index < clients.size(); ++index) {
    ASSERT_TRUE(queued(ask(clients[index], classes[index])));
  }
  std::vector<std::size_t> order;
  busy.ignore();
  for (int round = 0; round < 4; ++round) {
    for (std::size_t index = 0; index < clients.size(); ++index) {
      if (!clients[index].permit) continue;
      order.push_back(index);
      clients[index].permit.ignore();
      break;
    }
  }
  EXPECT_EQ(order, (std::vector<std::size_t>{2, 1, 3, 0}));
}

TEST_F(GateAdmission, TheCriticalClassIsNotMadeImpatientByTheQueueBehindIt) {
  std::vector<Permit> busy = make_demand_stand();
  Client normal, critical;
  ASSERT_TRUE(queued(ask(normal, 2)));
  ASSERT_TRUE(queued(ask(critical, 0)));
  clock.advance(milliseconds(80));
  busy.front().ignore();
  EXPECT_TRUE(critical.permit) << "within max_wait, and nobody was before it";
  critical.permit.ignore();
  ASSERT_TRUE(normal.rejection.has_value());
  EXPECT_EQ(normal.rejection->reason, RejectReason::wait_expired);
}

TEST_F(GateAdmission, WhatIsRefusedBeforehandIsDemandLikeWhatIsTurnedAway) {
  build(with_limit(10));
  teach_service(milliseconds(25));
  std::vector<Permit> busy;
  for (int index = 0; index < 10; ++index) busy.push_back(take());
  std::vector<Client> first(35), second(20);
  ASSERT_EQ(joined(first, 2), 35);
  for (int index = 0; index < 150; ++index) {
    ASSERT_TRUE(gate->worker(0).refuse({1, 2, clock.now(), std::nullopt}).has_value());
  }
  clock.advance(milliseconds(50));
  (void)gate->collect(clock.now());
  for (Client& client : first) client.cancel();
  EXPECT_EQ(joined(second, 2), 11) << "the budget is short now";
}

TEST_F(GateAdmission, RefusesBeforehandExactlyWhatItWouldNotTakeIn) {
  config::AdmissionSettings settings = with_limit(1);
  settings.queue_max = 1;
  build(settings);
  const auto refused = [this](std::uint8_t priority_class) {
    return gate->worker(0).refuse({1, priority_class, clock.now(), std::nullopt});
  };
  EXPECT_FALSE(refused(2)) << "there is room";
  const Permit busy = take();
  EXPECT_FALSE(refused(2)) << "it may wait";
  Client waiter;
  ASSERT_TRUE(queued(ask(waiter, 2)));
  EXPECT_EQ(gate->totals().rejected_total(), 0U);
  const std::optional<Rejection> full = refused(2);
  ASSERT_TRUE(full.has_value());
  EXPECT_EQ(full->reason, RejectReason::queue_full);
  EXPECT_GE(full->retry_after, seconds(1));
  EXPECT_EQ(gate->totals().rejected_total(), 1U) << "it is counted like any other";
  EXPECT_FALSE(refused(0)) << "the waiter would give way";
  EXPECT_EQ(gate->queue_length(), 1U) << "but not before the better one is there";
}

TEST_F(GateAdmission, AFreeSlotOnItsWayToABetterWaiterIsNotTakenByAWorseOne) {
  build(with_limit(1), 2);
  Permit busy = take();
  Client waiter;
  ASSERT_TRUE(queued(ask(waiter, 1, 1)));
  busy.ignore();  // worker 1 must be woken; until then the slot is free
  ASSERT_EQ(gate->in_flight(), 0U);
  Client worse, better;
  EXPECT_TRUE(queued(ask(worse, 2, 0)));
  EXPECT_TRUE(admitted(ask(better, 0, 0)));
}

TEST_F(GateAdmission, AWorkerWithTheOnlySlotSharesItWithOthers) {
  build(with_limit(1), 2);
  Permit current = take();
  Client remote;
  ASSERT_TRUE(queued(ask(remote, 2, 1)));
  int grants = 0;
  while (!remote.permit && grants < 20) {
    Client local;
    ASSERT_TRUE(queued(ask(local, 2, 0)));
    current.ignore();
    settle();
    if (local.permit) current = std::move(local.permit);
    ++grants;
  }
  EXPECT_LE(grants, 5);
  EXPECT_TRUE(remote.permit);
}

TEST_F(GateAdmission, AGoneClientLeavesTheQueueWithoutACallback) {
  build(with_limit(1));
  Permit busy = take();
  auto gone = std::make_unique<Client>();
  Client next;
  ASSERT_TRUE(queued(ask(*gone)));
  ASSERT_TRUE(queued(ask(next)));
  gone.reset();
  EXPECT_EQ(gate->queue_length(), 1U);
  busy.ignore();
  EXPECT_TRUE(next.permit);
  EXPECT_EQ(gate->totals().abandoned, 1U);
}

TEST_F(GateAdmission, AGoneClientGivesTheSlotItWasWokenForToOthers) {
  build(with_limit(1), 3);
  Permit busy = take();
  auto better = std::make_unique<Client>();
  Client worse;
  ASSERT_TRUE(queued(ask(*better, 0, 1)));
  ASSERT_TRUE(queued(ask(worse, 2, 2)));
  busy.ignore();
  better.reset();
  settle();
  EXPECT_TRUE(worse.permit);
}

TEST_F(GateAdmission, WaitersAreTurnedAwayAfterMaxWait) {
  build(with_limit(1));
  const Permit busy = take();
  Client waiter;
  ASSERT_TRUE(queued(ask(waiter)));
  clock.advance(milliseconds(99));
  gate->worker(0).expire(clock.now());
  EXPECT_FALSE(waiter.rejection);
  clock.advance(milliseconds(1));
  gate->worker(0).expire(clock.now());
  ASSERT_TRUE(waiter.rejection);
  EXPECT_EQ(waiter.rejection->reason, RejectReason::wait_expired);
  EXPECT_EQ(waiter.rejection->priority_class, 2);
  EXPECT_EQ(waiter.callbacks, 1);
  EXPECT_EQ(gate->queue_length(), 0U);
}

TEST_F(GateAdmission, TheTimerFindsExpiredWaiters) {
  config::AdmissionSettings settings = with_limit(1);
  settings.max_wait = milliseconds(3);
  build(settings);
  const Permit busy = take();
  Client waiter;
  ASSERT_TRUE(queued(ask(waiter)));
  clock.advance(milliseconds(4));
  context.restart();
  context.run_one_for(seconds(30));
  ASSERT_TRUE(waiter.rejection);
  EXPECT_EQ(waiter.rejection->reason, RejectReason::wait_expired);
}

TEST_F(GateAdmission, ALateReleaseDoesNotServeAnExpiredWaiter) {
  build(with_limit(1));
  Permit busy = take();
  Client expired;
  ASSERT_TRUE(queued(ask(expired)));
  clock.advance(milliseconds(150));
  busy.ignore();
  EXPECT_TRUE(expired.rejection);
  EXPECT_FALSE(expired.permit);
  EXPECT_EQ(gate->in_flight(), 0U);
}

TEST_F(GateAdmission, RejectsOnArrivalWhenTheQueueWouldTakeTooLong) {
  build(with_limit(1));
  teach_service(milliseconds(40));
  const Permit busy = take();
  Client first, second, third, fourth;
  EXPECT_TRUE(queued(ask(first)));
  EXPECT_TRUE(queued(ask(second)));
  EXPECT_TRUE(queued(ask(third)));  // 80 ms ahead, budget 85 ms
  EXPECT_TRUE(rejected_for(ask(fourth), RejectReason::predicted_wait));
  Client critical;
  EXPECT_TRUE(queued(ask(critical, 0)));  // nothing ahead of its class
}

TEST_F(GateAdmission, StandingDemandShortensTheBudgetOfAllButTheCriticalClass) {
  const std::vector<Permit> busy = make_demand_stand();
  std::vector<Client> normal(40), critical(40);
  EXPECT_EQ(joined(normal, 2), 11) << "25 ms at ten times the service are 10, and the next";
  EXPECT_EQ(joined(critical, 0), 35);
}

TEST_F(GateAdmission, ALongQueueAloneIsNoStandingDemand) {
  build(with_limit(10));
  teach_service(milliseconds(25));
  std::vector<Permit> busy;
  for (int index = 0; index < 10; ++index) busy.push_back(take());
  std::vector<Client> first(20), second(40);
  ASSERT_EQ(joined(first, 2), 20);
  clock.advance(milliseconds(99));
  (void)gate->collect(clock.now());
  EXPECT_EQ(joined(second, 2), 15) << "nothing was turned away: up to 85 ms as before";
}

TEST_F(GateAdmission, QueueIsBoundedOverAllWorkers) {
  config::AdmissionSettings settings = with_limit(1);
  settings.queue_max = 3;
  build(settings, 2);
  const Permit busy = take();
  Client clients[4];
  EXPECT_TRUE(queued(ask(clients[0], 2, 0)));
  EXPECT_TRUE(queued(ask(clients[1], 2, 1)));
  EXPECT_TRUE(queued(ask(clients[2], 2, 1)));
  EXPECT_TRUE(rejected_for(ask(clients[3], 2, 0), RejectReason::queue_full));
  EXPECT_EQ(gate->queue_length(), 3U);
}

TEST_F(GateAdmission, AFullQueueMakesPlaceForABetterClass) {
  config::AdmissionSettings settings = with_limit(1);
  settings.queue_max = 2;
  build(settings);
  const Permit busy = take();
  Client older, newer, critical;
  ASSERT_TRUE(queued(ask(older, 3)));
  ASSERT_TRUE(queued(ask(newer, 3)));
  EXPECT_TRUE(queued(ask(critical, 0)));
  EXPECT_FALSE(older.rejection);
  ASSERT_TRUE(newer.rejection);
  EXPECT_EQ(newer.rejection->reason, RejectReason::queue_full);
}

TEST_F(GateAdmission, ShedClassesAreRejectedEvenWhenThereIsRoom) {
  build(with_limit(5));
  gate->apply({.limit = 5, .ceiling_factor = 1, .shed_class_from = 2});
  Client normal, high;
  EXPECT_TRUE(rejected_for(ask(normal, 2), RejectReason::shed_class));
  EXPECT_TRUE(admitted(ask(high, 1)));
  EXPECT_EQ(gate->totals().rejected[3][2], 1U);
}

TEST_F(GateAdmission, DeadlinesBoundTheWait) {
  build(with_limit(1));
  teach_service(milliseconds(20));
  const Permit busy = take();
  WorkerGate& worker = gate->worker(0);
  Client past, tight, enough;
  const Instant now = clock.now();
  EXPECT_TRUE(rejected_for(worker.admit({1, 2, now, now}, past), RejectReason::too_late));
  EXPECT_TRUE(queued(worker.admit({1, 2, now, now + milliseconds(60)}, enough)));
  EXPECT_TRUE(rejected_for(worker.admit({1, 2, now, now + milliseconds(50)}, tight),
                           RejectReason::deadline));
  clock.advance(milliseconds(60));
  worker.expire(clock.now());
  ASSERT_TRUE(enough.rejection);
  EXPECT_EQ(enough.rejection->reason, RejectReason::deadline);
}

TEST_F(GateAdmission, ADeadlineThatNoLoadIsToBlameForIsNoOverload) {
  build(with_limit(1));
  teach_service(milliseconds(20));
  Permit busy = take();
  (void)gate->collect(clock.now());
  WorkerGate& worker = gate->worker(0);
  const Instant now = clock.now();
  for (int index = 0; index < 20; ++index) {
    Client over, near;
    const GateRequest long_ago{1, 0, now, now - std::chrono::hours(1)};
    EXPECT_TRUE(worker.refuse(long_ago));
    EXPECT_TRUE(rejected_for(worker.admit(long_ago, over), RejectReason::too_late));
    EXPECT_TRUE(rejected_for(worker.admit({1, 0, now, now + milliseconds(1)}, near),
                             RejectReason::too_late))
        << "half a service time would not do on an idle upstream either";
  }
  clock.advance(milliseconds(100));
  const GateFigures figures = gate->collect(clock.now());
  EXPECT_EQ(figures.rejected, 0U);
  EXPECT_EQ(figures.critical_rejected, 0U);
  EXPECT_EQ(gate->totals().rejected_total(), 60U);
}

TEST_F(GateAdmission, ADeadlineThatAnIdleUpstreamWouldMeetIsRefusedAsOverload) {
  build(with_limit(1));
  teach_service(milliseconds(40));
  for (int window = 0; window < 30; ++window) teach_service(milliseconds(400));
  const Permit busy = take();
  (void)gate->collect(clock.now());
  WorkerGate& worker = gate->worker(0);
  const Instant now = clock.now();
  Client met, never;
  EXPECT_TRUE(rejected_for(worker.admit({1, 0, now, now + milliseconds(200)}, met),
                           RejectReason::deadline));
  EXPECT_TRUE(rejected_for(worker.admit({1, 0, now, now + milliseconds(70)}, never),
                           RejectReason::too_late));
  clock.advance(milliseconds(100));
  EXPECT_EQ(gate->collect(clock.now()).critical_rejected, 1U);
}

TEST_F(GateAdmission, AnEndpointThatStaysSlowerIsJudgedByThatAfterTwoMinutes) {
  build(with_limit(1));
  teach_service(milliseconds(40));
  for (int window = 0; window < 1300; ++window) teach_service(milliseconds(400));
  const Permit busy = take();
  Client client;
  const Instant now = clock.now();
  EXPECT_TRUE(rejected_for(gate->worker(0).admit({1, 0, now, now + milliseconds(200)}, client),
                           RejectReason::too_late));
}

}  // namespace
}  // namespace homeostat::gate
