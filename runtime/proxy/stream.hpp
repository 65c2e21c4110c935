// A non-blocking stream socket (TCP or Unix) driven by readiness.
//
// Reads and writes are attempted at once with one system call; only when the
// kernel has nothing to give or no room is Asio asked to say when to try again.
// The armed read wait doubles as the watch for a peer that goes away, so that
// watching an idle or waiting connection costs nothing extra.
//
// Thread safety: none; lives on its worker's thread. Ownership: a Stream is a
// member of its StreamOwner, which stays referenced while a wait is armed.
#pragma once

#include <sys/uio.h>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <cstdint>
#include <span>

#include "runtime/proxy/ref_counted.hpp"

namespace homeostat::proxy {

using Executor = boost::asio::io_context::executor_type;

/// Reacts to readiness. Callbacks come from the event loop, never from inside
/// a call into the Stream.
class StreamOwner : public RefCounted {
 public:
  virtual void on_readable() = 0;
  virtual void on_writable() = 0;
};

enum class IoStatus : std::uint8_t { ok, would_block, end, error };

struct IoResult {
  IoStatus status = IoStatus::ok;
  std::size_t bytes = 0;
  int error = 0;  ///< errno when status is error
};

class Stream {
 public:
  Stream(StreamOwner& owner, const Executor& executor) : owner_(owner), socket_(executor) {}
  ~Stream() { close(); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  /// Takes over a connected or connecting non-blocking descriptor.
  void assign(int descriptor, int family);
  [[nodiscard]] bool is_open() const noexcept { return socket_.is_open(); }
  [[nodiscard]] int descriptor() noexcept { return socket_.native_handle(); }

  [[nodiscard]] IoResult read(std::span<char> into) noexcept;
  [[nodiscard]] IoResult write(std::span<const iovec> pieces) noexcept;
  /// Looks whether the peer closed, without taking bytes: end, ok (bytes are
  /// waiting), would_block (open and silent) or error.
  [[nodiscard]] IoStatus peek() noexcept;
  /// The pending error of an asynchronous connect; 0 when connected.
  [[nodiscard]] int connect_error() noexcept;

  void arm_readable();  ///< on_readable once; idempotent while armed
  void arm_writable();  ///< on_writable once; idempotent while armed

  void shutdown_send() noexcept;
  /// Closes with RST instead of FIN, for peers that broke the protocol.
  void abort() noexcept;
  void close() noexcept;

 private:
  StreamOwner& owner_;
  boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol, Executor> socket_;
  bool read_armed_ = false;
  bool write_armed_ = false;
};

}  // namespace homeostat::proxy
