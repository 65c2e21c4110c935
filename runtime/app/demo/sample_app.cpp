#include "runtime/app/demo/sample_app.hpp"

#include <fmt/format.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/signal_set.hpp>
#include <charconv>
#include <cstdio>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "runtime/app/demo/sample_session.hpp"
#include "runtime/app/demo/sample_work.hpp"
#include "runtime/app/descriptors.hpp"

namespace homeostat::demo {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr int accept_backlog = 4096;
constexpr std::chrono::milliseconds accept_retry{20};

tcp::endpoint parse_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    throw std::runtime_error(fmt::format("{}: expected ADDRESS:PORT", text));
  }
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  std::uint16_t port = 0;
  const auto [end, bad] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  error_code error;
  const auto address = asio::ip::make_address(host, error);
  if (bad != std::errc{} || end != digits.data() + digits.size() || error) {
    throw std::runtime_error(fmt::format("{}: expected an IP address and a port", text));
  }
  return {address, port};
}

tcp::acceptor open_acceptor(asio::io_context& context, const std::string& listen) {
  const tcp::endpoint endpoint = parse_endpoint(listen);
  tcp::acceptor acceptor(context);
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(accept_backlog, error);
  if (error)
    throw std::runtime_error(fmt::format("cannot listen on {}: {}", listen, error.message()));
  return acceptor;
}

}  // namespace

SampleApp::SampleApp(const SampleAppOptions& options)
    : acceptor_(open_acceptor(context_, options.listen)),
      accept_pause_(context_),
      port_(acceptor_.local_endpoint().port()),
      report_rounds_(options.report_rounds == 0 ? report_rounds : options.report_rounds),
      pool_(options.workers, options.backlog_max) {
  accept();
}

SampleApp::~SampleApp() = default;

void SampleApp::run(bool handle_signals) {
  asio::signal_set signals(context_);
  if (handle_signals) {
    signals.add(SIGINT);
    signals.add(SIGTERM);
    signals.async_wait([this](const error_code& error, int) {
      if (!error) context_.stop();
    });
  }
  context_.run();
}

void SampleApp::stop() { context_.stop(); }

void SampleApp::accept() {
  acceptor_.async_accept([this](const error_code& error, tcp::socket socket) {
    if (error == asio::error::operation_aborted) return;
    if (!error) {
      std::make_shared<SampleSession>(std::move(socket), *this)->start();
      return accept();
    }
    // Out of descriptors, most likely: try again when some have been closed.
    accept_pause_.expires_after(accept_retry);
    accept_pause_.async_wait([this](const error_code& stopped) {
      if (!stopped) accept();
    });
  });
}

std::string SampleApp::stats_document() const {
  return fmt::format(R"({{"requests":{},"completed":{},"refused":{},"backlog":{},"workers":{}}})",
                     requests_.load(std::memory_order_relaxed), pool_.completed(), pool_.refused(),
                     pool_.backlog(), pool_.threads());
}

int run_sample_app(const SampleAppOptions& options) {
  app::raise_descriptor_limit();
  try {
    SampleApp app(options);
    const std::size_t colon = options.listen.rfind(':');
    fmt::print("listening on {}:{}\n", options.listen.substr(0, colon), app.port());
    std::fflush(stdout);
    app.run(true);
  } catch (const std::exception& error) {
    fmt::print(stderr, "sample application: {}\n", error.what());
    return 1;
  }
  return 0;
}

}  // namespace homeostat::demo
