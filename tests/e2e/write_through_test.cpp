// A write whose rule says so is answered when what it has changed is stored, for the fleet too.
#include <gtest/gtest.h>

#include <atomic>

#include "tests/e2e/fleet.hpp"

namespace homeostat::test {
namespace {

TEST(WriteThrough, TheFleetFindsWhatWasWrittenInTheTier) {
  std::atomic<int> value{1};
  Fleet fleet(2, "rules: [{match: {path: /doc}, write: through}], write_wait_max: 20s");
  fleet.origin.on("/doc", [&](OriginExchange& exchange) {
    if (exchange.request.method() == "GET") {
      exchange.respond(200, "Cache-Control: max-age=600\r\n", std::to_string(value.load()));
      return;
    }
    exchange.body();
    ++value;
    exchange.respond(204, "", "");
  });
  EXPECT_EQ(fleet[1].get("/doc").body, "1");
  HttpClient client(fleet[0].port());
  EXPECT_EQ(client.request("PUT", "/doc", {}, "x").status(), 204);
  EXPECT_EQ(fleet.origin.requests("/doc"), 3U) << "read, written, and read by the writer's agent";
  const Message here = fleet[0].get("/doc");
  EXPECT_TRUE(is_hit(here)) << here.head;
  EXPECT_EQ(here.body, "2");
  Message there;
  EXPECT_TRUE(eventually([&] {
    there = fleet[1].get("/doc");
    return there.body == "2";
  }));
  EXPECT_TRUE(is_hit(there)) << there.head;
  EXPECT_EQ(fleet.origin.requests("/doc"), 3U);
  EXPECT_EQ(fleet[0].metric("homeostat_cache_writes_through_total{result=\"stored\"}"), 1);
}

}  // namespace
}  // namespace homeostat::test
