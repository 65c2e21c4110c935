// A client of the room under test and the loop it lives on, for tests that talk
// to real servers.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "runtime/redis/client.hpp"
#include "runtime/redis/command.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/socket.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::redis {

inline config::RedisServer server_at(std::uint16_t port) {
  config::RedisServer server;
  server.address.host = "127.0.0.1";
  server.address.port = port;
  return server;
}

/// Generous times: the machine may be busy, and only the paused server's tests are
/// about time.
inline config::RedisSettings settings_for(std::vector<std::uint16_t> ports) {
  config::RedisSettings settings;
  for (const std::uint16_t port : ports) settings.servers.push_back(server_at(port));
  settings.timeout = std::chrono::milliseconds(2000);
  settings.connect_timeout = std::chrono::milliseconds(3000);
  return settings;
}

/// Answers as it was told to, one connection at a time: `answer` gets what came at once, maybe
/// several commands. Nothing is said before it was asked.
class ScriptedServer {
 public:
  using Answer = std::function<std::string(const std::string& request)>;
  explicit ScriptedServer(Answer answer)
      : thread_([this, answer = std::move(answer)] {
          while (true) {
            test::Socket peer = listener_.accept();
            if (!peer.is_open()) return;
            std::string request;
            while (!ending_ && peer.receive(request) == test::Socket::Received::bytes) {
              peer.send(answer(request));
              request.clear();
            }
          }
        }) {}
  ~ScriptedServer() {
    ending_ = true;
    listener_.shut_down();
    thread_.join();
  }
  [[nodiscard]] std::uint16_t port() const { return listener_.port(); }

 private:
  test::ListeningSocket listener_;
  std::atomic<bool> ending_{false};
  std::thread thread_;
};

class RunningClient {
 public:
  explicit RunningClient(config::RedisSettings settings, std::shared_ptr<TlsContext> tls = {},
                         ClientOptions options = {}) {
    timeout_ = settings.timeout;
    options.settings = std::move(settings);
    options.tls = std::move(tls);
    client_ = make_client(context_, SystemClock::instance(), std::move(options), counters);
    client_->start();
  }
  ~RunningClient() { client_->stop(); }

  [[nodiscard]] Client& client() { return *client_; }
  [[nodiscard]] boost::asio::io_context& context() { return context_; }
  /// Runs the loop until `condition` holds.
  template <class Condition>
  [[nodiscard]] bool run_until(Condition condition) {
    const auto end = SystemClock::instance().now() + test::wait_patience;
    while (!condition()) {
      if (SystemClock::instance().now() > end) return false;
      context_.restart();
      context_.run_one_for(std::chrono::milliseconds(20));
    }
    return true;
  }
  [[nodiscard]] bool run_until_up() {
    return run_until([this] { return client_->up(); });
  }
  /// Waits for the answer; refused calls answer at once.
  CallResult call(const std::string& key, std::initializer_list<std::string_view> command) {
    std::optional<CallResult> answer;
    const CallError refused =
        client_->call(key, make_command(command), timeout_,
                      [&answer](CallResult result) { answer = std::move(result); });
    if (refused != CallError::none) return {refused, {}};
    EXPECT_TRUE(run_until([&] { return answer.has_value(); })) << "a call was never answered";
    return answer ? std::move(*answer) : CallResult{CallError::timeout, {}};
  }
  /// The same, again and again until it succeeds.
  [[nodiscard]] bool call_until_ok(const std::string& key,
                                   std::initializer_list<std::string_view> command) {
    const auto end = SystemClock::instance().now() + test::wait_patience;
    while (SystemClock::instance().now() < end) {
      if (call(key, command).ok()) return true;
      context_.restart();
      context_.run_one_for(std::chrono::milliseconds(20));
    }
    return false;
  }

  CallCounters counters;

 private:
  boost::asio::io_context context_{1};
  Duration timeout_{};
  std::unique_ptr<Client> client_;
};

}  // namespace homeostat::redis
