// Health checks on a loop that the test turns, so that timers meet.
#include "runtime/proxy/health_checker.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <string>
#include <vector>

#include "tests/support/scripted_origin.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::proxy {
namespace {

using namespace std::chrono_literals;

config::UpstreamSettings checking(std::uint16_t port) {
  config::UpstreamSettings settings;
  settings.targets.push_back({{"127.0.0.1", port, {}}, "host"});
  settings.health.path = "/healthz";
  settings.health.interval = settings.health.timeout = 50ms;
  settings.health.unhealthy_after = 2;
  settings.health.healthy_after = 1;
  return settings;
}

SocketAddress loopback(std::uint16_t port) {
  SocketAddress address;
  auto* in = reinterpret_cast<sockaddr_in*>(&address.storage);
  in->sin_family = AF_INET;
  in->sin_port = htons(port);
  in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.length = sizeof(sockaddr_in);
  return address;
}

TEST(HealthChecker, AProbeThatHasEndedDoesNotEndTheNextOne) {
  const test::UnansweringPort silent;
  const auto set =
      std::make_shared<UpstreamSet>(checking(silent.port()), 8, SystemClock::instance().now());
  std::vector<std::string> reasons;
  boost::asio::io_context context;
  HealthChecker checker(context, set, [&](const std::string&, bool, const std::string& reason) {
    reasons.push_back(reason);
  });
  const Instant begun = SystemClock::instance().now();
  checker.start();
  // The end of the first probe and the begin of the second fall into one turn of the loop.
  ASSERT_TRUE(test::eventually([&] { return SystemClock::instance().now() - begun > 60ms; }));
  context.poll();
  EXPECT_TRUE(reasons.empty()) << reasons.front() << ": one probe has failed, not two";
  EXPECT_TRUE(test::eventually([&] {
    context.poll();
    return !reasons.empty();
  }));
  EXPECT_EQ(reasons, std::vector<std::string>{"no answer within the timeout"});
  checker.stop();
  context.poll();
}

/// A target whose health is checked until the test has seen enough.
class CheckedTarget {
 public:
  explicit CheckedTarget(std::uint16_t port, bool healthy)
      : set_(std::make_shared<UpstreamSet>(checking(port), 8, SystemClock::instance().now())),
        checker_(context_, set_, {}) {
    target().set_active_health(healthy);
  }
  UpstreamTarget& target() { return *set_->targets().front(); }
  bool becomes(bool healthy) {
    checker_.start();
    const bool became = test::eventually([&] {
      context_.poll();
      return target().active_health() == healthy;
    });
    checker_.stop();
    context_.poll();
    return became;
  }

 private:
  boost::asio::io_context context_;
  std::shared_ptr<UpstreamSet> set_;
  HealthChecker checker_;
};

TEST(HealthChecker, OneAddressOfANameIsEnough) {
  const test::HeldPort refusing;
  const test::UnansweringPort silent;
  test::ScriptedOrigin good;
  good.answer("/healthz", 200, "", "");
  CheckedTarget checked(good.port(), false);
  ASSERT_TRUE(checked.target().set_addresses(
      {loopback(refusing.port()), loopback(silent.port()), loopback(good.port())}));
  EXPECT_TRUE(checked.becomes(true));
}

TEST(HealthChecker, AnInterimAnswerIsNotTheAnswer) {
  test::ScriptedOrigin origin;
  std::atomic<bool> sick{true};
  origin.on("/healthz", [&](test::OriginExchange& exchange) {
    exchange.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    exchange.respond(sick ? 500 : 200, "", "");
    exchange.alive = false;
  });
  EXPECT_TRUE(CheckedTarget(origin.port(), true).becomes(false));
  sick = false;
  EXPECT_TRUE(CheckedTarget(origin.port(), false).becomes(true));
}

}  // namespace
}  // namespace homeostat::proxy
