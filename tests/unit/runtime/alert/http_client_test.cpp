#include "runtime/alert/http_client.hpp"

#include <gtest/gtest.h>

#include <boost/asio/write.hpp>
#include <future>

#include "runtime/alert/memory_hook.hpp"
#include "tests/unit/runtime/alert/receiver.hpp"

namespace homeostat::alert::test {
namespace {

using std::chrono::milliseconds;

HttpUrl url_of(const std::string& text) { return std::get<HttpUrl>(parse_http_url(text)); }

HttpResult send(Loop& loop, HttpCall call) {
  // Shared: the future may be ready before set_value is done with the promise.
  const auto done = std::make_shared<std::promise<HttpResult>>();
  auto result = done->get_future();
  http_send(loop.context, std::move(call), [done](HttpResult r) { done->set_value(std::move(r)); });
  if (result.wait_for(patience) != std::future_status::ready) {
    ADD_FAILURE() << "no result";
    std::abort();
  }
  return result.get();
}

TEST(HttpUrl, IsTakenApart) {
  const HttpUrl url = url_of("http://am.example:9093/base?x=1");
  EXPECT_EQ(url.host, "am.example");
  EXPECT_EQ(url.port, 9093);
  EXPECT_EQ(url.target, "/base?x=1");
  EXPECT_EQ(url.host_header, "am.example:9093");
  EXPECT_EQ(url.safe_text(), "http://am.example:9093/***");
  EXPECT_EQ(url_of("http://am.example").port, 80);
  EXPECT_EQ(url_of("http://am.example").target, "/");
  EXPECT_EQ(url_of("http://[::1]:9093/").host, "::1");
  EXPECT_EQ(url_of("http://[::1]:9093/").host_header, "[::1]:9093");
}

TEST(HttpUrl, ErrorsSayWhatIsExpected) {
  const auto error = [](const std::string& text) { return validate_url(text).value_or("valid"); };
  EXPECT_NE(error("https://am.example").find("https:// is not supported"), std::string::npos);
  EXPECT_NE(error("am.example:9093").find("http://"), std::string::npos);
  EXPECT_NE(error("ftp://am.example").find("only http://"), std::string::npos);
  EXPECT_NE(error("http://user:secret@am.example").find("not supported"), std::string::npos);
  EXPECT_EQ(error("http://user:secret@am.example").find("secret@"), std::string::npos);
  EXPECT_NE(error("http:///path"), "valid");
  EXPECT_NE(error("http://am.example:99999/"), "valid");
  EXPECT_NE(error("http://am.example:0/"), "valid");
  EXPECT_NE(error("http://am.example/#part"), "valid");
  EXPECT_NE(error(""), "valid");
  EXPECT_NE(error("http://am.example/" + std::string(3000, 'a')), "valid");
  EXPECT_EQ(error("http://127.0.0.1:9093/alertmanager/"), "valid");
}

TEST(HttpClient, SendsAndReceives) {
  Loop loop;
  Receiver receiver([](std::size_t, const Received&) { return 201U; });
  receiver.answer_with("fine");
  HttpCall call;
  call.url = url_of(receiver.url("/hook?token=1"));
  call.body = "{}";
  const HttpResult result = send(loop, call);
  EXPECT_EQ(result.status, 201U);
  EXPECT_TRUE(result.success());
  EXPECT_EQ(result.body, "fine");
  const auto received = receiver.calls().at(0);
  EXPECT_EQ(received.method, "POST");
  EXPECT_EQ(received.target, "/hook?token=1");
  EXPECT_EQ(received.content_type, "application/json");
  EXPECT_EQ(received.body, "{}");
}

TEST(HttpClient, ResolvesNames) {
  Loop loop;
  Receiver receiver;
  HttpCall call;
  call.url = url_of("http://localhost:" + std::to_string(receiver.port()) + "/");
  EXPECT_EQ(send(loop, call).status, 200U);
}

TEST(HttpClient, BoundsWhatItReads) {
  Loop loop;
  Receiver receiver;
  receiver.answer_with(std::string(200 * 1024, 'x'));
  HttpCall call;
  call.url = url_of(receiver.url());
  const HttpResult result = send(loop, call);
  EXPECT_EQ(result.status, 200U) << "the status counts all the same";
  EXPECT_TRUE(result.body_truncated);
  EXPECT_LE(result.body.size(), response_body_bytes_max);
}

TEST(HttpClient, GivesUpAfterItsTimeout) {
  Loop loop;
  Receiver silent([](std::size_t, const Received&) { return Receiver::never; });
  HttpCall call;
  call.url = url_of(silent.url());
  call.timeout = milliseconds(50);
  const HttpResult result = send(loop, call);
  EXPECT_EQ(result.status, 0U);
  EXPECT_EQ(result.error, "timeout");
  EXPECT_FALSE(result.success());
}

TEST(HttpClient, NamesTheStageThatFailed) {
  Loop loop;
  // Bound, but not listening: connections are refused, and nobody else gets the port.
  asio::ip::tcp::acceptor closed(loop.context, asio::ip::tcp::v4());
  closed.bind({asio::ip::make_address("127.0.0.1"), 0});
  HttpCall call;
  call.url = url_of("http://127.0.0.1:" + std::to_string(closed.local_endpoint().port()));
  EXPECT_TRUE(send(loop, call).error.starts_with("connect: ")) << "Connection refused";
}

TEST(HttpClient, SurvivesAServerThatTalksNonsense) {
  Loop loop;
  asio::io_context context;
  asio::ip::tcp::acceptor acceptor(context, {asio::ip::make_address("127.0.0.1"), 0});
  std::thread server([&] {
    auto socket = acceptor.accept();
    asio::write(socket, asio::buffer(std::string("no HTTP at all\r\n\r\n")));
  });
  HttpCall call;
  call.url = url_of("http://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port()));
  const HttpResult result = send(loop, call);
  server.join();
  EXPECT_EQ(result.status, 0U);
  EXPECT_FALSE(result.error.empty());
}

TEST(MemoryHook, PostsTheReasonOnceAtATime) {
  Loop loop;
  ManualClock clock;
  Receiver receiver([](std::size_t n, const Received&) { return n == 0 ? 200U : 500U; });
  MemoryHook hook(loop.context, clock, url_of(receiver.url("/gc")), milliseconds(5000));
  EXPECT_TRUE(hook.call("memory 92 %"));
  EXPECT_FALSE(hook.call("memory 93 %")) << "within the interval";
  ASSERT_TRUE(receiver.wait_for_calls(1));
  EXPECT_EQ(receiver.calls()[0].target, "/gc");
  EXPECT_EQ(receiver.calls()[0].json().at("reason"), "memory 92 %");
  EXPECT_EQ(hook.counters().calls.load(), 1U);
  EXPECT_EQ(hook.counters().skipped.load(), 1U);
}

TEST(MemoryHook, OneThatHangsIsNotCalledAgain) {
  Loop loop;
  ManualClock clock;
  Receiver silent([](std::size_t, const Received&) { return Receiver::never; });
  MemoryHook hook(loop.context, clock, url_of(silent.url("/gc")), milliseconds(60'000));
  EXPECT_TRUE(hook.call("first"));
  clock.advance(std::chrono::seconds(30));
  EXPECT_FALSE(hook.call("second")) << "still under way";
}

TEST(MemoryHook, CountsFailuresAndGoesOn) {
  Loop loop;
  ManualClock clock;
  Receiver receiver([](std::size_t, const Received&) { return 500U; });
  MemoryHook hook(loop.context, clock, url_of(receiver.url("/gc")), milliseconds(5000),
                  milliseconds(0));
  for (std::size_t n = 1; n <= 3; ++n) {
    // The next call is possible as soon as the answer has been handled.
    while (!hook.call("again")) asio::post(loop.context, [] {});
    ASSERT_TRUE(receiver.wait_for_calls(n));
  }
  EXPECT_EQ(hook.counters().calls.load(), 3U);
  EXPECT_GE(hook.counters().failures.load(), 2U);
}

}  // namespace
}  // namespace homeostat::alert::test
