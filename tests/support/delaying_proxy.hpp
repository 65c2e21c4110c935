// A TCP proxy on loopback that holds back or spoils what the server says: a slow Redis, or one
// that answers nonsense.
//
// Thread safety: set_delay() and set_noise() from any thread; the rest on the test's. The
// destructor closes all connections.
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
  /// Instead of each answer, as many other bytes, from now on: reproducible, and any of 256.
  void set_noise(bool noise) noexcept { noise_ = noise; }

 private:
  void accept_all();
  void pass(Socket& from, Socket& to, bool delayed);

  const std::uint16_t target_;
  ListeningSocket listener_;
  std::atomic<std::int64_t> delay_{0};
  std::atomic<bool> noise_{false};
  std::mutex mutex_;
  std::condition_variable ended_;
  bool ending_ = false;
  std::list<Socket> sockets_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace homeostat::test
