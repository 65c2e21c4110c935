// Of every twenty grants one is for each lower class that waits.
#include <chrono>
#include <list>

#include "tests/unit/runtime/gate/gate_fixture.hpp"

namespace homeostat::gate {
namespace {

using std::chrono::milliseconds;

class GateFloorShare : public GateFixture {};

TEST_F(GateFloorShare, LowerClassesKeepIt) {
  build(with_limit(1));
  Permit current = take();
  int low_served = 0;
  Client low;
  ASSERT_TRUE(queued(ask(low, 3)));
  for (int grant = 0; grant < 200; ++grant) {
    Client high;
    ASSERT_TRUE(queued(ask(high, 0)));
    current.ignore();
    if (low.permit) {
      ++low_served;
      low.permit.ignore();  // goes to `high`
      ASSERT_TRUE(high.permit);
      current = std::move(high.permit);
      ASSERT_TRUE(queued(ask(low, 3)));
    } else {
      ASSERT_TRUE(high.permit);
      current = std::move(high.permit);
    }
  }
  EXPECT_GE(low_served, 8);
  EXPECT_LE(low_served, 11);
}

TEST_F(GateFloorShare, IsOpenToWhomTheQueueOfBetterOnesIsTooLongFor) {
  build(with_limit(1));
  teach_service(milliseconds(1));
  Permit current = take();
  std::list<Client> better;
  while (queued(ask(better.emplace_back(), 0))) {
  }
  EXPECT_GT(better.size(), 80U);
  Client low[5];
  for (int one = 0; one < 4; ++one) EXPECT_TRUE(queued(ask(low[one], 3))) << one;
  EXPECT_TRUE(rejected_for(ask(low[4], 3), RejectReason::predicted_wait))
      << "its share would serve it after a hundred grants";
}

}  // namespace
}  // namespace homeostat::gate
