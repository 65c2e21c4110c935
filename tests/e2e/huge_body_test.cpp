// A gibibyte each way through a real agent process, made up as it goes: what
// the agent holds of it does not depend on how much there is.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <thread>

#include "tests/support/child_process.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/scripted_origin.hpp"

namespace homeostat::test {
namespace {

constexpr std::size_t mebibyte = 1024 * 1024;
constexpr std::size_t total = 1024 * mebibyte;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t growth_max = 512 * mebibyte;  // they keep what was freed for a while
#else
constexpr std::size_t growth_max = 16 * mebibyte;
#endif

/// Bytes whose order matters: a prime number of them, over and over.
class Pattern {
 public:
  Pattern() : bytes_(262139, '\0') {
    for (std::size_t i = 0; i < bytes_.size(); ++i) {
      bytes_[i] = static_cast<char>(i * 2654435761U >> 13);
    }
  }
  /// The next bytes, at most up to `left`.
  [[nodiscard]] std::string_view next(std::size_t left) {
    const std::string_view all = bytes_;
    const std::string_view piece = all.substr(position_, std::min(left, all.size() - position_));
    position_ = (position_ + piece.size()) % all.size();
    return piece;
  }
  /// Whether these are the next bytes.
  [[nodiscard]] bool matches(std::string_view received) {
    while (!received.empty()) {
      const std::string_view expected = next(received.size());
      if (std::memcmp(expected.data(), received.data(), expected.size()) != 0) return false;
      received.remove_prefix(expected.size());
    }
    return true;
  }

 private:
  std::string bytes_;
  std::size_t position_ = 0;
};

std::string framing_field(bool chunked) {
  return chunked ? "Transfer-Encoding: chunked\r\n"
                 : "Content-Length: " + std::to_string(total) + "\r\n";
}

bool send_piece(Socket& socket, bool chunked, std::string_view piece) {
  if (!chunked) return socket.send(piece);
  char size[32];
  const int digits = std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
  return socket.send({size, static_cast<std::size_t>(digits)}) && socket.send(piece) &&
         socket.send("\r\n");
}

bool send_body(Socket& socket, bool chunked) {
  Pattern pattern;
  for (std::size_t left = total; left > 0;) {
    const std::string_view piece = pattern.next(left);
    if (!send_piece(socket, chunked, piece)) return false;
    left -= piece.size();
  }
  return !chunked || socket.send("0\r\n\r\n");
}

/// The largest resident size the process has ever had.
std::size_t peak_bytes(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::strtoull(line.c_str() + 6, nullptr, 10) * 1024;
  }
  return 0;
}

class HugeTransfer : public ::testing::Test {
 protected:
  HugeTransfer() {
    const auto line = agent_.wait_for_line("serving on ");
    if (!line) throw std::runtime_error("the agent did not start:\n" + agent_.output());
    port_ = static_cast<std::uint16_t>(std::atoi(line->c_str() + line->rfind(':') + 1));
    HttpClient first(port_);  // what it needs once, it has
    EXPECT_EQ(first.request("POST", "/page", "", std::string(mebibyte, 'w')).status(), 200);
  }
  static std::string configuration(const std::string& origin) {
    return "listen: 127.0.0.1:0\nworkers: 2\nupstream: {url: \"" + origin +
           "\"}\ncache: {memory: 16MiB, object_bytes_max: 1MiB}\nadmission: {mode: off}\n"
           "optimization: {rules: []}\nadmin: {listen: \"127.0.0.1:0\"}\n";
  }

  void expect_whole(HttpClient& client) {
    std::optional<Message> head = client.reader.read_head();
    ASSERT_TRUE(head.has_value());
    EXPECT_EQ(head->status(), 200);
    Pattern pattern;
    bool right = true;
    client.reader.read_response_body(
        *head, false, [&](std::string_view bytes) { right = right && pattern.matches(bytes); });
    EXPECT_TRUE(head->complete);
    EXPECT_TRUE(right);
    EXPECT_EQ(head->body_bytes, total);
  }

  ScriptedOrigin origin_;
  TemporaryDirectory directory_;
  ChildProcess agent_{{HOMEOSTAT_BINARY, "run", "--config",
                       directory_.write("agent.yaml", configuration(origin_.url()))}};
  std::uint16_t port_ = 0;
};

class HugeBody : public HugeTransfer, public ::testing::WithParamInterface<bool> {};

TEST_P(HugeBody, GoesUpAndDownAtTheSameTimeInLittleMemory) {
  const bool chunked = GetParam();
  origin_.on("/echo", [chunked](OriginExchange& exchange) {
    exchange.body_read = true;
    exchange.send("HTTP/1.1 200 OK\r\nCache-Control: no-store\r\n" + framing_field(chunked) +
                  "\r\n");
    exchange.reader.read_request_body(exchange.request, [&](std::string_view bytes) {
      exchange.alive = exchange.alive && send_piece(exchange.socket, chunked, bytes);
    });
    if (chunked) exchange.send("0\r\n\r\n");
  });
  const std::size_t before = peak_bytes(agent_.pid());
  ASSERT_GT(before, 0U);
  HttpClient client(port_);
  ASSERT_TRUE(
      client.send("POST /echo HTTP/1.1\r\nHost: test\r\n" + framing_field(chunked) + "\r\n"));
  std::thread sender([&] { EXPECT_TRUE(send_body(client.socket, chunked)); });
  expect_whole(client);
  sender.join();
  EXPECT_LT(peak_bytes(agent_.pid()) - before, growth_max);
}

INSTANTIATE_TEST_SUITE_P(Framing, HugeBody, ::testing::Bool(),
                         [](const auto& test) { return test.param ? "Chunked" : "ContentLength"; });

TEST_F(HugeTransfer, BeyondWhatMayBeStoredStreamsInLittleMemory) {
  origin_.on("/endless", [](OriginExchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n" + framing_field(true) +
                  "\r\n");
    exchange.alive = send_body(exchange.socket, true);
  });
  const std::size_t before = peak_bytes(agent_.pid());
  HttpClient client(port_);
  ASSERT_TRUE(client.send(request_text("GET", "/endless")));
  expect_whole(client);
  EXPECT_LT(peak_bytes(agent_.pid()) - before, growth_max);
}

}  // namespace
}  // namespace homeostat::test
