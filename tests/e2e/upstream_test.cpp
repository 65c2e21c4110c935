// Upstreams that refuse, stall, lie or die: what the client sees, what is
// retried, what is never stored, and how health follows.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>

#include "tests/e2e/in_flight.hpp"
#include "tests/e2e/running_agent.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

AgentConfig config_for(const std::string& url, const std::string& upstream = {}) {
  AgentConfig config;
  config.upstream_url = url;
  config.upstream = upstream;
  return config;
}

std::string url_of(std::uint16_t port) { return "http://127.0.0.1:" + std::to_string(port); }

void fall_silent(OriginExchange& exchange) {
  (void)exchange.reader.at_end();
  exchange.alive = false;
}

TEST(Upstream, ARefusedConnectionIs502) {
  const HeldPort dead;
  RunningAgent agent(config_for(url_of(dead.port()), "retries: 0"));
  HttpClient client(agent.port());
  const Message answer = client.get("/page");
  EXPECT_EQ(answer.status(), 502);
  EXPECT_EQ(answer.get("proxy-status"), "homeostat; error=connection_refused");
  EXPECT_FALSE(answer.get("cache-status").empty());
  EXPECT_EQ(client.request("POST", "/page").status(), 502) << "the connection goes on";
}

TEST(Upstream, AHostThatDoesNotAnswerIs504AfterTheConnectTimeout) {
  const UnansweringPort gone;
  AgentConfig config =
      config_for(url_of(gone.port()), "connect_timeout: 100ms, timeout: 1h, retries: 0");
  config.workers = 1;
  RunningAgent agent(config);
  HttpClient client(agent.port());
  const Message answer = client.get("/page");
  EXPECT_EQ(answer.status(), 504);
  EXPECT_EQ(answer.get("proxy-status"), "homeostat; error=connection_timeout");
  EXPECT_EQ(client.request("POST", "/page").status(), 504) << "the connection goes on";
}

TEST(Upstream, WhatNeverReachedASilentHostGoesToAnother) {
  const UnansweringPort gone;
  ScriptedOrigin origin;
  const std::string both = "[\"" + url_of(gone.port()) + "\", \"" + origin.url() + "\"]";
  RunningAgent agent(config_for(both, "connect_timeout: 100ms, timeout: 1h, retries: 1"));
  for (int i = 0; i < 4; ++i) {
    HttpClient client(agent.port());
    EXPECT_EQ(client.request("POST", "/page").status(), 200);
  }
}

TEST(Upstream, SilenceIs504) {
  ScriptedOrigin origin;
  origin.on("/silent", fall_silent);
  RunningAgent agent(config_for(origin.url(), "timeout: 200ms, retries: 3"));
  const Message answer = agent.get("/silent");
  EXPECT_EQ(answer.status(), 504);
  EXPECT_EQ(answer.get("proxy-status"), "homeostat; error=http_response_timeout");
  // The agent may give up before the application's own thread has read it.
  ASSERT_TRUE(origin.wait_for_requests("/silent", 1));
  EXPECT_EQ(origin.requests("/silent"), 1U) << "what may still be at work is not repeated";
}

TEST(Upstream, WhatWasWrongWithAResponseIsSaid) {
  ScriptedOrigin origin;
  origin.on("/twice", [](OriginExchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab");
    exchange.alive = false;
  });
  RunningAgent agent(origin);
  for (const char* fields : {"", "Cache-Control: no-store\r\n"}) {
    const Message answer = agent.get("/twice", fields);
    EXPECT_EQ(answer.status(), 502);
    EXPECT_EQ(answer.get("proxy-status"),
              "homeostat; error=http_protocol_error; details=\"repeated Content-Length\"");
  }
}

TEST(Upstream, ParametersInConnectionAreNoReasonToFail) {
  ScriptedOrigin origin;
  origin.on("/old", [](OriginExchange& exchange) {
    exchange.send(
        "HTTP/1.1 200 OK\r\nConnection: keep-alive; timeout=5\r\nContent-Length: 2\r\n\r\nok");
  });
  RunningAgent agent(origin);
  EXPECT_EQ(agent.get("/old").body, "ok");
}

