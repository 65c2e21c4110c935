#include "runtime/redis/transport.hpp"

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <optional>
#include <utility>
#include <vector>

namespace homeostat::redis {

namespace asio = boost::asio;
using boost::system::error_code;
using Protocol = asio::generic::stream_protocol;
using Endpoint = Protocol::endpoint;

// -- TlsContext -----------------------------------------------------------------

struct TlsContext::State {
  asio::ssl::context context{asio::ssl::context::tls_client};
  config::RedisTlsSettings settings;
};

TlsContext::TlsContext(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsContext::~TlsContext() = default;

std::shared_ptr<TlsContext> TlsContext::make(const config::RedisTlsSettings& settings,
                                             std::string& error) {
  auto state = std::make_unique<State>();
  state->settings = settings;
  asio::ssl::context& context = state->context;
  const auto failed = [&error](const char* what, const std::string& file, const error_code& code) {
    error = std::string(what) + " " + file + ": " + code.message();
    return nullptr;
  };
  error_code code;
  static_cast<void>(context.set_options(asio::ssl::context::default_workarounds |
                                            asio::ssl::context::no_tlsv1 |
                                            asio::ssl::context::no_tlsv1_1,
                                        code));
  if (code) return failed("TLS options", "", code);
  if (settings.ca_file.empty()) {
    static_cast<void>(context.set_default_verify_paths(code));
  } else {
    static_cast<void>(context.load_verify_file(settings.ca_file, code));
  }
  if (code) return failed("cannot use the certificate authorities of", settings.ca_file, code);
  if (!settings.certificate_file.empty()) {
    static_cast<void>(context.use_certificate_chain_file(settings.certificate_file, code));
    if (code) return failed("cannot use the certificate", settings.certificate_file, code);
    static_cast<void>(
        context.use_private_key_file(settings.key_file, asio::ssl::context::pem, code));
    if (code) return failed("cannot use the key", settings.key_file, code);
  }
  static_cast<void>(context.set_verify_mode(
      settings.verify ? asio::ssl::verify_peer : asio::ssl::verify_none, code));
  if (code) return failed("TLS verification", "", code);
  return std::make_shared<TlsContext>(std::move(state));
}

// -- Stream ---------------------------------------------------------------------

/// Kept alive by its own operations, so that a Transport may go at any time.
class Transport::Stream : public std::enable_shared_from_this<Transport::Stream> {
 public:
  Stream(asio::io_context& context, std::shared_ptr<TlsContext> tls)
      : tls_(std::move(tls)), resolver_(context), timer_(context), socket_(context) {}

  void connect(const config::Address& address, Duration within, Done done) {
    done_ = std::move(done);
    host_ = address.host;
    within_ = within;
    if (!address.unix_path.empty()) {
      endpoints_.emplace_back(asio::local::stream_protocol::endpoint(address.unix_path));
      connect_next();
      return;
    }
    error_code invalid;
    const auto numeric = asio::ip::make_address(address.host, invalid);
    if (!invalid) {
      endpoints_.emplace_back(asio::ip::tcp::endpoint(numeric, address.port));
      connect_next();
      return;
    }
    resolver_.async_resolve(address.host, std::to_string(address.port),
                            [self = shared_from_this()](error_code error, auto found) {
                              if (error || self->closed_) {
                                self->finish(error ? error : asio::error::operation_aborted);
                                return;
                              }
                              for (const auto& entry : found) {
                                self->endpoints_.emplace_back(entry.endpoint());
                              }
                              self->connect_next();
                            });
  }

  /// `moved`, keeping this alive.
  Moved bound(Moved moved) {
    return [self = shared_from_this(), moved = std::move(moved)](
               error_code error, std::size_t bytes) { moved(error, bytes); };
  }

  void read_some(asio::mutable_buffer into, Moved moved) {
    if (secure_) {
      secure_->async_read_some(into, bound(std::move(moved)));
    } else {
      socket_.async_read_some(into, bound(std::move(moved)));
    }
  }

  void write(asio::const_buffer from, Moved moved) {
    if (secure_) {
      asio::async_write(*secure_, from, bound(std::move(moved)));
    } else {
      asio::async_write(socket_, from, bound(std::move(moved)));
    }
  }

  void close() noexcept {
    closed_ = true;
    done_ = nullptr;  // it may keep the owner alive
    resolver_.cancel();
    timer_.cancel();
    error_code ignored;
    static_cast<void>(socket_.close(ignored));
  }

 private:
  static constexpr std::size_t shares_max = 4;

  void connect_next() {
    if (next_ == endpoints_.size()) {
      finish(last_error_ ? last_error_ : asio::error::host_not_found);
      return;
    }
    error_code error;
    if (socket_.is_open()) static_cast<void>(socket_.close(error));
    const Endpoint& endpoint = endpoints_[next_++];
    static_cast<void>(socket_.open(endpoint.protocol(), error));
    if (error) {
      last_error_ = error;
      connect_next();
      return;
    }
    connecting_ = true;
    socket_.async_connect(
        endpoint, [self = shared_from_this()](error_code result) { self->connected(result); });
    if (next_ < endpoints_.size()) leave_later();
  }

  /// The next address is tried if this one says nothing at all. A share is no smaller than a few
  /// addresses would have: of many most are alive.
  void leave_later() {
    timer_.expires_after(within_ / std::min(endpoints_.size(), shares_max));
    timer_.async_wait([self = shared_from_this(), at = next_](error_code error) {
      if (error || !self->connecting_ || self->next_ != at) return;
      error_code ignored;
      static_cast<void>(self->socket_.close(ignored));
    });
  }

  void connected(error_code error) {
    connecting_ = false;
    timer_.cancel();
    if (closed_) return finish(asio::error::operation_aborted);
    if (error) {
      last_error_ = error == asio::error::operation_aborted ? asio::error::timed_out : error;
      connect_next();
      return;
    }
    error_code ignored;  // a Unix socket has no such option
    static_cast<void>(socket_.set_option(asio::ip::tcp::no_delay(true), ignored));
    static_cast<void>(socket_.set_option(asio::socket_base::keep_alive(true), ignored));
    if (!tls_) {
      finish({});
      return;
    }
    shake_hands();
  }

  void shake_hands() {
    TlsContext::State& state = tls_->state();
    secure_.emplace(socket_, state.context);
    const std::string& name =
        state.settings.server_name.empty() ? host_ : state.settings.server_name;
    error_code error;
    if (state.settings.verify) {
      static_cast<void>(
          secure_->set_verify_callback(asio::ssl::host_name_verification(name), error));
    }
    static_cast<void>(asio::ip::make_address(name, error));
    if (error) SSL_set_tlsext_host_name(secure_->native_handle(), name.c_str());
    secure_->async_handshake(
        asio::ssl::stream_base::client,
        [self = shared_from_this()](error_code result) { self->finish(result); });
  }

  void finish(error_code error) {
    if (Done done = std::exchange(done_, nullptr)) done(error);
  }

  std::shared_ptr<TlsContext> tls_;
  asio::ip::tcp::resolver resolver_;
  asio::steady_timer timer_;  // of the address that is tried
  Protocol::socket socket_;
  std::optional<asio::ssl::stream<Protocol::socket&>> secure_;
  std::vector<Endpoint> endpoints_;
  std::size_t next_ = 0;
  error_code last_error_;
  std::string host_;
  Duration within_{};
  Done done_;
  bool connecting_ = false, closed_ = false;
};

// -- Transport ------------------------------------------------------------------

Transport::Transport(asio::io_context& context, std::shared_ptr<TlsContext> tls)
    : stream_(std::make_shared<Stream>(context, std::move(tls))) {}

Transport::~Transport() { close(); }

void Transport::connect(const config::Address& address, Duration within, Done done) {
  stream_->connect(address, within, std::move(done));
}

void Transport::read_some(asio::mutable_buffer into, Moved moved) {
  stream_->read_some(into, std::move(moved));
}

void Transport::write(asio::const_buffer from, Moved moved) {
  stream_->write(from, std::move(moved));
}

void Transport::close() noexcept { stream_->close(); }

}  // namespace homeostat::redis
