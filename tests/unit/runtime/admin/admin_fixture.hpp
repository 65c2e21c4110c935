// An AdminServer on a real loopback socket with fakes behind it.
//
// Thread safety: the server runs on its own thread; fakes lock.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/admin/admin_server.hpp"
#include "runtime/ports/clock.hpp"

namespace homeostat::admin::test {

namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace json = boost::json;

class FakeCommands final : public ControlCommands {
 public:
  void set_level(rules::LevelSetting level, const std::string& reason) override {
    const std::lock_guard lock(mutex);
    levels.emplace_back(level, reason);
  }
  void force_emergency(bool on, const std::string& reason) override {
    const std::lock_guard lock(mutex);
    emergencies.emplace_back(on, reason);
  }
  void set_rule_enabled(const std::string& rule, std::optional<bool> enabled) override {
    const std::lock_guard lock(mutex);
    rules_set.emplace_back(rule, enabled);
  }
  void override_rule(const std::string& rule, const rules::RuleOverride& terms) override {
    const std::lock_guard lock(mutex);
    overrides.emplace_back(rule, terms);
  }
  void reload_rules(rules::RuleSet) override {}
  void inject(rules::SignalId signal, double value, Duration for_) override {
    const std::lock_guard lock(mutex);
    injected.emplace_back(signal, value, for_);
  }
  [[nodiscard]] bool untouched() const {
    const std::lock_guard lock(mutex);
    return levels.empty() && emergencies.empty() && rules_set.empty() && overrides.empty() &&
           injected.empty();
  }

  mutable std::mutex mutex;
  std::vector<std::pair<rules::LevelSetting, std::string>> levels;
  std::vector<std::pair<bool, std::string>> emergencies;
  std::vector<std::pair<std::string, std::optional<bool>>> rules_set;
  std::vector<std::pair<std::string, rules::RuleOverride>> overrides;
  std::vector<std::tuple<rules::SignalId, double, Duration>> injected;
};

class FakeCache final : public CacheControl {
 public:
  [[nodiscard]] CacheFigures figures() const override {
    const std::lock_guard lock(mutex);
    return now;
  }
  std::size_t drop_expired() override { return 0; }
  std::size_t shrink_to(double) override { return 0; }
  [[nodiscard]] std::vector<UncachedEndpoint> uncached(std::size_t) const override {
    const std::lock_guard lock(mutex);
    return uncached_endpoints;
  }
  PurgeResult purge(const PurgeRequest& request) override {
    const std::lock_guard lock(mutex);
    purges.push_back(request);
    return {.by_tags = 1 * request.tags.size(),
            .by_patterns = 3 * request.patterns.size(),
            .by_keys = request.keys.size(),
            .bytes = 3000,
            .by_tenants = 10 * request.tenants.size()};
  }
  std::optional<CacheKeyPage> keys(const CacheKeyQuery& query) override {
    const std::lock_guard lock(mutex);
    listings.push_back(query);
    if (query.cursor == "bad") return std::nullopt;
    return page;
  }
  [[nodiscard]] CacheTenants tenants(std::size_t count_max) const override {
    const std::lock_guard lock(mutex);
    CacheTenants shown = tenants_now;
    if (shown.largest.size() > count_max) shown.largest.resize(count_max);
    return shown;
  }
  [[nodiscard]] std::vector<LoweredLifetime> lowered_lifetimes(std::size_t) const override {
    const std::lock_guard lock(mutex);
    return lowered;
  }
  [[nodiscard]] bool untouched() const {
    const std::lock_guard lock(mutex);
    return purges.empty();
  }

  mutable std::mutex mutex;
  CacheFigures now;
  std::vector<UncachedEndpoint> uncached_endpoints;
  CacheTenants tenants_now;
  std::vector<LoweredLifetime> lowered;
  std::vector<PurgeRequest> purges;
  std::vector<CacheKeyQuery> listings;
  CacheKeyPage page;
};

struct Answer {
  unsigned status = 0;
  std::map<std::string, std::string> headers;  ///< names as the server writes them
  std::string body;

  [[nodiscard]] json::object json() const { return boost::json::parse(body).as_object(); }
  [[nodiscard]] std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
  }
};

using Headers = std::vector<std::pair<std::string, std::string>>;

/// A plain blocking client; gives up after 10 s of silence.
class Client {
 public:
  explicit Client(std::uint16_t port) : socket_(context_) {
    socket_.connect({asio::ip::make_address("127.0.0.1"), port});
    const timeval patience{10, 0};
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }

  void send(std::string_view bytes) {
    boost::system::error_code ignored;  // the server may have closed already
    asio::write(socket_, asio::buffer(bytes.data(), bytes.size()), ignored);
  }

  void end_sending() { socket_.shutdown(asio::ip::tcp::socket::shutdown_send); }