TEST(Upstream, EachTargetIsAskedByItsOwnName) {
  ScriptedOrigin first, second;
  for (ScriptedOrigin* origin : {&first, &second}) {
    origin->on("/who", [](OriginExchange& exchange) {
      exchange.respond(200, "Cache-Control: no-store\r\n", exchange.request.get("host"));
    });
  }
  AgentConfig config =
      config_for("[\"" + first.url() + "\", \"" + second.url() + "\"]", "preserve_host: false");
  config.workers = 1;
  RunningAgent agent(config);
  while (first.requests("/who") == 0 || second.requests("/who") == 0) {
    const std::size_t before = first.requests("/who");
    const std::string name = agent.get("/who").body;
    const ScriptedOrigin& asked = first.requests("/who") > before ? first : second;
    ASSERT_EQ("http://" + name, asked.url());
  }
}

TEST(Upstream, KeepsNoUnusedConnectionBeyondTheBound) {
  ScriptedOrigin origin;
  RunningAgent agent(config_for(origin.url(), "idle_connections_max: 0"));
  EXPECT_EQ(agent.get("/page").status(), 200);
  EXPECT_TRUE(origin.wait_until_all_closed());
  EXPECT_EQ(agent.get("/page?2").status(), 200);
  EXPECT_EQ(origin.connections(), 2U);
}

TEST(Upstream, ClosesAConnectionThatNobodyUsesAnyMore) {
  ScriptedOrigin origin;
  RunningAgent agent(config_for(origin.url(), "idle_timeout: 1s"));
  EXPECT_EQ(agent.get("/page").status(), 200);
  EXPECT_TRUE(origin.wait_until_all_closed());
  EXPECT_EQ(agent.get("/page?2").status(), 200);
}

TEST(Upstream, GarbageIs502) {
  ScriptedOrigin origin;
  origin.on("/garbage", [](OriginExchange& exchange) {
    exchange.send("220 smtp ready\r\n\r\n");
    exchange.alive = false;
  });
  RunningAgent agent(origin);
  const Message answer = agent.get("/garbage");
  EXPECT_EQ(answer.status(), 502);
  EXPECT_EQ(answer.get("proxy-status"),
            "homeostat; error=http_protocol_error; details=\"not an HTTP/1 response\"");
}

TEST(Upstream, AnotherProtocolIsTakenForAnErrorAtOnce) {
  ScriptedOrigin origin;
  origin.on("/shell", [](OriginExchange& exchange) {
    exchange.send("SSH-2.0-foo\r\n");
    fall_silent(exchange);
  });
  RunningAgent agent(config_for(origin.url(), "timeout: 3s, retries: 0"));
  const Message answer = agent.get("/shell");
  EXPECT_EQ(answer.status(), 502) << "and not 504 after the timeout";
  EXPECT_EQ(answer.get("proxy-status"),
            "homeostat; error=http_protocol_error; details=\"not an HTTP/1 response\"");
}

TEST(Upstream, ABodyThatIsCutIsNeverTakenForWhole) {
  ScriptedOrigin origin;
  std::atomic<bool> broken{true};
  const auto serve = [&](OriginExchange& exchange, const std::string& fields) {
    exchange.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n" + fields);
    exchange.alive = false;
  };
  origin.on("/length", [&](OriginExchange& exchange) {
    if (broken) return serve(exchange, "Content-Length: 100\r\n\r\nhalf");
    exchange.respond(200, "", "whole");
  });
  origin.on("/chunked", [&](OriginExchange& exchange) {
    if (broken) return serve(exchange, "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n");
    exchange.respond(200, "", "whole");
  });
  RunningAgent agent(origin);
  InFlight flight(origin, agent);
  for (const char* path : {"/length", "/chunked"}) {
    for (const char* method : {"GET", "POST"}) {
      HttpClient client(agent.port());
      const Message answer = client.request(method, path);
      EXPECT_EQ(answer.status(), 200);
      EXPECT_FALSE(answer.complete) << method << path;
    }
  }
  flight.expect_whole();
  broken = false;
  EXPECT_EQ(agent.get("/length").body, "whole");
  EXPECT_EQ(agent.get("/chunked").body, "whole");
  EXPECT_EQ(agent.get("/page").status(), 200);
}

