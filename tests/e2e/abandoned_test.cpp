// Clients that go while the application works on their request: the admission
// limit goes on counting the work, not the clients.
#include <gtest/gtest.h>

#include <atomic>

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

/// A GET that is stored, and a write to it that the application is told when to answer.
class AbandonedWrite : public ::testing::Test {
 protected:
  AbandonedWrite() {
    origin_.on("/a", [this](OriginExchange& exchange) {
      if (exchange.request.method() == "GET") {
        exchange.respond(200, "Cache-Control: max-age=60\r\n", std::to_string(++version_));
        return;
      }
      go_on_.wait();
      if (status_ != 0) exchange.respond(status_, "", "");
    });
  }
  ~AbandonedWrite() override { go_on_.set(); }
  /// The first GET makes it version 1.
  void write_and_go(const RunningAgent& agent) {
    ASSERT_EQ(agent.get("/a").body, "1");
    HttpClient client(agent.port());
    ASSERT_TRUE(client.send(request_text("DELETE", "/a")));
    ASSERT_TRUE(origin_.wait_for_requests("/a", 2));
    client.socket.reset();
  }
  Signal go_on_;
  std::atomic<int> status_{204};
  std::atomic<int> version_{0};
  ScriptedOrigin origin_;
};

TEST_F(AbandonedWrite, StillMakesOutdatedWhatItWroteTo) {
  RunningAgent agent(origin_);
  write_and_go(agent);
  ASSERT_TRUE(eventually([&] { return agent.metric(abandoned) == 1; }));
  EXPECT_EQ(agent.get("/a").body, "1") << "the application has not done it yet";
  go_on_.set();
  EXPECT_TRUE(eventually([&] { return agent.get("/a").body == "2"; }));
}

TEST_F(AbandonedWrite, ThatIsRefusedMakesNothingOutdated) {
  status_ = 403;
  RunningAgent agent(origin_);
  write_and_go(agent);
  ASSERT_TRUE(eventually([&] { return agent.metric(abandoned) == 1; }));
  go_on_.set();
  ASSERT_TRUE(eventually([&] { return agent.metric(in_flight) == 0; }));
  EXPECT_EQ(agent.get("/a").body, "1");
}

TEST_F(AbandonedWrite, OfUnknownOutcomeCountsAsDone) {
  AgentConfig config = config_for(origin_);
  config.upstream = "finish_abandoned: false";
  RunningAgent agent(config);
  write_and_go(agent);
  EXPECT_TRUE(eventually([&] { return agent.get("/a").body == "2"; }));
}

TEST_F(AbandonedWrite, WhoseAnswerNeverComesCountsAsDone) {
  RunningAgent agent(origin_);
  write_and_go(agent);
  ASSERT_TRUE(eventually([&] { return agent.metric(abandoned) == 1; }));
  origin_.close_connections();
  EXPECT_TRUE(eventually([&] { return agent.get("/a").body == "2"; }));
}

TEST_F(AbandonedWrite, TheSameIfItsClientStillWaits) {
  RunningAgent agent(origin_);
  ASSERT_EQ(agent.get("/a").body, "1");
  HttpClient client(agent.port());
  ASSERT_TRUE(client.send(request_text("POST", "/a")));  // is not tried again
  ASSERT_TRUE(origin_.wait_for_requests("/a", 2));
  origin_.close_connections();
  EXPECT_EQ(client.read().status(), 502);
  EXPECT_EQ(agent.get("/a").body, "2");
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
