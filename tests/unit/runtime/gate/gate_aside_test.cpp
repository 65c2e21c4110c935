// Requests that are at the application without a slot of the limit: streams, and those
// that wait for their own client.
#include <vector>

#include "tests/unit/runtime/gate/gate_fixture.hpp"

namespace homeostat::gate {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

class GateAside : public GateFixture {
 protected:
  static config::AdmissionSettings patient(double limit) {
    config::AdmissionSettings settings = with_limit(limit);
    settings.max_wait = hours(1);
    return settings;
  }
  std::vector<Permit> take_many(int count) {
    std::vector<Permit> permits;
    for (int i = 0; i < count; ++i) permits.push_back(take());
    return permits;
  }
};

TEST_F(GateAside, AStreamGivesItsSlotsBackAndKeepsItsPlaceUnderItsCap) {
  build(with_limit(3));
  LimitCounters& counters = gate->caps().of("streams");
  GateRequest wanted;
  wanted.now = clock.now();
  wanted.weight = 2;
  wanted.cap = {&counters, 1, false};
  Client client;
  Admission first = gate->worker(0).admit(wanted, client);
  ASSERT_TRUE(admitted(first));
  Permit& stream = std::get<Permit>(first);
  EXPECT_TRUE(stream.step_aside());
  EXPECT_TRUE(stream.aside());
  EXPECT_EQ(gate->in_flight(), 0U);
  EXPECT_EQ(gate->aside(), 1U);
  EXPECT_TRUE(rejected_for(gate->worker(0).admit(wanted, client), RejectReason::concurrency_cap));
  stream.ignore();
  EXPECT_EQ(gate->aside(), 0U);
  EXPECT_EQ(counters.in_use, 0);
  EXPECT_EQ(gate->in_flight(), 0U);
}

TEST_F(GateAside, ADeclaredStreamNeedsNoSlotAndIsNoSampleOfAnything) {
  config::AdmissionSettings settings = with_limit(1);
  settings.max_wait = milliseconds(0);
  settings.streams_max = 1;
  build(settings);
  const Permit busy = take();
  GateRequest poll;
  poll.endpoint = 1;
  poll.now = clock.now();
  poll.stream = true;
  Client client;
  EXPECT_FALSE(gate->worker(0).refuse(poll));
  Admission first = gate->worker(0).admit(poll, client);
  ASSERT_TRUE(admitted(first));
  EXPECT_TRUE(std::get<Permit>(first).aside());
  EXPECT_EQ(gate->in_flight(), 1U);
  EXPECT_EQ(gate->aside(), 1U);
  EXPECT_TRUE(rejected_for(gate->worker(0).admit(poll, client), RejectReason::streams_full));
  std::get<Permit>(first).success(std::chrono::seconds(25));
  EXPECT_EQ(gate->aside(), 0U);
  EXPECT_EQ(gate->in_flight(), 1U);
  clock.advance(milliseconds(100));
  EXPECT_TRUE(gate->collect(clock.now()).window.endpoints.empty());
}

TEST_F(GateAside, WhatIsLongForItsEndpointIsTakenForAStream) {
  build(with_limit(10));
  EXPECT_EQ(gate->worker(0).stream_after(1), std::chrono::seconds(1));
  teach_service(milliseconds(20));
  EXPECT_EQ(gate->worker(0).stream_after(1), std::chrono::seconds(1));
  teach_service(milliseconds(500), 2);
  EXPECT_EQ(gate->worker(0).stream_after(2), std::chrono::seconds(5));
}

TEST_F(GateAside, ThereAreOnlySoManyPlacesAndWhoFindsNoneKeepsItsSlot) {
  config::AdmissionSettings settings = with_limit(10);
  settings.streams_max = 1;
  build(settings);
  Permit first = take(), second = take();
  EXPECT_TRUE(first.step_aside());
  EXPECT_TRUE(first.step_aside()) << "it is there already";
  EXPECT_FALSE(second.step_aside());
  EXPECT_EQ(gate->in_flight(), 1U);
  second.stand_aside();
  EXPECT_EQ(gate->aside(), 2U);
  EXPECT_EQ(gate->worker(0).streams_full(2).reason, RejectReason::streams_full);
  EXPECT_EQ(gate->collect(clock.now()).rejected, 0U) << "says nothing about the load";
}

TEST_F(GateAside, InShadowEverybodyMayStandAside) {
  config::AdmissionSettings settings = with_limit(1);
  settings.streams_max = 1;
  settings.mode = config::LoopMode::shadow;
  build(settings);
  Permit first = take(), second = take();
  EXPECT_TRUE(first.step_aside());
  EXPECT_TRUE(second.step_aside());
  EXPECT_TRUE(first.step_back());
  EXPECT_TRUE(second.step_back());
  EXPECT_EQ(gate->in_flight(), 2U);
}

TEST_F(GateAside, TheSlotItGaveBackGoesToWhoWaits) {
  build(patient(1));
  Permit slow = take();
  Client next;
  ASSERT_TRUE(queued(ask(next)));
  EXPECT_TRUE(slow.step_aside());
  EXPECT_TRUE(next.permit);
}

TEST_F(GateAside, SlotsAreNoMoreThanTheConnectionsThatStreamsLeave) {
  build(patient(10));
  gate->bound_connections(4);
  EXPECT_DOUBLE_EQ(gate->limit(), 4);
  std::vector<Permit> running = take_many(4);
  Client waiter;
  ASSERT_TRUE(queued(ask(waiter)));
  EXPECT_TRUE(running[0].step_aside());
  EXPECT_FALSE(waiter.permit) << "the stream holds its connection";
  EXPECT_DOUBLE_EQ(gate->limit(), 3);
  running[0].ignore();
  EXPECT_TRUE(waiter.permit);
}

TEST_F(GateAside, StreamsLeaveAQuarterOfTheConnectionsToOthers) {
  build(with_limit(10));
  gate->bound_connections(4);
  std::vector<Permit> streams;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(streams.emplace_back(take()).step_aside());
  Permit last = take();
  EXPECT_FALSE(last.step_aside());
}

TEST_F(GateAside, MoreConnectionsLetInWhoWaits) {
  build(patient(10));
  gate->bound_connections(1);
  Permit running = take();
  Client waiter;
  ASSERT_TRUE(queued(ask(waiter)));
  gate->bound_connections(2);
  settle();
  EXPECT_TRUE(waiter.permit);
}

TEST_F(GateAside, WhoComesBackMayBeAQuarterAboveTheLimitAndNoMore) {
  build(patient(8));
  std::vector<Permit> slow = take_many(5);
  for (Permit& permit : slow) EXPECT_TRUE(permit.step_aside());
  std::vector<Permit> running = take_many(8);
  EXPECT_TRUE(slow[0].step_back());
  EXPECT_TRUE(slow[1].step_back());
  EXPECT_FALSE(slow[2].step_back());
  EXPECT_EQ(gate->in_flight(), 10U);
  EXPECT_EQ(gate->aside(), 3U);
  Client newcomer;
  EXPECT_TRUE(queued(ask(newcomer)));
  running[0].ignore();
  running[1].ignore();
  EXPECT_FALSE(newcomer.permit) << "what is above the limit is paid back first";
  running[2].ignore();
  EXPECT_TRUE(newcomer.permit);
}

TEST_F(GateAside, WhatIsAtWorkAnywayIsCountedWhateverTheLimit) {
  build(with_limit(1));
  std::vector<Permit> slow;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(slow.emplace_back(take()).step_aside());
  for (Permit& permit : slow) permit.step_back_always();
  EXPECT_EQ(gate->in_flight(), 3U);
  EXPECT_EQ(gate->aside(), 0U);
  slow.clear();
  EXPECT_EQ(gate->in_flight(), 0U);
}

TEST_F(GateAside, WhoWaitedToComeBackGoesOnWithTheSlotsItGot) {
  build(patient(1));
  Permit slow = take();
  EXPECT_TRUE(slow.step_aside());
  Permit busy = take();
  Client returning;
  ASSERT_TRUE(queued(ask(returning)));
  busy.ignore();
  ASSERT_TRUE(returning.permit);
  slow.step_back(std::move(returning.permit));
  EXPECT_FALSE(slow.aside());
  EXPECT_EQ(gate->in_flight(), 1U);
  EXPECT_EQ(gate->aside(), 0U);
  slow.ignore();
  EXPECT_EQ(gate->in_flight(), 0U);
}

TEST_F(GateAside, NothingIsLearntFromWhatStandsAside) {
  build(with_limit(2));
  (void)gate->collect(clock.now());
  Permit sampled = take(), dropped = take();
  EXPECT_TRUE(sampled.step_aside());
  EXPECT_TRUE(dropped.step_aside());
  sampled.success(milliseconds(10));
  dropped.drop();
  clock.advance(milliseconds(100));
  const GateFigures figures = gate->collect(clock.now());
  EXPECT_TRUE(figures.window.endpoints.empty());
}

TEST_F(GateAside, A503CountsAsADropAndKeepsItsSlotUntilItsBodyIsThrough) {
  build(with_limit(2));
  Permit permit = take();
  permit.refused();
  permit.sample(milliseconds(1));
  EXPECT_EQ(gate->totals().dropped, 1U);
  EXPECT_EQ(gate->in_flight(), 1U);
  permit.ignore();
  clock.advance(milliseconds(100));
  const GateFigures figures = gate->collect(clock.now());
  ASSERT_EQ(figures.window.endpoints.size(), 1U);
  EXPECT_EQ(figures.window.endpoints[0].dropped, 1U);
  EXPECT_EQ(figures.window.endpoints[0].count, 0U);
}

}  // namespace
}  // namespace homeostat::gate