TEST(Upstream, AnHttpOneZeroClientSeesACutBodyAsAnError) {
  ScriptedOrigin origin;
  origin.on("/chunked", [](OriginExchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n");
    exchange.alive = false;
  });
  RunningAgent agent(origin);
  HttpClient client(agent.port());
  ASSERT_TRUE(client.send("GET /chunked HTTP/1.0\r\n\r\n"));
  const Message answer = client.read();
  EXPECT_FALSE(answer.complete) << "a proper end would make it look whole";
}

TEST(Upstream, ABodyThatStallsEndsTheResponse) {
  ScriptedOrigin origin;
  const auto stall = [](OriginExchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=9\r\nContent-Length: 100\r\n\r\nhalf");
    fall_silent(exchange);
  };
  origin.on("/stalls", stall);
  RunningAgent agent(config_for(origin.url(), "body_timeout: 300ms"));
  for (const char* method : {"GET", "POST"}) {
    HttpClient client(agent.port());
    const Message answer = client.request(method, "/stalls");
    EXPECT_EQ(answer.status(), 200);
    EXPECT_FALSE(answer.complete);
    EXPECT_EQ(client.reader.last(), Socket::Received::reset) << "not this client's own patience";
  }
}

TEST(Upstream, AStalePooledConnectionIsReplacedForAGet) {
  ScriptedOrigin origin;
  origin.on("/last", [](OriginExchange& exchange) {
    exchange.respond(200, "", "last");
    exchange.alive = false;  // closes although it promised to stay
  });
  // The request meets the closed connection before the agent has noticed.
  std::atomic<int> attempts{0};
  origin.on("/picky", [&](OriginExchange& exchange) {
    if (attempts++ == 0) {
      exchange.alive = false;
      return;
    }
    exchange.respond(200, "", "second try");
  });
  AgentConfig config = config_for(origin.url());
  config.workers = 1;
  RunningAgent agent(config);
  ASSERT_EQ(agent.get("/page").status(), 200);
  EXPECT_EQ(agent.get("/picky").body, "second try");
  EXPECT_EQ(attempts, 2);
  ASSERT_EQ(agent.get("/last").body, "last");
  EXPECT_EQ(agent.get("/page").status(), 200);
}

TEST(Upstream, APostWithABodyIsSentOnceOnly) {
  ScriptedOrigin origin;
  std::atomic<int> attempts{0};
  origin.on("/order", [&](OriginExchange& exchange) {
    ++attempts;
    (void)exchange.body();
    exchange.alive = false;
  });
  AgentConfig config = config_for(origin.url(), "retries: 3");
  config.workers = 1;
  RunningAgent agent(config);
  ASSERT_EQ(agent.get("/page").status(), 200);
  HttpClient client(agent.port());
  EXPECT_EQ(client.request("POST", "/order", "", "one book").status(), 502);
  EXPECT_EQ(attempts, 1);
}

TEST(Upstream, AFailedConnectionGoesToAnotherTarget) {
  const HeldPort dead;
  ScriptedOrigin origin;
  RunningAgent agent(
      config_for("[\"" + url_of(dead.port()) + "\", \"" + origin.url() + "\"]", "retries: 1"));
  for (int i = 0; i < 10; ++i) {
    HttpClient client(agent.port());
    EXPECT_EQ(client.request("POST", "/page", "", "sent nowhere yet").status(), 200);
  }
  EXPECT_EQ(origin.requests("/page"), 10U);
}

TEST(Upstream, ADeadTargetWithSeveralAddressesIsToBlameForItself) {
  const HeldPort dead;
  ScriptedOrigin origin;
  // Where the machine has both families, this name has two addresses.
  const std::string name = "localhost:" + std::to_string(dead.port());
  AgentConfig config = config_for("[\"http://" + name + "\", \"" + origin.url() + "\"]",
                                  "retries: 1, breaker: {unanswered_max: 2, probe_interval: 1m}");
  config.workers = 1;
  RunningAgent agent(config);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(agent.get("/page").status(), 200);
  EXPECT_EQ(agent.metric("homeostat_upstream_healthy{target=\"" + name + "\"}"), 0);
  EXPECT_EQ(origin.requests("/page"), 20U);
}

