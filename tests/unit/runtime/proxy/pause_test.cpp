// The agent stands still for minutes, as when its process or machine is paused, while the
// application is at work. What it answered meanwhile took no time of its own.
#include <gtest/gtest.h>

#include <atomic>
#include <list>

#include "tests/unit/runtime/proxy/data_plane.hpp"

namespace homeostat::proxy {
namespace {

TEST(Pause, OpensNoBreakerAndFailsNobody) {
  ManualClock clock;
  test::Signal go_on;
  std::atomic<bool> hold{false};
  test::ScriptedOrigin origin;
  origin.on("/work", [&](test::OriginExchange& exchange) {
    if (hold) {
      go_on.wait();
    } else {
      clock.advance(std::chrono::milliseconds(10));
    }
    exchange.respond(200, "", "done");
  });
  config::Settings settings = settings_before(origin);
  settings.upstream.timeout = std::chrono::hours(1);
  DataPlane agent(settings, clock);
  for (int i = 0; i < 20; ++i) ASSERT_EQ(agent.send("POST", "/work").status(), 200);
  hold = true;
  // More than are taken for a row of slow ones.
  std::list<test::HttpClient> clients;
  const std::size_t before = origin.requests("/work"), under_way = 45;
  for (std::size_t i = 0; i < under_way; ++i) {
    ASSERT_TRUE(clients.emplace_back(agent.port()).send(test::request_text("POST", "/work")));
  }
  ASSERT_TRUE(origin.wait_for_requests("/work", before + under_way));
  clock.advance(std::chrono::minutes(10));
  go_on.set();
  for (test::HttpClient& client : clients) EXPECT_EQ(client.read().status(), 200);
  EXPECT_EQ(agent.send("POST", "/work").status(), 200) << "the breaker is closed";
}

}  // namespace
}  // namespace homeostat::proxy
