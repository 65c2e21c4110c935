// GET /events over a real loopback socket.
#include <gtest/gtest.h>

#include "runtime/admin/event_stream.hpp"
#include "tests/unit/runtime/admin/admin_fixture.hpp"

namespace homeostat::admin::test {
namespace {

using std::chrono::milliseconds;

/// Reads an event stream piece by piece.
class Reader {
 public:
  Reader(std::uint16_t port, const Headers& headers = {},
         const std::string& target = "/api/v1/events", int receive_buffer = 0)
      : socket_(context_, asio::ip::tcp::v4()) {
    if (receive_buffer > 0) {
      socket_.set_option(asio::socket_base::receive_buffer_size(receive_buffer));
    }
    socket_.connect({asio::ip::make_address("127.0.0.1"), port});
    const timeval patience{10, 0};
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    std::string text = "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n";
    for (const auto& [name, value] : headers) text += name + ": " + value + "\r\n";
    asio::write(socket_, asio::buffer(text + "\r\n"));
    head = until("\r\n\r\n");
  }

  /// Everything up to and including `end`; empty if the stream ended before.
  std::string until(const std::string& end) {
    while (true) {
      const std::size_t found = buffer_.find(end);
      if (found != std::string::npos) {
        std::string out = buffer_.substr(0, found + end.size());
        buffer_.erase(0, out.size());
        return out;
      }
      std::array<char, 4096> piece{};
      boost::system::error_code error;
      const std::size_t bytes = socket_.read_some(asio::buffer(piece), error);
      if (error) return {};
      buffer_.append(piece.data(), bytes);
    }
  }
  std::string event() { return until("\n\n"); }

  /// Leaves everything unread for now; true once the server has cut us off.
  bool cut_off() {
    std::array<char, 65536> piece{};
    boost::system::error_code error;
    while (!error) socket_.read_some(asio::buffer(piece), error);
    return error == asio::error::eof || error == asio::error::connection_reset;
  }

  std::string head;

 private:
  asio::io_context context_;
  asio::ip::tcp::socket socket_;
  std::string buffer_;
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

class Events : public AdminFixture {
 protected:
  ~Events() override { shut_down(); }  // before the log goes

  void serve() {
    AdminServices with = services();
    with.events = &log;
    start(std::move(with));
  }
  void publish_event(std::int64_t n) {
    log.publish(
        Event("rule", clock.wall_now()).with("n", n).with("rule", std::string("a \"b\"\n")));
  }