TEST(Upstream, AMissingUnixSocketIs502UntilItIsThere) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/app.sock";
  AgentConfig config = config_for("\"unix:" + path + "\"",
                                  "retries: 0, breaker: {mode: off}, health: {path: /healthz, "
                                  "interval: 100ms, timeout: 100ms, healthy_after: 1, "
                                  "unhealthy_after: 1}");
  RunningAgent agent(config);
  EXPECT_EQ(agent.get("/page").status(), 502);
  const auto ready = [&] { return agent.admin("GET", "/readyz").status() == 200; };
  EXPECT_TRUE(eventually([&] { return !ready(); }));
  {
    ScriptedOrigin origin(path);
    origin.answer("/healthz", 200, "", "");
    EXPECT_TRUE(eventually(ready));
    EXPECT_EQ(agent.get("/page").status(), 200);
  }
  EXPECT_TRUE(eventually([&] { return !ready(); }));
  ASSERT_EQ(::unlink(path.c_str()), 0);
  ScriptedOrigin again(path);
  again.answer("/healthz", 200, "", "");
  EXPECT_TRUE(eventually([&] { return agent.get("/page").status() == 200; }))
      << "the kept connection to the one before is stale";
}

TEST(Upstream, ATargetThatKeepsFailingIsEjectedAndComesBack) {
  const HeldPort port;
  ScriptedOrigin healthy;
  AgentConfig config = config_for("[\"" + url_of(port.port()) + "\", \"" + healthy.url() + "\"]",
                                  "retries: 0, breaker: {unanswered_max: 1, probe_interval: 1s}");
  config.workers = 1;
  RunningAgent agent(config);
  int failures = 0;
  for (int i = 0; i < 10; ++i) failures += agent.get("/page").status() == 502 ? 1 : 0;
  EXPECT_LE(failures, 2) << "left out after the first failure, tried again only after a second";
  ScriptedOrigin returned({}, port.port());
  EXPECT_TRUE(eventually([&] {
    (void)agent.get("/page");
    return returned.requests("/page") > 0;
  }));
}

TEST(Upstream, TheActiveCheckTakesATargetOutAndBackIn) {
  ScriptedOrigin first;
  ScriptedOrigin second;
  std::atomic<bool> sick{false};
  first.on("/healthz", [&](OriginExchange& exchange) {
    exchange.respond(sick ? 500 : 200, "", "");
    exchange.alive = false;
  });
  AgentConfig config = config_for("[\"" + first.url() + "\", \"" + second.url() + "\"]",
                                  "health: {path: /healthz, interval: 100ms, timeout: 100ms, "
                                  "healthy_after: 1, unhealthy_after: 1}");
  RunningAgent agent(config);
  const auto only_second_serves = [&] {
    const std::size_t before = first.requests("/page");
    for (int i = 0; i < 6; ++i) (void)agent.get("/page");
    return first.requests("/page") == before;
  };
  EXPECT_TRUE(eventually([&] { return !only_second_serves(); }));
  sick = true;
  EXPECT_TRUE(eventually(only_second_serves));
  sick = false;
  EXPECT_TRUE(eventually([&] { return !only_second_serves(); }));
}

TEST(Upstream, ItsDeathHurtsOnlyTheRequestsItHeld) {
  ScriptedOrigin origin;
  origin.answer("/kept", 200, "Cache-Control: max-age=60\r\n", "kept");
  origin.on("/silent", fall_silent);
  RunningAgent agent(origin);
  ASSERT_EQ(agent.get("/kept").body, "kept");
  HttpClient waiting(agent.port());
  ASSERT_TRUE(waiting.send(request_text("POST", "/silent")));
  ASSERT_TRUE(origin.wait_for_requests("/silent", 1));
  origin.close_connections();
  EXPECT_EQ(waiting.read().status(), 502);
  EXPECT_EQ(agent.get("/kept").body, "kept");
  EXPECT_EQ(agent.get("/page").body, "hello");
}

}  // namespace
}  // namespace homeostat::test
