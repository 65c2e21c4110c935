// A full queue when workers' waiters are of different classes: who gives way to whom.
#include "tests/unit/runtime/gate/gate_fixture.hpp"

namespace homeostat::gate {
namespace {

class GateCrowding : public GateFixture {};

TEST_F(GateCrowding, AFullQueueOfLowerClassesOnAnotherWorkerGivesWayToABetterOne) {
  config::AdmissionSettings settings = with_limit(1);
  settings.queue_max = 2;
  settings.max_wait = std::chrono::hours(1);
  build(settings, 2);
  const Permit busy = take();
  Client older, newer, critical, another, normal;
  ASSERT_TRUE(queued(ask(older, 3, 1)));
  ASSERT_TRUE(queued(ask(newer, 3, 1)));
  EXPECT_TRUE(rejected_for(ask(normal, 3, 0), RejectReason::queue_full)) << "its own class";
  ASSERT_TRUE(queued(ask(critical, 0, 0)));
  EXPECT_EQ(gate->queue_length(), 3U) << "until the other worker knows";
  settle();
  EXPECT_EQ(gate->queue_length(), 2U);
  ASSERT_TRUE(newer.rejection);
  EXPECT_EQ(newer.rejection->reason, RejectReason::queue_full);
  ASSERT_TRUE(queued(ask(another, 0, 0)));
  settle();
  EXPECT_TRUE(older.rejection);
  EXPECT_TRUE(rejected_for(ask(normal, 2, 1), RejectReason::queue_full));
  EXPECT_FALSE(critical.rejection);
}

TEST_F(GateCrowding, TheLowestClassGoesFirstWhereverItWaits) {
  config::AdmissionSettings settings = with_limit(1);
  settings.queue_max = 2;
  settings.max_wait = std::chrono::hours(1);
  build(settings, 2);
  const Permit busy = take();
  Client here, elsewhere, critical;
  ASSERT_TRUE(queued(ask(here, 2, 0)));
  ASSERT_TRUE(queued(ask(elsewhere, 3, 1)));
  ASSERT_TRUE(queued(ask(critical, 0, 0)));
  settle();
  EXPECT_TRUE(elsewhere.rejection);
  EXPECT_FALSE(here.rejection);
}

}  // namespace
}  // namespace homeostat::gate
