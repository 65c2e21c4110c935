// Bodies of any size in both directions: streaming, back-pressure, trailers,
// interim responses, upgrades, early answers.
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "tests/e2e/running_agent.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

constexpr std::size_t mebibyte = 1024 * 1024;

/// Resident memory of this process: agent, origin and client together.
std::size_t resident_bytes() {
  std::ifstream status("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  status >> total >> resident;
  return resident * 4096;
}

TEST(Streaming, ALargeDownloadNeedsLittleMemory) {
  constexpr std::size_t total = 64 * mebibyte;
  ScriptedOrigin origin;
  origin.on("/large", [](OriginExchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(total) + "\r\n\r\n");
    const std::string block(256 * 1024, 'x');
    for (std::size_t sent = 0; sent < total && exchange.alive; sent += block.size()) {
      exchange.send(block);
    }
  });
  RunningAgent agent(origin);
  HttpClient client(agent.port());
  ASSERT_TRUE(client.send(request_text("GET", "/large")));
  std::optional<Message> head = client.reader.read_head();
  ASSERT_TRUE(head.has_value());
  const std::size_t before = resident_bytes();
  std::size_t most = before;
  std::size_t wrong = 0;
  client.reader.read_response_body(*head, false, [&](std::string_view bytes) {
    most = std::max(most, resident_bytes());
    wrong += static_cast<std::size_t>(bytes.find_first_not_of('x') != std::string_view::npos);
  });
  EXPECT_TRUE(head->complete);
  EXPECT_EQ(head->body_bytes, total);
  EXPECT_EQ(wrong, 0U);
  EXPECT_LT(most - before, 32 * mebibyte);
}

TEST(Streaming, ManySmallChunksInOneSegmentAreAllPassedOn) {
  ScriptedOrigin origin;
  std::string sent =
      "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nTransfer-Encoding: chunked\r\n\r\n";
  std::string body;
  for (int i = 0; i < 2000; ++i) {
    const char letter = static_cast<char>('a' + i % 26);
    body += letter;
    sent += std::string("1\r\n") + letter + "\r\n";
  }
  // The origin says no more until the client has what there is.
  Signal go_on;
  origin.on("/chunks", [&](OriginExchange& exchange) {
    exchange.send(sent);
    go_on.wait();
    exchange.send("0\r\n\r\n");
  });
  RunningAgent agent(origin);
  HttpClient client(agent.port());
  ASSERT_TRUE(client.send(request_text("GET", "/chunks")));
  std::optional<Message> head = client.reader.read_head();
  ASSERT_TRUE(head.has_value());
  std::string received;
  client.reader.read_response_body(*head, false, [&](std::string_view bytes) {
    received += bytes;
    if (received.size() == body.size()) go_on.set();
  });
  go_on.set();
  EXPECT_TRUE(head->complete);
  EXPECT_TRUE(received == body);
}

