// HTTP/1.1 semantics through real sockets: connections, order, fields, framing.
#include <gtest/gtest.h>
#include <unistd.h>

#include <ostream>

#include "tests/e2e/running_agent.hpp"

namespace homeostat::test {
namespace {

TEST(Http, OneConnectionServesManyRequests) {
  ScriptedOrigin origin;
  RunningAgent agent(origin);
  HttpClient client(agent.port());
  for (int i = 0; i < 20; ++i) {
    const Message response = client.get("/page");
    ASSERT_EQ(response.status(), 200);
    ASSERT_TRUE(response.complete);
    EXPECT_EQ(response.body, "hello");
    EXPECT_FALSE(response.get("cache-status").empty());
  }
  EXPECT_EQ(origin.requests("/page"), 20U);
  EXPECT_EQ(origin.connections(), 1U) << "the upstream connection is kept, too";
}

TEST(Http, PipelinedRequestsAreAnsweredInOrder) {
  ScriptedOrigin origin;
  origin.answer("/kept", 200, "Cache-Control: max-age=60\r\n", "kept");
  origin.answer("/passed", 200, "", "passed");
  origin.on("/echo",
            [](OriginExchange& exchange) { exchange.respond(200, "", "got " + exchange.body()); });
  RunningAgent agent(origin);
  ASSERT_EQ(agent.get("/kept").body, "kept");
  HttpClient client(agent.port());
  std::string batch;
  for (int i = 0; i < 40; ++i) {
    batch += request_text("GET", "/kept") + request_text("GET", "/passed") +
             request_text("POST", "/echo", "", "body" + std::to_string(i)) +
             request_text("GET", "/missing/" + std::to_string(i));
  }
  ASSERT_TRUE(client.send(batch));
  for (int i = 0; i < 40; ++i) {
    ASSERT_EQ(client.read().body, "kept") << i;
    ASSERT_EQ(client.read().body, "passed") << i;
    ASSERT_EQ(client.read().body, "got body" + std::to_string(i));
    ASSERT_EQ(client.read().body, "hello") << i;
  }
  EXPECT_EQ(origin.requests("/kept"), 1U);
}

TEST(Http, PipelinedBytesMayArriveInAnyPieces) {
  ScriptedOrigin origin;
  RunningAgent agent(origin);
  HttpClient client(agent.port());
  const std::string two = request_text("GET", "/a") + request_text("POST", "/b", "", "xyz");
  for (const char c : two) ASSERT_TRUE(client.send(std::string_view(&c, 1)));
  EXPECT_EQ(client.read().body, "hello");
  EXPECT_EQ(client.read().body, "hello");
  EXPECT_EQ(origin.last_request("/b").body, "xyz");
}

TEST(Http, HttpOneZeroClosesUnlessItAsksToStay) {
  ScriptedOrigin origin;
  origin.answer("/kept", 200, "Cache-Control: max-age=60\r\n", "kept");
  RunningAgent agent(origin);
  HttpClient plain(agent.port());
  ASSERT_TRUE(plain.send("GET /x HTTP/1.0\r\n\r\n"));
  const Message answer = plain.read();
  EXPECT_EQ(answer.status(), 200);
  EXPECT_EQ(answer.get("connection"), "close");
  EXPECT_TRUE(plain.closed());

  HttpClient staying(agent.port());
  for (const char* path : {"/x", "/kept", "/kept"}) {
    ASSERT_TRUE(staying.send("GET " + std::string(path) +
                             " HTTP/1.0\r\nHost: test\r\nConnection: keep-alive\r\n\r\n"));
    const Message kept = staying.read();
    EXPECT_EQ(kept.status(), 200);
    EXPECT_EQ(kept.get("connection"), "keep-alive") << path;
  }
}

TEST(Http, AnHttpOneZeroClientGetsNoChunks) {
  ScriptedOrigin origin;
  origin.on("/chunked", [](OriginExchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
  });
  RunningAgent agent(origin);
  HttpClient client(agent.port());
  ASSERT_TRUE(client.send("GET /chunked HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
  const Message answer = client.read();
  EXPECT_FALSE(answer.has("transfer-encoding"));
  EXPECT_EQ(answer.get("connection"), "close");
  EXPECT_EQ(answer.body, "hello");
}

TEST(Http, HeadHasTheFieldsAndNoBody) {
  ScriptedOrigin origin;
  origin.answer("/kept", 200, "Cache-Control: max-age=60\r\nETag: \"v\"\r\n", "kept");
  RunningAgent agent(origin);
  HttpClient client(agent.port());
  const Message miss = client.request("HEAD", "/kept");
  EXPECT_EQ(miss.get("content-length"), "4");
  ASSERT_EQ(client.get("/kept").body, "kept");
  const Message hit = client.request("HEAD", "/kept");
  EXPECT_EQ(hit.get("content-length"), "4");
  EXPECT_NE(hit.get("cache-status").find("hit"), std::string::npos);
  EXPECT_EQ(client.get("/kept").body, "kept") << "the connection is in step";
}

TEST(Http, AnswersWithoutBodyKeepTheConnectionInStep) {
  ScriptedOrigin origin;
  origin.answer("/none", 204, "", "");
  origin.answer("/same", 304, "ETag: \"v\"\r\n", "");
  RunningAgent agent(origin);
  HttpClient client(agent.port());
  EXPECT_EQ(client.get("/none").status(), 204);
  EXPECT_EQ(client.get("/same", "If-None-Match: \"v\"\r\n").status(), 304);
  EXPECT_EQ(client.request("DELETE", "/none").status(), 204);
  EXPECT_EQ(client.get("/page").body, "hello");
}

TEST(Http, HopByHopFieldsStayOnTheirHop) {
  ScriptedOrigin origin;
  origin.answer("/page", 200,
                "Connection: X-Answer-Hop\r\nX-Answer-Hop: 1\r\nKeep-Alive: timeout=5\r\n"
                "Proxy-Authenticate: Basic\r\nX-Answer: stays\r\n",
                "hello");
  RunningAgent agent(origin);
  const Message response =
      agent.get("/page",
                "Connection: X-Private, keep-alive\r\nX-Private: secret\r\nKeep-Alive: 300\r\n"
                "Proxy-Connection: keep-alive\r\nTE: trailers\r\nX-Public: stays\r\n");
  EXPECT_EQ(response.get("x-answer"), "stays");
  EXPECT_FALSE(response.has("x-answer-hop"));
  EXPECT_FALSE(response.has("keep-alive"));
  const Message seen = origin.last_request("/page");
  EXPECT_EQ(seen.get("x-public"), "stays");
  for (const char* field : {"x-private", "keep-alive", "proxy-connection", "connection"}) {
    EXPECT_FALSE(seen.has(field)) << field;
  }
}

TEST(Http, ForwardingFieldsOfAnUntrustedClientAreReplaced) {
  ScriptedOrigin origin;
  RunningAgent agent(origin);
  ASSERT_EQ(agent
                .get("/page",
                     "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\n"
                     "X-Forwarded-Host: evil\r\nForwarded: for=6.6.6.6\r\n")
                .status(),
            200);
  const Message seen = origin.last_request("/page");
  EXPECT_EQ(seen.get("x-forwarded-for"), "127.0.0.1");
  EXPECT_EQ(seen.get("x-forwarded-proto"), "http");
  EXPECT_EQ(seen.get("x-forwarded-host"), "test");
  EXPECT_EQ(seen.get("forwarded").find("6.6.6.6"), std::string::npos);
  EXPECT_NE(seen.get("forwarded").find("for=127.0.0.1"), std::string::npos);
  EXPECT_EQ(seen.get("host"), "test");
}

TEST(Http, ForwardingFieldsOfATrustedProxyAreContinued) {
  ScriptedOrigin origin;
  AgentConfig config = config_for(origin);
  config.server = "trust_forwarded: true";
  RunningAgent agent(config);
  ASSERT_EQ(agent.get("/page", "X-Forwarded-For: 192.0.2.9\r\nVia: 1.1 edge\r\n").status(), 200);
  const Message seen = origin.last_request("/page");
  EXPECT_EQ(seen.get("x-forwarded-for"), "192.0.2.9, 127.0.0.1");
  EXPECT_TRUE(seen.get("via").starts_with("1.1 edge, 1.1 homeostat-")) << seen.get("via");
}

TEST(Http, ALoopIsSeenAndEnded) {
  ScriptedOrigin origin;
  RunningAgent agent(origin);
  ASSERT_EQ(agent.get("/page").status(), 200);
  const std::string via = origin.last_request("/page").get("via");
  ASSERT_FALSE(via.empty());
  const Message loop = agent.get("/page", "Via: " + via + "\r\n");
  EXPECT_EQ(loop.status(), 508);
  EXPECT_EQ(origin.requests("/page"), 1U);
}

TEST(Http, ConnectAndTraceAreRefused) {
  ScriptedOrigin origin;
  RunningAgent agent(origin);
  HttpClient client(agent.port());
  ASSERT_TRUE(client.send("CONNECT example:443 HTTP/1.1\r\nHost: example:443\r\n\r\n"));
  EXPECT_EQ(client.read().status(), 501);
  HttpClient tracing(agent.port());
  EXPECT_EQ(tracing.request("TRACE", "/page").status(), 405);
}

TEST(Http, OptionsGoesAsFarAsItsMaxForwardsSay) {
  ScriptedOrigin origin;
  RunningAgent agent(origin);
  HttpClient client(agent.port());
  const auto options = [&](const char* fields) {
    return client.request("OPTIONS", "/page", fields);
  };
  const Message answer = options("Max-Forwards: 0\r\n");
  EXPECT_EQ(answer.status(), 204);
  EXPECT_EQ(answer.get("allow"), "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  EXPECT_EQ(origin.requests("/page"), 0U);
  EXPECT_EQ(options("Max-Forwards: 10\r\n").status(), 200);
  EXPECT_EQ(origin.last_request("/page").get("max-forwards"), "9");
  for (const char* other : {"-1", "x", "", "99999999999999999999"}) {
    EXPECT_EQ(options(("Max-Forwards: " + std::string(other) + "\r\n").c_str()).status(), 200);
    EXPECT_EQ(origin.last_request("/page").get("max-forwards"), other)
        << "not understood, not touched";
  }
  EXPECT_EQ(options("Max-Forwards: 0\r\nMax-Forwards: 0\r\n").status(), 200);
  EXPECT_EQ(client.request("GET", "/page", "Max-Forwards: 0\r\n").status(), 200) << "says nothing";
  EXPECT_EQ(origin.last_request("/page").get("max-forwards"), "0");
}

TEST(Http, AbsoluteTargetsAreForwardedInOriginForm) {
  ScriptedOrigin origin;
  RunningAgent agent(origin);
  HttpClient client(agent.port());
  ASSERT_TRUE(client.send("GET http://other:81/page?x=1 HTTP/1.1\r\nHost: test\r\n\r\n"));
  EXPECT_EQ(client.read().status(), 200);
  EXPECT_EQ(origin.last_request("/page").target(), "/page?x=1");
  EXPECT_EQ(origin.last_request("/page").get("host"), "other:81");
}

TEST(Http, AConnectionEndsAfterItsLastAllowedRequest) {
  ScriptedOrigin origin;
  AgentConfig config = config_for(origin);
  config.server = "requests_per_connection_max: 2";
  RunningAgent agent(config);
  HttpClient client(agent.port());
  EXPECT_FALSE(client.get("/a").has("connection"));
  EXPECT_EQ(client.get("/b").get("connection"), "close");
  EXPECT_TRUE(client.closed());
}

TEST(Http, AUnixListenerAndAUnixUpstreamWork) {
  const std::string base = "/tmp/homeostat-e2e-" + std::to_string(::getpid());
  const std::string upstream = base + "-origin.sock";
  const std::string listen = base + "-agent.sock";
  ::unlink(upstream.c_str());
  ScriptedOrigin origin(upstream);
  AgentConfig config;
  config.listen = "unix:" + listen;
  config.upstream_url = "\"unix:" + upstream + "\"";
  {
    RunningAgent agent(config);
    for (int i = 0; i < 4; ++i) {
      HttpClient client(connect_unix(listen));
      EXPECT_EQ(client.get("/page").body, "hello");
      EXPECT_EQ(client.get("/page").body, "hello");
    }
  }
  ::unlink(upstream.c_str());
  ::unlink(listen.c_str());
}

// -- limits and framing -----------------------------------------------------------

struct BadRequest {
  const char* name;
  std::string text;
  int status;
};

void PrintTo(const BadRequest& parameter, std::ostream* out) { *out << parameter.name; }

class Framing : public testing::TestWithParam<BadRequest> {};

TEST_P(Framing, BreaksAreRefusedAndTheConnectionCloses) {
  ScriptedOrigin origin;
  RunningAgent agent(origin);
  HttpClient client(agent.port());
  ASSERT_TRUE(client.send(GetParam().text));
  const Message answer = client.read();
  EXPECT_EQ(answer.status(), GetParam().status);
  EXPECT_EQ(answer.get("connection"), "close");
  EXPECT_EQ(answer.get("content-type"), "application/problem+json");
  EXPECT_TRUE(client.closed()) << "what follows must not be taken for a request";
  EXPECT_EQ(origin.requests("/smuggled"), 0U);
  EXPECT_EQ(agent.get("/page").status(), 200);
}

const std::string post = "POST /x HTTP/1.1\r\nHost: test\r\n";
const std::string smuggled = "GET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n";

INSTANTIATE_TEST_SUITE_P(
    Table, Framing,
    testing::Values(
        BadRequest{
            "both_lengths",
            post + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
            400},
        BadRequest{"two_lengths",
                   post + "Content-Length: 4\r\nContent-Length: 5\r\n\r\nbody" + smuggled, 400},
        BadRequest{"signed_length", post + "Content-Length: +4\r\n\r\nbody" + smuggled, 400},
        BadRequest{"unknown_coding", post + "Transfer-Encoding: gzip\r\n\r\n" + smuggled, 400},
        BadRequest{"chunked_not_last",
                   post + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + smuggled, 400},
        BadRequest{"chunked_in_1_0",
                   "POST /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
                   400},
        BadRequest{"fold", "GET / HTTP/1.1\r\nHost: test\r\nX: a\r\n b\r\n\r\n" + smuggled, 400},
        BadRequest{"bare_lf", "GET / HTTP/1.1\nHost: test\n\n" + smuggled, 400},
        BadRequest{"bare_lf_in_fields", "GET / HTTP/1.1\r\nHost: test\nX: 1\r\n\r\n" + smuggled,
                   400},
        BadRequest{"space_before_colon", post + "Content-Length : 4\r\n\r\nbody" + smuggled, 400},
        BadRequest{"no_host", "GET / HTTP/1.1\r\n\r\n" + smuggled, 400},
        BadRequest{"two_hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + smuggled, 400},
        BadRequest{"bad_host", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n" + smuggled, 400},
        BadRequest{"bad_version", "GET / HTTP/2.0\r\nHost: a\r\n\r\n" + smuggled, 505},
        BadRequest{"bad_chunk_size", post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n" + smuggled,
                   400},
        BadRequest{"huge_chunk_size",
                   post + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n" + smuggled,
                   400},
        BadRequest{"chunk_without_end",
                   post + "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n" + smuggled,
                   400},
        BadRequest{"long_target",
                   "GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n" + smuggled,
                   414},
        BadRequest{
            "long_field",
            "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(40000, 'a') + "\r\n\r\n" + smuggled,
            431}),
    [](const testing::TestParamInfo<BadRequest>& parameter) {
      return std::string(parameter.param.name);
    });

TEST(Limits, TooManyFieldsAreRefused) {
  ScriptedOrigin origin;
  RunningAgent agent(origin);
  std::string fields;
  for (int i = 0; i < 101; ++i) fields += "X-" + std::to_string(i) + ": 1\r\n";
  EXPECT_EQ(agent.get("/page", fields).status(), 431);
}

TEST(Limits, ALargeHeadWithinTheLimitPasses) {
  ScriptedOrigin origin;
  RunningAgent agent(origin);
  const std::string value(28000, 'v');
  EXPECT_EQ(agent.get("/page", "X-Large: " + value + "\r\n").status(), 200);
  EXPECT_EQ(origin.last_request("/page").get("x-large"), value);
}

TEST(Limits, ABodyAboveTheLimitIsRefused) {
  ScriptedOrigin origin;
  AgentConfig config = config_for(origin);
  config.server = "body_bytes_max: 10B";
  RunningAgent agent(config);
  HttpClient announced(agent.port());
  EXPECT_EQ(announced.request("POST", "/x", "", "12345678901").status(), 413);
  HttpClient chunked(agent.port());
  ASSERT_TRUE(
      chunked.send(post + "Transfer-Encoding: chunked\r\n\r\nb\r\n12345678901\r\n0\r\n\r\n"));
  EXPECT_EQ(chunked.read().status(), 413);
  HttpClient fine(agent.port());
  EXPECT_EQ(fine.request("POST", "/x", "", "1234567890").status(), 200);
}

}  // namespace
}  // namespace homeostat::test