  /// The next answer; status 0 if the connection ended before it.
  Answer read(bool head = false) {
    http::response_parser<http::string_body> parser;
    parser.skip(head);
    boost::system::error_code error;
    http::read(socket_, buffer_, parser, error);
    Answer out;
    if (!parser.is_header_done()) return out;
    out.status = parser.get().result_int();
    out.body = parser.get().body();
    for (const auto& field : parser.get()) {
      const auto name = field.name_string();
      const auto value = field.value();
      out.headers.insert_or_assign(std::string(name.data(), name.size()),
                                   std::string(value.data(), value.size()));
    }
    return out;
  }

  /// True if the server closes without another byte.
  bool closed_by_server() {
    char byte = 0;
    boost::system::error_code error;
    socket_.read_some(asio::buffer(&byte, 1), error);
    return error == asio::error::eof || error == asio::error::connection_reset;
  }

  Answer request(const std::string& method, const std::string& target, const Headers& headers = {},
                 const std::string& body = {}) {
    std::string text = method + " " + target + " HTTP/1.1\r\n";
    bool has_host = false;
    for (const auto& [name, value] : headers) {
      has_host = has_host || name == "Host";
      text += name + ": " + value + "\r\n";
    }
    if (!has_host) text += "Host: localhost\r\n";
    if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    send(text + "\r\n" + body);
    return read(method == "HEAD");
  }

 private:
  asio::io_context context_;
  asio::ip::tcp::socket socket_;
  boost::beast::flat_buffer buffer_;
};

class AdminFixture : public ::testing::Test {
 protected:
  ~AdminFixture() override { shut_down(); }

  AdminServices services() {
    AdminServices out{.clock = clock,
                      .board = board,
                      .commands = commands,
                      .cache = cache,
                      .policy = policy,
                      .render_metrics = {},
                      .readiness = {},
                      .reload_rules = {},
                      .rollback_rules = {},
                      .rules = {},
                      .parse_rules = {},
                      .parse_override = {},
                      .recorded_signals = {},
                      .shared_tier = {},
                      .compression_ratio = {},
                      .compresses = {},
                      .patterns = {},
                      .recent_cache = {},
                      .upstreams = {},
                      .cache_groups = {},
                      .events = nullptr,
                      .service = {},
                      .version = {},
                      .data = nullptr,
                      .data_ttl = std::chrono::hours(1),
                      .cache_events = {},
                      .warm = {},
                      .warm_report = {}};
    out.render_metrics = [] { return std::string("# TYPE up gauge\nup 1\n"); };
    out.service = "homeostat";
    out.version = "1.2.3";
    out.cache_groups = {{"books", {"/api/v1/books/*", "/api/v1/shelf*"}}};
    return out;
  }

  /// Starts the server; the settings' port becomes 0.
  void start(AdminServices with) {
    settings.listen.port = 0;
    server.emplace(context, settings, std::move(with), timeouts);
    const auto bound = server->start();
    ASSERT_TRUE(std::holds_alternative<config::Address>(bound))
        << std::get<AdminError>(bound).message;
    port = std::get<config::Address>(bound).port;
    runner = std::thread([this] { context.run(); });
  }
  void start() { start(services()); }

  void shut_down() {
    if (server) server->stop();
    guard.reset();
    if (runner.joinable()) runner.join();
    server.reset();
  }

  void add_tokens() {
    settings.tokens = {
        {"reader", config::AdminToken::Role::viewer, "viewer-secret-0123456789", {}},
        {"ops", config::AdminToken::Role::operator_, "operator-secret-0123456789", {}}};
  }

  Answer call(const std::string& method, const std::string& target, const Headers& headers = {},
              const std::string& body = {}) {
    return Client(port).request(method, target, headers, body);
  }
  Answer get(const std::string& target, const Headers& headers = {}) {
    return call("GET", target, headers);
  }
  Answer send_json(const std::string& method, const std::string& target, const std::string& body) {
    return call(method, target, {{"Content-Type", "application/json"}}, body);
  }

  void publish(ControlReport report) {
    board.publish(std::make_shared<const ControlReport>(std::move(report)));
  }

  ManualClock clock;
  ControlBoard board;
  FakeCommands commands;
  FakeCache cache;
  PolicyStore policy{clock, std::chrono::seconds(10)};
  config::AdminSettings settings;
  AdminTimeouts timeouts;
  asio::io_context context;
  asio::executor_work_guard<asio::io_context::executor_type> guard{context.get_executor()};
  std::optional<AdminServer> server;
  std::thread runner;
  std::uint16_t port = 0;
};

inline const json::value& at(const json::object& object, const std::string& pointer) {
  static const json::value absent("<absent>");
  boost::system::error_code error;
  const json::value* found = nullptr;
  const json::object* scope = &object;
  std::string_view rest = pointer;
  while (scope != nullptr) {
    const auto dot = rest.find('.');
    found = scope->if_contains(rest.substr(0, dot));
    if (found == nullptr) return absent;
    if (dot == std::string_view::npos) return *found;
    rest.remove_prefix(dot + 1);
    scope = found->if_object();
  }
  return absent;
}

}  // namespace homeostat::admin::test
