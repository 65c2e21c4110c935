// A TCP proxy on loopback that holds back what the server says: a slow Redis.
//
// Thread safety: set_delay() from any thread; the rest on the test's. The destructor
// closes all connections.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/support/socket.hpp"

namespace homeostat::test {

class DelayingProxy {
 public:
  explicit DelayingProxy(std::uint16_t target);
  ~DelayingProxy();
  DelayingProxy(const DelayingProxy&) = delete;
  DelayingProxy& operator=(const DelayingProxy&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return listener_.port(); }
  /// Of each answer, from now on; zero passes everything on at once.
  void set_delay(std::chrono::milliseconds delay) noexcept { delay_ = delay.count(); }

 private:
  void accept_all();
  void pass(Socket& from, Socket& to, bool delayed);

  const std::uint16_t target_;
  ListeningSocket listener_;
  std::atomic<std::int64_t> delay_{0};
  std::mutex mutex_;
  std::condition_variable ended_;
  bool ending_ = false;
  std::list<Socket> sockets_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace homeostat::test
