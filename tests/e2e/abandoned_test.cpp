// Clients that go while the application works on their request: the admission
// limit goes on counting the work, not the clients.
#include <gtest/gtest.h>

#include "tests/e2e/held_origin.hpp"

namespace homeostat::test {
namespace {

constexpr const char* in_flight = "homeostat_admission_in_flight";
constexpr const char* abandoned = "homeostat_upstream_abandoned_total";

/// An application that is told when to answer /slow, behind one place.
class Abandoned : public ::testing::Test {
 protected:
  AgentConfig config(const std::string& upstream = {}) {
    AgentConfig config = one_place(held_.origin);
    config.upstream = upstream;
    return config;
  }
  /// A request reaches the application; then its client goes.
  void ask_and_go(const RunningAgent& agent) {
    HttpClient client(agent.port());
    ASSERT_TRUE(client.send(request_text("POST", "/slow")));
    ASSERT_TRUE(held_.origin.wait_for_requests("/slow", 1));
    client.socket.reset();
  }
  HeldOrigin held_{"/slow"};
};

TEST_F(Abandoned, AClientsGoingFreesNoPlaceBeforeTheApplicationAnswers) {
  RunningAgent agent(config());
  ask_and_go(agent);
  ASSERT_TRUE(eventually([&] { return agent.metric(abandoned) == 1; }));
  HttpClient next(agent.port());
  ASSERT_TRUE(next.send(request_text("POST", "/page")));
  ASSERT_TRUE(waiting_becomes(agent, 1));
  EXPECT_EQ(agent.metric(in_flight), 1);
  EXPECT_EQ(held_.origin.requests("/page"), 0U);
  held_.go_on.set();
  EXPECT_EQ(next.read().body, "hello");
  EXPECT_TRUE(eventually([&] { return agent.metric(in_flight) == 0; }));
}

TEST_F(Abandoned, EndsAtOnceWhereTheApplicationIsSaidToNotice) {
  RunningAgent agent(config("finish_abandoned: false"));
  ask_and_go(agent);
  EXPECT_TRUE(eventually([&] { return agent.metric(in_flight) == 0; }));
  EXPECT_EQ(agent.metric(abandoned), 0);
  HttpClient next(agent.port());
  EXPECT_EQ(next.request("POST", "/page").body, "hello");
}

TEST_F(Abandoned, WorkHoldsUpNoShutdown) {
  RunningAgent agent(config());
  ask_and_go(agent);
  ASSERT_TRUE(eventually([&] { return agent.metric(abandoned) == 1; }));
  agent.stop();  // returns although the application has not answered
}

TEST_F(Abandoned, AnApplicationThatDiesFreesThePlace) {
  RunningAgent agent(config());
  ask_and_go(agent);
  ASSERT_TRUE(eventually([&] { return agent.metric(abandoned) == 1; }));
  held_.origin.close_connections();
  EXPECT_TRUE(eventually([&] { return agent.metric(in_flight) == 0; }));
  EXPECT_EQ(held_.origin.requests("/slow"), 1U) << "nobody wants it a second time";
}

}  // namespace
}  // namespace homeostat::test
