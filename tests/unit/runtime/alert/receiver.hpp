// A small HTTP server that plays Alertmanager or a webhook: it remembers every
// call and answers what the test says.
//
// Thread safety: runs on its own thread; the test's thread asks under a lock.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace homeostat::alert::test {

namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace json = boost::json;

inline constexpr std::chrono::seconds patience{10};

/// An io_context on its own thread, for the code under test.
class Loop {
 public:
  Loop() : runner_([this] { context.run(); }) {}
  ~Loop() { stop(); }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void stop() {
    guard_.reset();
    context.stop();
    if (runner_.joinable()) runner_.join();
  }

  asio::io_context context;

 private:
  asio::executor_work_guard<asio::io_context::executor_type> guard_{context.get_executor()};
  std::thread runner_;
};

struct Received {
  std::string method, target, content_type, body;
  [[nodiscard]] json::value json() const { return boost::json::parse(body); }
};

class Receiver {
 public:
  static constexpr unsigned never = 0;  ///< takes the request and stays silent
  /// The status for the n-th call (from 0).
  using Script = std::function<unsigned(std::size_t, const Received&)>;

  explicit Receiver(Script script = [](std::size_t, const Received&) { return 200U; })
      : script_(std::move(script)),
        acceptor_(loop_.context, {asio::ip::make_address("127.0.0.1"), 0}),
        port_(acceptor_.local_endpoint().port()) {
    accept();
  }
  ~Receiver() { loop_.stop(); }  // before the sockets go
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] std::string url(const std::string& path = "") const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  void answer_with(std::string body) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(body);
  }

  /// Waits until `condition(calls)` holds; false if patience ran out.
  template <class Condition>
  [[nodiscard]] bool wait(Condition condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return condition(calls_); });
  }
  [[nodiscard]] bool wait_for_calls(std::size_t count) {
    return wait([count](const std::vector<Received>& calls) { return calls.size() >= count; });
  }
  [[nodiscard]] std::vector<Received> calls() {
    const std::lock_guard lock(mutex_);
    return calls_;
  }

 private:
  struct Connection {
    explicit Connection(asio::ip::tcp::socket socket_in) : socket(std::move(socket_in)) {}
    asio::ip::tcp::socket socket;
    boost::beast::flat_buffer buffer;
    http::request<http::string_body> request;
    http::response<http::string_body> response;
  };

  void accept() {
    acceptor_.async_accept([this](boost::system::error_code error, asio::ip::tcp::socket socket) {
      if (error) return;
      auto connection = std::make_shared<Connection>(std::move(socket));
      http::async_read(connection->socket, connection->buffer, connection->request,
                       [this, connection](boost::system::error_code failure, std::size_t) {
                         if (!failure) answer(connection);
                       });
      accept();
    });
  }

  void answer(const std::shared_ptr<Connection>& connection) {
    const auto text = [](auto view) { return std::string(view.data(), view.size()); };
    const auto& request = connection->request;
    Received received{text(request.method_string()), text(request.target()),
                      text(request[http::field::content_type]), request.body()};
    unsigned status = 0;
    {
      const std::lock_guard lock(mutex_);
      status = script_(calls_.size(), received);
      calls_.push_back(std::move(received));
      connection->response.body() = answer_;
    }
    changed_.notify_all();
    if (status == never) {
      silent_.push_back(connection);
      return;
    }
    connection->response.result(status);
    connection->response.prepare_payload();
    http::async_write(connection->socket, connection->response,
                      [connection](boost::system::error_code, std::size_t) {});
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Received> calls_;
  std::string answer_;
  Script script_;
  Loop loop_;
  std::vector<std::shared_ptr<Connection>> silent_;
  asio::ip::tcp::acceptor acceptor_;
  std::uint16_t port_;
};

}  // namespace homeostat::alert::test
