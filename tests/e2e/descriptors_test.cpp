// What happens when the process may open no more files: the clients that are in are
// served, the operator is told, and nobody blames the upstream.
#include "runtime/app/descriptors.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cstdlib>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "tests/e2e/running_agent.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

/// As if every descriptor were in use; open ones stay so.
class NoDescriptors {
 public:
  NoDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit none = before_;
    none.rlim_cur = 3;
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_{};
};

/// spdlog's default logger while it lives.
class CapturedLog {
 public:
  CapturedLog() : before_(spdlog::default_logger()) {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>(
        "captured", std::make_shared<spdlog::sinks::ostream_sink_mt>(text_)));
  }
  ~CapturedLog() { spdlog::set_default_logger(before_); }
  CapturedLog(const CapturedLog&) = delete;
  CapturedLog& operator=(const CapturedLog&) = delete;
  /// REQUIRES: nobody logs any more.
  [[nodiscard]] std::size_t count(std::string_view part) const {
    const std::string text = text_.str();
    std::size_t found = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
    return found;
  }

 private:
  std::ostringstream text_;
  std::shared_ptr<spdlog::logger> before_;
};

double metric_over(HttpClient& admin, const std::string& name) {
  const std::string all = admin.get("/metrics").body;
  const std::size_t at = all.find("\n" + name + " ");
  return at == std::string::npos ? -1 : std::strtod(all.c_str() + at + 1 + name.size(), nullptr);
}

TEST(Descriptors, LeaveRoomForTheUpstreamAndTheManagement) {
  config::AdminSettings admin;
  admin.connections_max = 64;
  EXPECT_EQ(app::client_connections_for(1024, admin), 448U);
  EXPECT_EQ(app::client_connections_for(128, admin), 1U);
  EXPECT_EQ(app::client_connections_for(0, admin), 1U);
  EXPECT_EQ(app::descriptor_warning(1024, 448, 448), "");
  const std::string warning = app::descriptor_warning(1024, 448, 10000);
  for (const char* part : {"1024", "448", "10000", "ulimit -Hn", "LimitNOFILE"}) {
    EXPECT_NE(warning.find(part), std::string::npos) << warning;
  }
}

TEST(Descriptors, MissingForTheUpstreamAreNotItsFailure) {
  ScriptedOrigin origin;
  AgentConfig config = config_for(origin);
  config.upstream = "idle_connections_max: 0, breaker: {unanswered_max: 1, probe_interval: 1m}";
  config.workers = 1;
  RunningAgent agent(config);
  HttpClient client(agent.port());
  ASSERT_EQ(client.request("POST", "/page").status(), 200);
  {
    const NoDescriptors none;
    const Message answer = client.request("POST", "/page");
    EXPECT_EQ(answer.status(), 503);
    EXPECT_EQ(answer.get("proxy-status"), "homeostat; error=proxy_internal_error");
    EXPECT_EQ(answer.get("retry-after"), "1");
    EXPECT_EQ(client.get("/page").status(), 503) << "the same for what others could share";
  }
  EXPECT_EQ(client.request("POST", "/page").status(), 200) << "the breaker has not opened";
  EXPECT_EQ(agent.metric("homeostat_upstream_local_failures_total"), 2);
  EXPECT_EQ(agent.metric("homeostat_upstream_errors_total"), 0);
  EXPECT_EQ(agent.metric("homeostat_upstream_connect_failures_total"), 0);
}

TEST(Descriptors, MissingForClientsPauseTheListenerAndAreLogged) {
  CapturedLog log;
  {
    ScriptedOrigin origin;
    AgentConfig config = config_for(origin);
    config.workers = 1;
    RunningAgent agent(config);
    HttpClient admin(agent.admin_port());
    ASSERT_EQ(admin.get("/livez").status(), 200);
    Socket late(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    {
      const NoDescriptors none;
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(agent.port());
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      ASSERT_EQ(
          ::connect(late.descriptor(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
          0);
      EXPECT_TRUE(
          eventually([&] { return metric_over(admin, "homeostat_accept_failures_total") >= 2; }));
    }
    HttpClient client(std::move(late));
    EXPECT_EQ(client.get("/page").status(), 200) << "accepted once there are descriptors again";
  }
  EXPECT_EQ(log.count("cannot accept clients for the moment: Too many open files"), 1U);
}

std::uint16_t port_in(const std::string& line, std::string_view before) {
  const std::size_t at = line.find(before);
  const std::size_t colon = at == std::string::npos ? at : line.find(':', at);
  return colon == std::string::npos
             ? std::uint16_t{0}
             : static_cast<std::uint16_t>(std::atoi(line.c_str() + colon + 1));
}

TEST(Descriptors, AFewOfThemBoundTheClientsSoThatAllElseGoesOn) {
  constexpr std::size_t allowed = 12;  // (96 - 8 - 64) / 2
  ScriptedOrigin origin;
  TemporaryDirectory directory;
  const std::string file = directory.write(
      "agent.yaml", "listen: 127.0.0.1:0\nworkers: 1\nupstream: {url: \"" + origin.url() +
                        "\"}\nadmin: {listen: \"127.0.0.1:0\", connections_max: 8}\n");
  ChildProcess agent({"/bin/sh", "-c", "ulimit -n 96 && exec \"$0\" \"$@\"", HOMEOSTAT_BINARY,
                      "run", "--config", file});
  ASSERT_TRUE(agent.wait_for_line("the limit of 96 open files allows 12 client connections"))
      << agent.output();
  const std::uint16_t port =
      port_in(agent.wait_for_line("serving on ").value_or(""), "serving on ");
  const std::uint16_t admin_port =
      port_in(agent.wait_for_line("management on ").value_or(""), "management on ");
  std::vector<std::unique_ptr<HttpClient>> clients;
  for (std::size_t i = 0; i < allowed; ++i) {
    clients.push_back(std::make_unique<HttpClient>(port));
    ASSERT_EQ(clients.back()->request("POST", "/page").status(), 200) << i;
  }
  HttpClient further(port);
  EXPECT_EQ(further.get("/page").status(), 0) << "closed at once";
  for (const auto& client : clients) EXPECT_EQ(client->request("POST", "/page").status(), 200);
  HttpClient admin(admin_port);
  EXPECT_EQ(metric_over(admin, "homeostat_client_connections_refused_total"), 1);
  EXPECT_EQ(metric_over(admin, "homeostat_accept_failures_total"), 0);
  EXPECT_EQ(metric_over(admin, "homeostat_upstream_local_failures_total"), 0);
}

}  // namespace
}  // namespace homeostat::test
