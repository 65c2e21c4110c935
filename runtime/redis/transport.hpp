// A byte stream to a server: TCP, TLS over TCP, or a Unix socket.
//
// Handlers run on the event loop, never inside the call. After close() pending
// operations end with operation_aborted; their handlers still run.
// Thread safety: none; one event loop. TlsContext may be shared by all of them.
// Errors: error codes; a name that resolves to nothing is one of them.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/error_code.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "config/settings/redis.hpp"
#include "runtime/ports/clock.hpp"

namespace homeostat::redis {

class TlsContext {
 public:
  /// Null, with the reason in `error`, if a file cannot be used.
  [[nodiscard]] static std::shared_ptr<TlsContext> make(const config::RedisTlsSettings& settings,
                                                        std::string& error);
  struct State;
  explicit TlsContext(std::unique_ptr<State> state);
  ~TlsContext();
  [[nodiscard]] State& state() noexcept { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

class Transport {
 public:
  using Done = std::function<void(boost::system::error_code)>;
  using Moved = std::function<void(boost::system::error_code, std::size_t)>;

  /// `tls` null: plain.
  Transport(boost::asio::io_context& context, std::shared_ptr<TlsContext> tls);
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  /// Tries the addresses the name has, in order; with TLS also shakes hands. One that does not
  /// answer has a share of `within`, the last one tried as long as the caller waits.
  void connect(const config::Address& address, Duration within, Done done);
  void read_some(boost::asio::mutable_buffer into, Moved moved);
  /// All of it. The bytes stay in place until `moved` runs.
  void write(boost::asio::const_buffer from, Moved moved);
  void close() noexcept;

 private:
  class Stream;
  std::shared_ptr<Stream> stream_;
};

}  // namespace homeostat::redis
