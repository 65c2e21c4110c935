// An HTTP/1.1 server that does what a test tells it, one thread a connection.
//
// A handler is set per path (query not counted); others answer 200 "hello".
// It gets the request's head and the raw socket, so that it can be as slow,
// broken or silent as the test wants. Everything received is remembered.
//
// Thread safety: all methods of ScriptedOrigin may be called from any thread;
// handlers run on connection threads. The destructor ends all connections; a
// handler must not wait for something the test has already destroyed.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/http_message.hpp"
#include "tests/support/socket.hpp"

namespace homeostat::test {

/// One request at the origin, in a handler's hands.
class OriginExchange {
 public:
  OriginExchange(Socket& socket_in, MessageReader& reader_in, Message request_in)
      : socket(socket_in), reader(reader_in), request(std::move(request_in)) {}

  /// Reads the request's body (once).
  const std::string& body();
  void send(std::string_view raw) { alive = socket.send(raw) && alive; }
  /// Reads the body, then answers with Content-Length. `fields`: complete lines.
  void respond(int status, std::string_view fields, std::string_view body);

  Socket& socket;
  MessageReader& reader;
  Message request;
  bool alive = true;  ///< set false to close the connection afterwards
  bool body_read = false;
};

class ScriptedOrigin {
 public:
  using Handler = std::function<void(OriginExchange&)>;

  explicit ScriptedOrigin(const std::string& unix_path = {}, std::uint16_t port = 0);
  ~ScriptedOrigin();
  ScriptedOrigin(const ScriptedOrigin&) = delete;
  ScriptedOrigin& operator=(const ScriptedOrigin&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return listener_.port(); }
  [[nodiscard]] std::string url() const;
  void on(const std::string& path, Handler handler);
  /// A fixed answer; `fields` are complete lines.
  void answer(const std::string& path, int status, std::string fields, std::string body);

  [[nodiscard]] std::size_t requests(const std::string& path);
  [[nodiscard]] bool wait_for_requests(const std::string& path, std::size_t count);
  /// The newest request of the path, once its handler has ended; empty if none.
  [[nodiscard]] Message last_request(const std::string& path);
  [[nodiscard]] std::size_t connections() const noexcept { return accepted_; }
  /// True when the agent has closed all connections, soon enough.
  [[nodiscard]] bool wait_until_all_closed();
  /// Closes all connections from this side, keeps listening.
  void close_connections();

 private:
  void accept_all();
  void serve(Socket& socket);
  void handle(OriginExchange& exchange);

  ListeningSocket listener_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Handler> handlers_;
  std::map<std::string, std::size_t> counts_, handled_;
  std::size_t ended_ = 0;
  std::map<std::string, Message> last_;
  std::list<Socket> sockets_;
  std::vector<std::thread> threads_;
  std::atomic<std::size_t> accepted_{0};
  std::thread acceptor_;
};

}  // namespace homeostat::test
