// A Redis that answers, but serves no reads for now.
#include <gtest/gtest.h>

#include <string>

#include "tests/e2e/fleet.hpp"

namespace homeostat::test {
namespace {

constexpr const char* fresh_text = "Cache-Control: max-age=600\r\n";

TEST(SharedRefusal, AFewReadsTellOfItAndNoneOfTheOthersWaits) {
  Fleet fleet(1);
  fleet.origin.answer("/a", 200, fresh_text, "x");
  // A replica that has lost its master and may not answer without: pings, and nothing else.
  const HeldPort nobody;
  RedisServer& redis = fleet.redis;
  redis.run({"CONFIG", "SET", "replica-serve-stale-data", "no"});
  redis.run({"REPLICAOF", "127.0.0.1", std::to_string(nobody.port())});
  ASSERT_TRUE(contains(redis.run({"GET", "k"}), "MASTERDOWN"));
  for (int i = 0; i < 30; ++i) {
    EXPECT_EQ(fleet[0].get("/a?" + std::to_string(i)).status(), 200);
  }
  EXPECT_GE(Fleet::reads(fleet[0], "failed"), 1);
  EXPECT_LE(Fleet::reads(fleet[0], "failed"), 6) << "a few tell that it refuses all";
  EXPECT_GE(Fleet::reads(fleet[0], "unavailable"), 1);
  redis.run({"REPLICAOF", "NO", "ONE"});
  int number = 0;
  EXPECT_TRUE(eventually([&] {
    EXPECT_EQ(fleet[0].get("/a?later=" + std::to_string(++number)).status(), 200);
    return Fleet::reads(fleet[0], "miss") > 0;
  }));
}

}  // namespace
}  // namespace homeostat::test
