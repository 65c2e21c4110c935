// A non-blocking stream socket (TCP or Unix) driven by readiness.
//
// Reads and writes are one system call each; only when the kernel has nothing
// to give or no room is the event loop asked to say when to try again. The armed
// read wait doubles as the watch for a peer that goes away, so that watching an
// idle or waiting connection costs nothing extra.
//
// The loop's registration is edge-triggered and made once per connection. With
// every read the kernel says what is left (TCP_INQ in tcp(7); the end of the
// stream counts as 1), so that waiting for what comes next needs no system call.
//
// Thread safety: none; lives on its worker's thread. Ownership: a Stream is a
// member of its StreamOwner, which stays referenced while a wait is armed.
#pragma once

#include <sys/uio.h>

#include <boost/asio/io_context.hpp>
// after io_context.hpp, which it needs
#include <boost/asio/detail/reactor.hpp>
#include <boost/asio/detail/reactor_op.hpp>
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
  Stream(StreamOwner& owner, const Executor& executor);
  ~Stream() { close(); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  /// Takes over a connected or connecting non-blocking descriptor.
  void assign(int descriptor, int family);
  [[nodiscard]] bool is_open() const noexcept { return descriptor_ >= 0; }
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

  /// would_block without a system call if the socket is known to be empty.
  [[nodiscard]] IoResult read(std::span<char> into) noexcept;
  [[nodiscard]] IoResult write(std::span<const iovec> pieces) noexcept;
  /// Asks the kernel whether the peer closed, without taking bytes: end, ok
  /// (bytes are waiting), would_block (open and silent) or error.
  [[nodiscard]] IoStatus peek() noexcept;
  /// Whether the peer has ended its side or reset, whatever of it is still unread. One
  /// system call.
  [[nodiscard]] bool peer_ended() const noexcept;
  /// The last read proved that nothing more had arrived, not even the end of
  /// the stream, and no event has come since.
  [[nodiscard]] bool drained() const noexcept { return drained_; }
  /// Bytes the peer's side has acknowledged. One system call.
  [[nodiscard]] std::uint64_t bytes_taken() noexcept;
  /// The pending error of an asynchronous connect; 0 when connected.
  [[nodiscard]] int connect_error() noexcept;

  /// on_readable once, also for what is there already; idempotent while armed.
  void arm_readable() { arm_read(true); }
  /// The same without a system call where the socket is drained. For waits
  /// between messages: a reset that came together with the bytes read last is
  /// seen only by the next write.
  void arm_next_readable() { arm_read(!drained_); }
  /// on_readable once, for what happens from now on: bytes that wait already stay where
  /// they are, so that the end behind them is seen. They are reported to whoever
  /// calls one of the other two meanwhile.
  void arm_next_event();
  /// on_writable once; idempotent while armed. REQUIRES: a connect is under
  /// way, or a write has just said would_block or took less than it was given.
  void arm_writable();

  void shutdown_send() noexcept;
  /// Closes with RST instead of FIN, for peers that broke the protocol.
  void abort() noexcept;
  void close() noexcept;

 private:
  void arm_read(bool look_again);

  /// One armed wait, living in the Stream: no allocation per wait. Asio's public
  /// waits renew the epoll registration each time; this operation is the only use
  /// of its reactor below the public interface (docs/decisions/0010).
  class Wait final : public boost::asio::detail::reactor_op {
   public:
    using Callback = void (StreamOwner::*)();
    using Operation = boost::asio::detail::operation;
    Wait(Stream& stream, Callback callback);
    [[nodiscard]] bool armed() const noexcept { return keep_ != nullptr; }
    /// `look_again`: renew the registration, so that a state which is ready
    /// already is reported too.
    void arm(int kind, bool look_again);

   private:
    static status perform(reactor_op* base);
    static void complete(void* scheduler, Operation* base, const boost::system::error_code& error,
                         std::size_t bytes);

    Stream& stream_;
    Callback callback_;
    Ref<StreamOwner> keep_;  ///< set while armed
    bool arming_ = false;
  };

  StreamOwner& owner_;
  boost::asio::detail::reactor& reactor_;
  boost::asio::detail::reactor::per_descriptor_data registration_ = nullptr;
  int descriptor_ = -1;
  std::uint64_t bytes_written_ = 0;
  bool tells_rest_ = false;      ///< each read says what is left (TCP_INQ)
  bool drained_ = false;         ///< nothing is left until the next read event
  bool writes_watched_ = false;  ///< the registration covers write events
  bool events_only_ = false;     ///< the read wait was armed past bytes that are there
  Wait read_wait_, write_wait_;
};

}  // namespace homeostat::proxy
