// A real redis-server of the test's own, on a port that is the test's as long as it lives.
//
// Thread safety: use from one thread; run() from any. Errors: std::runtime_error if it does not
// start. Only this server is ever signalled.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/child_process.hpp"
#include "tests/support/redis_client.hpp"
#include "tests/support/socket.hpp"

namespace homeostat::test {

/// A held port and the one 10000 above it, which a Redis of a cluster needs as well.
class HeldRedisPort {
 public:
  HeldRedisPort();
  [[nodiscard]] std::uint16_t port() const noexcept { return port_->port(); }

 private:
  std::unique_ptr<HeldPort> port_, bus_;
};

class RedisServer {
 public:
  /// `options` are added to the command line, e.g. {"--requirepass", "secret"}.
  explicit RedisServer(std::vector<std::string> options = {});
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_.port(); }
  /// redis://127.0.0.1:port
  [[nodiscard]] std::string url() const;
  [[nodiscard]] std::string unix_path() const { return directory_.path() + "/redis.sock"; }
  [[nodiscard]] const TemporaryDirectory& directory() const noexcept { return directory_; }

  /// Takes connections and answers nothing, until resume().
  void pause() const { process_->signal(19); }
  void resume() const { process_->signal(18); }
  /// As a crash: nothing is saved.
  void kill();
  /// After kill(): on the same port, empty unless it was told to persist.
  void restart();
  [[nodiscard]] bool running() const noexcept { return process_ != nullptr; }

  /// One command on a connection of its own.
  std::string run(const std::vector<std::string>& arguments) const;
  [[nodiscard]] std::string output() const { return process_ ? process_->output() : ""; }

 private:
  void launch();
  [[nodiscard]] std::string password() const;

  TemporaryDirectory directory_{TemporaryDirectory::Place::memory};
  std::vector<std::string> options_;
  HeldRedisPort port_;
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace homeostat::test
