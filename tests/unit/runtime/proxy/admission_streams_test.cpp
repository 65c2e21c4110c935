// What goes on at the application without being work there, before a whole data plane with
// one place at the gate.
#include "tests/unit/runtime/proxy/data_plane.hpp"

namespace homeostat::proxy {
namespace {

using test::HttpClient;
using test::OriginExchange;
using test::ScriptedOrigin;
using test::Signal;

config::Settings one_place(const ScriptedOrigin& origin) {
  config::Settings settings = settings_before(origin);
  settings.admission.mode = config::LoopMode::on;
  settings.admission.limit_initial = settings.admission.limit_max = 1;
  settings.admission.max_wait = std::chrono::minutes(1);
  return settings;
}

TEST(AdmissionStreams, AnAnswerThatGoesOnAndOnHoldsNoSlotWhateverItsType) {
  Signal over;
  ScriptedOrigin origin;
  origin.on("/feed", [&over](OriginExchange& exchange) {
    exchange.send(
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n"
        "Transfer-Encoding: chunked\r\n\r\n3\r\n{}\n\r\n");
    over.wait();
    exchange.send("0\r\n\r\n");
  });
  const DataPlane plane(one_place(origin));
  HttpClient feed(plane.port());
  ASSERT_TRUE(feed.send("GET /feed HTTP/1.1\r\nHost: a\r\n\r\n"));
  EXPECT_EQ(feed.read(true).status(), 200);
  EXPECT_EQ(plane.send("GET", "/page").status(), 200) << "waits for the feed to be known as one";
  over.set();
}

TEST(AdmissionStreams, ALongPollThatIsDeclaredHoldsNoSlotBeforeItsHead) {
  Signal over;
  ScriptedOrigin origin;
  origin.on("/poll", [&over](OriginExchange& exchange) {
    over.wait();
    exchange.respond(200, "", "news");
  });
  config::Settings settings = one_place(origin);
  settings.admission.streams.push_back({{"/poll", {}}});
  const DataPlane plane(settings);
  HttpClient poll(plane.port());
  ASSERT_TRUE(poll.send("GET /poll HTTP/1.1\r\nHost: a\r\n\r\n"));
  ASSERT_TRUE(origin.wait_for_requests("/poll", 1));
  EXPECT_EQ(plane.send("GET", "/page").status(), 200);
  over.set();
  EXPECT_EQ(poll.read().body, "news");
}

}  // namespace
}  // namespace homeostat::proxy
