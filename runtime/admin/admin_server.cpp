#include "runtime/admin/admin_server.hpp"

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/admin/auth.hpp"
#include "runtime/admin/session.hpp"

namespace homeostat::admin {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::chrono::milliseconds accept_pause{100};
constexpr std::string_view busy_answer =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\n"
    "Connection: close\r\n\r\n";

/// Where to bind. An empty host means every address; a name is looked up once.
std::variant<tcp::endpoint, AdminError> resolve(asio::io_context& context,
                                                const config::Address& address) {
  if (!address.unix_path.empty()) {
    return AdminError{"admin.listen: a Unix socket is not supported; use a loopback address"};
  }
  if (address.host.empty() || address.host == "*") return tcp::endpoint(tcp::v6(), address.port);
  error_code error;
  const auto literal = asio::ip::make_address(address.host, error);
  if (!error) return tcp::endpoint(literal, address.port);
  tcp::resolver resolver(context);
  const auto found = resolver.resolve(address.host, std::to_string(address.port), error);
  if (error || found.empty()) {
    return AdminError{"admin.listen: cannot resolve " + address.host + ": " + error.message()};
  }
  return found.begin()->endpoint();
}

std::string text_of(const tcp::endpoint& endpoint) {
  const std::string host = endpoint.address().to_string();
  const std::string port = std::to_string(endpoint.port());
  return endpoint.address().is_v6() ? "[" + host + "]:" + port : host + ":" + port;
}

}  // namespace

struct AdminServer::Impl : std::enable_shared_from_this<Impl> {
  asio::io_context& context;
  const config::AdminSettings settings;
  std::shared_ptr<ServerContext> server;
  tcp::acceptor acceptor;
  asio::steady_timer pause;
  std::atomic<bool> waking{false};

  Impl(asio::io_context& context_in, const config::AdminSettings& settings_in,
       AdminServices services, const AdminTimeouts& timeouts)
      : context(context_in),
        settings(settings_in),
        server(std::make_shared<ServerContext>(
            settings_in, std::move(services), timeouts,
            [&context_in](std::function<void()> f) { asio::post(context_in, std::move(f)); })),
        acceptor(context_in),
        pause(context_in) {}

  std::optional<AdminError> bind(tcp::endpoint endpoint) {
    error_code error;
    acceptor.open(endpoint.protocol(), error);
    const bool any = endpoint.address().is_unspecified();
    if (error && any && endpoint.address().is_v6()) {  // a machine without IPv6
      endpoint = tcp::endpoint(tcp::v4(), endpoint.port());
      acceptor.open(endpoint.protocol(), error);
    }
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error && any && endpoint.address().is_v6()) {
      acceptor.set_option(asio::ip::v6_only(false), error);
    }
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (!error) return std::nullopt;
    error_code ignored;
    acceptor.close(ignored);
    return AdminError{"admin.listen: cannot listen on " + text_of(endpoint) + ": " +
                      error.message()};
  }

  void accept() {
    acceptor.async_accept([self = shared_from_this()](error_code error, tcp::socket socket) {
      self->on_accept(error, std::move(socket));
    });
  }

  void on_accept(error_code error, tcp::socket socket) {
    if (error == asio::error::operation_aborted || server->stopping) return;
    if (error) {
      // Mostly out of file descriptors: give others a chance to close some.
      pause.expires_after(accept_pause);
      pause.async_wait([self = shared_from_this()](error_code aborted) {
        if (!aborted && !self->server->stopping) self->accept();
      });
      return;
    }
    if (server->sessions.size() >= settings.connections_max) {
      refuse(std::move(socket));
    } else {
      std::make_shared<Session>(std::move(socket), server)->start();
    }
    accept();
  }

  void refuse(tcp::socket socket) {
    server->counters.connections_refused.fetch_add(1, std::memory_order_relaxed);
    error_code ignored;
    socket.non_blocking(true, ignored);
    socket.write_some(asio::buffer(busy_answer), ignored);
    socket.shutdown(tcp::socket::shutdown_send, ignored);
  }

  /// Publishers are on any thread, often many in a row: one wake-up for all.
  void tell_streams() {
    if (waking.exchange(true)) return;
    asio::post(context, [self = shared_from_this()] {
      self->waking = false;
      for (const auto& weak : self->server->event_streams) {
        if (const auto stream = weak.lock()) stream->wake();
      }
    });
  }

  void stop_now() {
    if (std::exchange(server->stopping, true)) return;
    error_code ignored;
    acceptor.close(ignored);
    pause.cancel();
    const std::vector<Session*> open(server->sessions.begin(), server->sessions.end());
    for (Session* const session : open) session->stop();
  }
};

AdminServer::AdminServer(asio::io_context& context, const config::AdminSettings& settings,
                         AdminServices services, AdminTimeouts timeouts)
    : impl_(std::make_shared<Impl>(context, settings, std::move(services), timeouts)) {}

AdminServer::~AdminServer() {
  if (impl_->server->events != nullptr) impl_->server->events->notify({});
  impl_->server->api.stop_background();
  stop();
}

std::variant<config::Address, AdminError> AdminServer::start() {
  if (const auto error = validate_tokens(impl_->settings)) return AdminError{*error};
  auto resolved = resolve(impl_->context, impl_->settings.listen);
  if (auto* error = std::get_if<AdminError>(&resolved)) return std::move(*error);
  const auto& endpoint = std::get<tcp::endpoint>(resolved);
  if (!endpoint.address().is_loopback() && impl_->settings.tokens.empty()) {
    return AdminError{"admin.listen: " + text_of(endpoint) +
                      " can be reached from outside this machine; configure admin.tokens or "
                      "listen on 127.0.0.1"};
  }
  if (auto error = impl_->bind(endpoint)) return std::move(*error);
  error_code error;
  const tcp::endpoint bound = impl_->acceptor.local_endpoint(error);
  if (error) return AdminError{"admin.listen: " + error.message()};
  if (EventLog* const events = impl_->server->events; events != nullptr) {
    events->notify([impl = std::weak_ptr(impl_)] {
      if (const auto server = impl.lock()) server->tell_streams();
    });
  }
  impl_->accept();
  config::Address address;
  address.host = bound.address().to_string();
  address.port = bound.port();
  return address;
}

void AdminServer::stop() {
  asio::post(impl_->context, [impl = impl_] { impl->stop_now(); });
}

const AdminCounters& AdminServer::counters() const noexcept { return impl_->server->counters; }

}  // namespace homeostat::admin
