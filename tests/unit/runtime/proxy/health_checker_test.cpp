// Health checks on a loop that the test turns, so that timers meet.
#include "runtime/proxy/health_checker.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>
#include <vector>

#include "tests/support/waiting.hpp"

namespace homeostat::proxy {
namespace {

using namespace std::chrono_literals;

/// A TCP address where connections are neither accepted nor refused: its queue is full.
class FullListener {
 public:
  FullListener() {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address_;
    EXPECT_EQ(::bind(listener_, generic(), length), 0);
    EXPECT_EQ(::listen(listener_, 0), 0);
    EXPECT_EQ(::getsockname(listener_, generic(), &length), 0);
    for (int& filler : fillers_) {
      filler = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
      (void)::connect(filler, generic(), length);
    }
  }
  ~FullListener() {
    for (const int filler : fillers_) ::close(filler);
    ::close(listener_);
  }
  FullListener(const FullListener&) = delete;
  FullListener& operator=(const FullListener&) = delete;
  [[nodiscard]] std::uint16_t port() const { return ntohs(address_.sin_port); }

 private:
  sockaddr* generic() { return reinterpret_cast<sockaddr*>(&address_); }

  int listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address_{};
  std::array<int, 4> fillers_{};
};

TEST(HealthChecker, AProbeThatHasEndedDoesNotEndTheNextOne) {
  const FullListener silent;
  config::UpstreamSettings settings;
  settings.targets.push_back({{"127.0.0.1", silent.port(), {}}, "host"});
  settings.health.path = "/healthz";
  settings.health.interval = settings.health.timeout = 50ms;
  settings.health.unhealthy_after = 2;
  const auto set = std::make_shared<UpstreamSet>(settings, 8, SystemClock::instance().now());
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

}  // namespace
}  // namespace homeostat::proxy