  EventLog log{"abc"};
};

TEST_F(Events, AreSentAsTheyHappen) {
  serve();
  publish_event(1);
  Reader reader(port);
  EXPECT_TRUE(has(reader.head, "HTTP/1.1 200 OK\r\n")) << reader.head;
  EXPECT_TRUE(has(reader.head, "Content-Type: text/event-stream\r\n")) << reader.head;
  EXPECT_TRUE(has(reader.head, "Cache-Control: no-store\r\n")) << reader.head;
  publish_event(2);
  EXPECT_EQ(reader.event(),
            "id: abc-2\nevent: rule\ndata: {\"at\":\"2019-12-20T00:00:00.000Z\",\"n\":2,"
            "\"rule\":\"a \\\"b\\\"\\n\"}\n\n");
}

TEST_F(Events, GoOnAfterTheLastOneSeen) {
  serve();
  for (std::int64_t n = 1; n <= 4; ++n) publish_event(n);
  Reader by_header(port, {{"Last-Event-ID", "abc-2"}});
  EXPECT_TRUE(has(by_header.event(), "id: abc-3\n"));
  EXPECT_TRUE(has(by_header.event(), "id: abc-4\n"));
  Reader by_url(port, {}, "/api/v1/events?last_event_id=abc-3");
  EXPECT_TRUE(has(by_url.event(), "id: abc-4\n"));
}

TEST_F(Events, OfAnotherProcessAreFollowedByAllThatIsHeld) {
  serve();
  publish_event(1);
  for (const char* id : {"other-77", "abc-99", "abc-", "abc-1x", "0"}) {
    Reader reader(port, {{"Last-Event-ID", id}});
    EXPECT_TRUE(has(reader.event(), "id: abc-1\n")) << id;
  }
}

TEST_F(Events, SayHowManyWereLost) {
  serve();
  for (std::size_t n = 0; n < EventLog::events_max + 5; ++n) publish_event(0);
  Reader reader(port, {{"Last-Event-ID", "abc-2"}});
  EXPECT_EQ(reader.event(), "id: abc-5\nevent: lost\ndata: {\"events\":3}\n\n");
  EXPECT_TRUE(has(reader.event(), "id: abc-6\n"));
}

TEST_F(Events, AreReplacedByACommentInSilence) {
  timeouts.heartbeat = milliseconds(10);
  serve();
  Reader reader(port);
  EXPECT_EQ(reader.event(), ": heartbeat\n\n");
  EXPECT_EQ(reader.event(), ": heartbeat\n\n");
  publish_event(1);
  std::string next = reader.event();
  while (next == ": heartbeat\n\n") next = reader.event();
  EXPECT_TRUE(has(next, "id: abc-1\n"));
}

TEST_F(Events, OfASlowReaderEndWithTheWriteDeadline) {
  timeouts.write = milliseconds(100);
  serve();
  Reader slow(port, {}, "/api/v1/events", 4096);
  // Nothing is read: once the kernel's buffers are full a write cannot end.
  const std::string text(EventLog::text_bytes_max, 'x');
  while (server->counters().timeouts.load() == 0) {
    log.publish(Event("rule", clock.wall_now()).with("text", text));
    std::this_thread::yield();
  }
  EXPECT_TRUE(slow.cut_off());
  while (server->counters().event_streams.load() != 0) std::this_thread::yield();
}

TEST_F(Events, NeedTheViewerRole) {
  add_tokens();
  serve();
  EXPECT_EQ(get("/api/v1/events").status, 401U);
  Reader reader(port, {{"Authorization", "Bearer viewer-secret-0123456789"}});
  EXPECT_TRUE(has(reader.head, "200 OK")) << reader.head;
}

TEST_F(Events, LeaveHalfOfTheConnectionsToOthers) {
  settings.connections_max = 4;
  serve();
  Reader first(port);
  Reader second(port);
  const Answer third = get("/api/v1/events");
  EXPECT_EQ(third.status, 503U);
  EXPECT_EQ(third.header("Retry-After"), "5");
  EXPECT_EQ(get("/livez").status, 200U);
}

TEST_F(Events, EndWhenTheServerStops) {
  serve();
  Reader reader(port);
  server->stop();
  EXPECT_TRUE(reader.cut_off());
}

TEST_F(Events, TellChangesByOperators) {
  serve();
  Reader reader(port);
  const Answer answer = send_json("POST", "/api/v1/cache/invalidate",
                                  R"({"tags": ["books"], "reason": "new edition"})");
  EXPECT_EQ(answer.status, 200U);
  const std::string event = reader.event();
  EXPECT_TRUE(has(event, "event: invalidation\n")) << event;
  EXPECT_TRUE(has(event, "\"reason\":\"new edition\"")) << event;
  EXPECT_TRUE(has(event, "\"affected\":1")) << event;
  send_json("PUT", "/api/v1/performance/level", R"({"level": "aggressive", "reason": "sale"})");
  EXPECT_TRUE(has(reader.event(), "event: change\n"));
}

TEST_F(Events, AreUnavailableWithoutALog) {
  start();
  EXPECT_EQ(get("/api/v1/events").status, 503U);
}

TEST_F(Events, AnswerHeadWithoutAStream) {
  serve();
  const Answer answer = call("HEAD", "/api/v1/events");
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(answer.header("Content-Type"), "text/event-stream");
  EXPECT_EQ(server->counters().event_streams.load(), 0U);
}

}  // namespace
}  // namespace homeostat::admin::test