TEST(Streaming, ALargeUploadNeedsLittleMemory) {
  constexpr std::size_t total = 64 * mebibyte;
  ScriptedOrigin origin;
  std::atomic<std::size_t> received{0};
  origin.on("/upload", [&](OriginExchange& exchange) {
    exchange.body_read = true;
    exchange.reader.read_request_body(exchange.request,
                                      [&](std::string_view bytes) { received += bytes.size(); });
    exchange.send("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
  });
  RunningAgent agent(origin);
  HttpClient client(agent.port());
  ASSERT_TRUE(client.send("PUT /upload HTTP/1.1\r\nHost: test\r\nContent-Length: " +
                          std::to_string(total) + "\r\n\r\n"));
  const std::string block(256 * 1024, 'y');
  const std::size_t before = resident_bytes();
  std::size_t most = before;
  for (std::size_t sent = 0; sent < total; sent += block.size()) {
    ASSERT_TRUE(client.send(block));
    most = std::max(most, resident_bytes());
  }
  EXPECT_EQ(client.read().status(), 201);
  EXPECT_EQ(received, total);
  EXPECT_LT(most - before, 32 * mebibyte);
  EXPECT_EQ(client.get("/page").status(), 200) << "the connection goes on";
}

TEST(Streaming, ChunksArriveBeforeTheResponseEnds) {
  Signal first_seen;
  ScriptedOrigin origin;
  origin.on("/feed", [&](OriginExchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
    exchange.alive = first_seen.wait();
    exchange.send("6\r\nsecond\r\n0\r\n\r\n");
  });
  RunningAgent agent(origin);
  HttpClient client(agent.port());
  ASSERT_TRUE(client.send(request_text("GET", "/feed")));
  ASSERT_TRUE(client.reader.read_head().has_value());
  EXPECT_EQ(client.reader.read_chunk(), "first");
  first_seen.set();
  EXPECT_EQ(client.reader.read_chunk(), "second");
  EXPECT_EQ(client.reader.read_chunk(), "");
  EXPECT_EQ(client.get("/page").body, "hello");
}

TEST(Streaming, ChunkedRequestsReachTheOriginPieceByPiece) {
  Signal first_seen;
  ScriptedOrigin origin;
  origin.on("/up", [&](OriginExchange& exchange) {
    EXPECT_EQ(exchange.request.get("transfer-encoding"), "chunked");
    EXPECT_EQ(exchange.reader.read_chunk(), "first");
    first_seen.set();
    exchange.respond(200, "", exchange.body());
  });
  RunningAgent agent(origin);
  HttpClient client(agent.port());
  ASSERT_TRUE(
      client.send("POST /up HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "5;ext=1\r\nfirst\r\n"));
  ASSERT_TRUE(first_seen.wait());
  ASSERT_TRUE(client.send("6\r\nsecond\r\n0\r\nX-Sum: 42\r\n\r\n"));
  EXPECT_EQ(client.read().body, "second");
  EXPECT_EQ(origin.last_request("/up").trailer("x-sum"), "42");
}

TEST(Streaming, ResponseTrailersAreForwarded) {
  ScriptedOrigin origin;
  origin.on("/sum", [](OriginExchange& exchange) {
    exchange.send(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
        "4\r\ndata\r\n0\r\nX-Sum: 7\r\n\r\n");
  });
  RunningAgent agent(origin);
  HttpClient client(agent.port());
  const Message response = client.get("/sum", "TE: trailers\r\n");
  EXPECT_TRUE(response.complete);
  EXPECT_EQ(response.body, "data");
  EXPECT_EQ(response.trailer("x-sum"), "7");
  EXPECT_EQ(client.get("/page").body, "hello");
}

TEST(Streaming, ABodyThatEndsWithTheConnectionIsWhole) {
  ScriptedOrigin origin;
  origin.on("/old", [](OriginExchange& exchange) {
    exchange.send("HTTP/1.0 200 OK\r\n\r\nold style");
    exchange.alive = false;
  });
  RunningAgent agent(origin);
  const Message response = agent.get("/old");
  EXPECT_TRUE(response.complete);
  EXPECT_EQ(response.body, "old style");
}

TEST(Interim, TheOriginsContinueLetsTheBodyGo) {
  ScriptedOrigin origin;
  origin.on("/careful", [](OriginExchange& exchange) {
    EXPECT_EQ(exchange.request.get("expect"), "100-continue");
    exchange.send("HTTP/1.1 100 Continue\r\n\r\n");
    exchange.respond(200, "", "got " + exchange.body());
  });
  RunningAgent agent(origin);
  HttpClient client(agent.port());
  ASSERT_TRUE(
      client.send("POST /careful HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\n"
                  "Content-Length: 4\r\n\r\n"));
  EXPECT_EQ(client.read().status(), 100);
  ASSERT_TRUE(client.send("body"));
  EXPECT_EQ(client.read().body, "got body");
  EXPECT_EQ(client.get("/page").status(), 200);
}

TEST(Interim, AFinalAnswerInsteadOfContinueEndsTheRequest) {
  ScriptedOrigin origin;
  origin.on("/careful", [](OriginExchange& exchange) {
    exchange.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    exchange.alive = false;
  });
  RunningAgent agent(origin);
  HttpClient client(agent.port());
  ASSERT_TRUE(
      client.send("POST /careful HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\n"
                  "Content-Length: 4\r\n\r\n"));
  const Message answer = client.read();
  EXPECT_EQ(answer.status(), 403);
  EXPECT_EQ(answer.body, "no");
  EXPECT_EQ(answer.get("connection"), "close");
  EXPECT_TRUE(client.closed());
}

TEST(Interim, SaysNothingAboutContent) {
  ScriptedOrigin origin;
  origin.on("/early", [](OriginExchange& exchange) {
    exchange.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nContent-Length: 5\r\n\r\n");
    exchange.respond(200, "", "whole");
  });
  RunningAgent agent(origin);
  HttpClient client(agent.port());
  ASSERT_TRUE(client.send(request_text("POST", "/early")));
  const Message hints = client.read(true);
  EXPECT_EQ(hints.status(), 103);
  EXPECT_EQ(hints.get("link"), "</a.css>");
  EXPECT_EQ(hints.get("content-length"), "");
  EXPECT_EQ(client.read().body, "whole");
}

TEST(Interim, WithoutContinueFromASilentOriginTheAnswerIs504) {
  ScriptedOrigin origin;
  origin.on("/careful",
            [](OriginExchange& exchange) { exchange.alive = !exchange.reader.at_end(); });
  AgentConfig config = config_for(origin);
  config.upstream = "timeout: 2s, retries: 0";
  config.server = "body_timeout: 1s";  // the client is not late: it waits for 100
  RunningAgent agent(config);
  HttpClient client(agent.port());
  ASSERT_TRUE(
      client.send("POST /careful HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\n"
                  "Content-Length: 4\r\n\r\n"));
  EXPECT_EQ(client.read().status(), 504);
  EXPECT_EQ(agent.metric("homeostat_client_body_timeouts_total"), 0);
}

TEST(Interim, AfterContinueTheClientHasToSendItsBody) {
  ScriptedOrigin origin;
  origin.on("/careful", [](OriginExchange& exchange) {
    exchange.send("HTTP/1.1 100 Continue\r\n\r\n");
    (void)exchange.body();
    exchange.alive = false;
  });
  AgentConfig config = config_for(origin);
  config.upstream = "timeout: 1s, retries: 0";  // not the upstream's turn
  config.server = "body_timeout: 2s";
  RunningAgent agent(config);
  HttpClient client(agent.port());
  ASSERT_TRUE(
      client.send("POST /careful HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\n"
                  "Content-Length: 4\r\n\r\n"));
  EXPECT_EQ(client.read().status(), 100);
  EXPECT_EQ(client.read().status(), 408);
  EXPECT_EQ(agent.metric("homeostat_client_body_timeouts_total"), 1);
}

TEST(Interim, AClientThatDoesNotWaitForContinueIsServed) {
  ScriptedOrigin origin;
  origin.on("/careless",
            [](OriginExchange& exchange) { exchange.respond(200, "", "got " + exchange.body()); });
  RunningAgent agent(origin);
  HttpClient client(agent.port());
  ASSERT_TRUE(
      client.send("POST /careless HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\n"
                  "Content-Length: 4\r\n\r\n"));
  ASSERT_TRUE(origin.wait_for_requests("/careless", 1));
  ASSERT_TRUE(client.send("body"));
  EXPECT_EQ(client.read().body, "got body");
  EXPECT_EQ(client.get("/page").status(), 200) << "the connection goes on";
}

TEST(Interim, ResponsesAreWithheldFromOldClients) {
  ScriptedOrigin origin;
  origin.on("/hints", [](OriginExchange& exchange) {
    exchange.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n");
    exchange.respond(200, "Cache-Control: max-age=60\r\n", "page");
  });
  RunningAgent agent(origin);
  for (const char* head : {"POST /hints HTTP/1.0\r\nContent-Length: 0\r\n\r\n",
                           "GET /hints HTTP/1.0\r\nHost: test\r\n\r\n"}) {
    HttpClient client(agent.port());
    ASSERT_TRUE(client.send(head));
    const Message answer = client.read();
    EXPECT_EQ(answer.status(), 200) << head;
    EXPECT_EQ(answer.body, "page") << head;
  }
}

TEST(Interim, EarlyHintsAreForwarded) {
  ScriptedOrigin origin;
  origin.on("/hints", [](OriginExchange& exchange) {
    exchange.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n");
    exchange.respond(200, "", "page");
  });
  RunningAgent agent(origin);
  HttpClient client(agent.port());
  // Only a request that passes through can have hints: the cache keeps one answer.
  const Message hints = client.request("POST", "/hints", "", "x");
  EXPECT_EQ(hints.status(), 103);
  EXPECT_EQ(hints.get("link"), "</a.css>");
  EXPECT_EQ(client.read().body, "page");
}

TEST(EarlyAnswer, ALongUploadStillReadsItsRefusal) {
  Signal answered;
  ScriptedOrigin origin;
  origin.on("/upload", [&](OriginExchange& exchange) {
    exchange.send("HTTP/1.1 413 Too Large\r\nContent-Length: 8\r\n\r\ntoo long");
    answered.set();
    exchange.alive = false;
  });
  RunningAgent agent(origin);
  HttpClient client(agent.port());
  ASSERT_TRUE(
      client.send("PUT /upload HTTP/1.1\r\nHost: test\r\nContent-Length: 10000000\r\n\r\n"));
  ASSERT_TRUE(answered.wait());
  // More than fits in no buffer on the way, less than what lingering accepts.
  const std::string block(16 * 1024, 'z');
  for (int i = 0; i < 4; ++i) (void)client.send(block);
  const Message answer = client.read();
  EXPECT_EQ(answer.status(), 413);
  EXPECT_EQ(answer.body, "too long");
  EXPECT_EQ(answer.get("connection"), "close");
  EXPECT_EQ(agent.get("/page").status(), 200);
}

TEST(Streaming, ManyParallelMixedTransfersDoNotMixUp) {
  ScriptedOrigin origin;
  origin.on("/echo", [](OriginExchange& exchange) { exchange.respond(200, "", exchange.body()); });
  RunningAgent agent(origin);
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      HttpClient client(agent.port());
      for (int round = 0; round < 10; ++round) {
        const std::string body(static_cast<std::size_t>(1 + i * 30011 + round * 7001),
                               static_cast<char>('a' + i));
        if (client.request("POST", "/echo", "", body).body != body) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace homeostat::test
