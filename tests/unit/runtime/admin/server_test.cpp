#include <gtest/gtest.h>

#include "runtime/admin/api.hpp"
#include "tests/unit/runtime/admin/admin_fixture.hpp"

namespace homeostat::admin::test {
namespace {

using std::chrono::milliseconds;

class Server : public AdminFixture {};

TEST_F(Server, RefusesAWideAddressWithoutToken) {
  for (const char* host : {"0.0.0.0", "", "*", "::"}) {
    settings.listen = {host, 0, {}};
    AdminServer wide(context, settings, services(), timeouts);
    const auto result = wide.start();
    ASSERT_TRUE(std::holds_alternative<AdminError>(result)) << host;
    EXPECT_NE(std::get<AdminError>(result).message.find("admin.tokens"), std::string::npos);
  }
}

TEST_F(Server, BindsAWideAddressWithToken) {
  add_tokens();
  settings.listen = {"0.0.0.0", 0, {}};
  AdminServer wide(context, settings, services(), timeouts);
  EXPECT_TRUE(std::holds_alternative<config::Address>(wide.start()));
}

TEST_F(Server, SaysWhyItCannotListen) {
  settings.listen.unix_path = "/run/admin.sock";
  AdminServer unix_socket(context, settings, services(), timeouts);
  EXPECT_TRUE(std::holds_alternative<AdminError>(unix_socket.start()));
  settings.listen = {"127.0.0.1", 0, {}};
  AdminServer first(context, settings, services(), timeouts);
  settings.listen.port = std::get<config::Address>(first.start()).port;
  AdminServer second(context, settings, services(), timeouts);
  const auto result = second.start();
  ASSERT_TRUE(std::holds_alternative<AdminError>(result));
  EXPECT_NE(std::get<AdminError>(result).message.find("in use"), std::string::npos);
}

TEST_F(Server, ProblemsHaveTheShapeOfRfc9457) {
  start();
  const Answer answer = get("/api/v1/nothing", {{"X-Request-Id", "abc-123"}});
  EXPECT_EQ(answer.status, 404U);
  EXPECT_EQ(answer.header("Content-Type"), "application/problem+json");
  EXPECT_EQ(answer.header("Cache-Control"), "no-store");
  const json::object body = answer.json();
  EXPECT_EQ(at(body, "type"), "about:blank");
  EXPECT_EQ(at(body, "title"), "Not Found");
  EXPECT_EQ(at(body, "status"), 404);
  EXPECT_TRUE(at(body, "detail").is_string());
  EXPECT_EQ(at(body, "correlation_id"), "abc-123");
  EXPECT_EQ(at(body, "service"), "homeostat");
  EXPECT_EQ(at(body, "timestamp"), "2019-12-20T00:00:00.000Z");  // the manual clock's start
}

TEST_F(Server, KeepsSaneRequestIdsAndReplacesOthers) {
  start();
  EXPECT_EQ(get("/livez", {{"X-Request-Id", "a.B_9:/+=@-"}}).header("X-Request-Id"), "a.B_9:/+=@-");
  for (const std::string& bad :
       {std::string("with space"), std::string("quote\""), std::string(129, 'x'), std::string()}) {
    const std::string given = get("/livez", {{"X-Request-Id", bad}}).header("X-Request-Id");
    EXPECT_EQ(given.size(), 32U) << bad;
  }
  EXPECT_NE(correlation_id_of(""), correlation_id_of(""));
}

TEST_F(Server, NamesTheAllowedMethods) {
  start();
  const Answer answer = call("POST", "/api/v1/performance/status");
  EXPECT_EQ(answer.status, 405U);
  EXPECT_EQ(answer.header("Allow"), "GET, HEAD");
  EXPECT_EQ(call("GET", "/api/v1/cache/flush").header("Allow"), "DELETE");
  EXPECT_EQ(call("OPTIONS", "/livez").status, 405U);
}

TEST_F(Server, HeadHasTheLengthButNoBody) {
  start();
  Client client(port);
  const Answer head = client.request("HEAD", "/metrics");
  EXPECT_EQ(head.status, 200U);
  EXPECT_EQ(head.header("Content-Length"), "21");
  EXPECT_TRUE(head.body.empty());
  EXPECT_EQ(client.request("GET", "/metrics").body.size(), 21U);  // same connection, in step
}

TEST_F(Server, AnswersManyRequestsOnOneConnection) {
  start();
  Client client(port);
  client.send(
      "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\nGET /readyz HTTP/1.1\r\n"
      "Host: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(at(client.read().json(), "status"), "alive");
  EXPECT_EQ(at(client.read().json(), "status"), "ready");
  EXPECT_TRUE(client.closed_by_server());
}

TEST_F(Server, AcceptsABodyOfItsLimitAndRefusesMore) {
  start();
  const std::string target = "/api/v1/performance/level";
  const auto body = [](std::size_t size) {
    std::string text = R"({"level":"balanced","reason":"r")";
    return text + std::string(size - text.size() - 1, ' ') + "}";
  };
  EXPECT_EQ(send_json("PUT", target, body(64 * 1024)).status, 202U);
  EXPECT_EQ(send_json("PUT", target, body(64 * 1024 + 1)).status, 413U);
  Client chunked(port);
  chunked.send("PUT " + target +
               " HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
               "20000\r\n" +
               std::string(0x20000, ' ') + "\r\n");
  EXPECT_EQ(chunked.read().status, 413U);
}

TEST_F(Server, RefusesOversizedHeadersAndNonsense) {
  start();
  EXPECT_EQ(get("/livez", {{"X-Filler", std::string(17 * 1024, 'x')}}).status, 431U);
  Client nonsense(port);
  nonsense.send("this is not HTTP\r\n\r\n");
  const Answer answer = nonsense.read();
  EXPECT_EQ(answer.status, 400U);
  EXPECT_EQ(answer.header("Content-Type"), "application/problem+json");
  EXPECT_TRUE(nonsense.closed_by_server());
  EXPECT_EQ(get("/livez?bad=%zz").status, 400U);
}

TEST_F(Server, ContinuesWhenAskedTo) {
  start();
  Client client(port);
  const std::string body = R"({"level":"balanced","reason":"r"})";
  client.send(
      "PUT /api/v1/performance/level HTTP/1.1\r\nHost: localhost\r\n"
      "Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n");
  EXPECT_EQ(client.read().status, 100U);
  client.send(body);
  EXPECT_EQ(client.read().status, 202U);
}

TEST_F(Server, EndsSlowRequestsWith408) {
  timeouts.read = milliseconds(50);
  start();
  Client header(port);
  header.send("GET /livez HTTP/1.1\r\nHost: loc");
  EXPECT_EQ(header.read().status, 408U);
  Client body(port);
  body.send(
      "PUT /api/v1/performance/level HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{");
  EXPECT_EQ(body.read().status, 408U);
  EXPECT_TRUE(body.closed_by_server());
  EXPECT_EQ(server->counters().timeouts.load(), 2U);
}

TEST_F(Server, ClosesIdleConnections) {
  timeouts.idle = milliseconds(500);  // of which the first request may use some
  start();
  Client client(port);
  EXPECT_EQ(client.request("GET", "/livez").status, 200U);
  EXPECT_TRUE(client.closed_by_server());
  EXPECT_TRUE(Client(port).closed_by_server());
}

TEST_F(Server, EndsClientsThatDoNotRead) {
  timeouts.write = milliseconds(100);
  auto with = services();
  // Far more than socket buffers hold.
  with.render_metrics = [] { return std::string(64 * 1024 * 1024, '#'); };
  start(std::move(with));
  Client deaf(port);
  deaf.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  Client other(port);
  while (server->counters().timeouts.load() == 0) {
    ASSERT_EQ(other.request("GET", "/livez").status, 200U);
  }
  SUCCEED();
}

TEST_F(Server, RefusesConnectionsAboveTheMaximum) {
  settings.connections_max = 2;
  start();
  Client first(port), second(port);
  EXPECT_EQ(first.request("GET", "/livez").status, 200U);
  EXPECT_EQ(second.request("GET", "/livez").status, 200U);
  Client third(port);
  EXPECT_EQ(third.read().status, 503U);
  EXPECT_EQ(server->counters().connections_refused.load(), 1U);
  EXPECT_EQ(first.request("GET", "/livez").status, 200U);
}

TEST_F(Server, StopEndsIdleConnectionsAndTheThread) {
  start();
  Client client(port);
  EXPECT_EQ(client.request("GET", "/livez").status, 200U);
  shut_down();  // joins the thread: hangs if a session stays
  EXPECT_TRUE(client.closed_by_server());
}

TEST_F(Server, AFailingHandlerIsAProblemNotTheEnd) {
  auto with = services();
  with.render_metrics = []() -> std::string { throw std::runtime_error("broken"); };
  start(std::move(with));
  const Answer answer = get("/metrics");
  EXPECT_EQ(answer.status, 500U);
  EXPECT_EQ(answer.body.find("broken"), std::string::npos);
  EXPECT_EQ(get("/livez").status, 200U);
}

}  // namespace
}  // namespace homeostat::admin::test
