// A blocking stream socket with a deadline on every call, for test peers.
//
// Thread safety: none, except shut_down(), which wakes a blocked reader.
// Errors: values; a call that would wait longer than socket_patience fails.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace homeostat::test {

inline constexpr std::chrono::seconds socket_patience{15};

class Socket {
 public:
  Socket() = default;
  explicit Socket(int descriptor);
  Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Socket& operator=(Socket&& other) noexcept;
  ~Socket() { close(); }

  [[nodiscard]] bool is_open() const noexcept { return descriptor_ >= 0; }
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  /// False if the peer is gone or takes nothing.
  bool send(std::string_view bytes);
  enum class Received : std::uint8_t { bytes, end, reset, timeout };
  /// Appends what arrives next.
  Received receive(std::string& into, std::size_t most = 64 * 1024);
  void shut_down_sending();
  void shut_down();  ///< both ways; a blocked receive ends
  void reset();      ///< closes with RST
  void close();
  void limit_receive_buffer(int bytes);

 private:
  int descriptor_ = -1;
};

/// Closed sockets when nobody listens.
[[nodiscard]] Socket connect_tcp(std::uint16_t port, int receive_buffer = 0);
[[nodiscard]] Socket connect_unix(const std::string& path);

/// A port of loopback that belongs to the test while this lives, and on which nobody
/// listens: connections are refused, and the kernel gives it to nobody else. Whoever
/// sets SO_REUSEADDR, as servers do, can listen there all the same, again and again.
class HeldPort {
 public:
  /// Throws std::system_error. `port` 0: the kernel chooses.
  explicit HeldPort(std::uint16_t port = 0);
  ~HeldPort();
  HeldPort(const HeldPort&) = delete;
  HeldPort& operator=(const HeldPort&) = delete;
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

 private:
  int descriptor_ = -1;
  std::uint16_t port_ = 0;
};

/// A port of loopback whose queue of connections is full: the kernel drops whoever tries
/// to connect, who hears nothing at all, as of a host that is gone.
class UnansweringPort {
 public:
  /// Throws std::system_error.
  UnansweringPort();
  ~UnansweringPort();
  UnansweringPort(const UnansweringPort&) = delete;
  UnansweringPort& operator=(const UnansweringPort&) = delete;
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

 private:
  int descriptor_ = -1;
  std::uint16_t port_ = 0;
  std::vector<Socket> queued_;
};

/// A listening socket on loopback, port 0, or on a Unix path.
class ListeningSocket {
 public:
  /// Throws std::system_error. `port` 0: the kernel chooses.
  explicit ListeningSocket(const std::string& unix_path = {}, std::uint16_t port = 0);
  ~ListeningSocket();
  ListeningSocket(const ListeningSocket&) = delete;
  ListeningSocket& operator=(const ListeningSocket&) = delete;
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  /// Closed when the listener was shut down.
  [[nodiscard]] Socket accept();
  void shut_down();

 private:
  int descriptor_ = -1;
  std::uint16_t port_ = 0;
};

}  // namespace homeostat::test
