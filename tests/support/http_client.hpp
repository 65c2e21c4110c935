// A blocking HTTP/1.1 client for tests: sends exactly the bytes it is given.
//
// Thread safety: none; one client, one connection, one thread.
#pragma once

#include <string>
#include <string_view>

#include "tests/support/http_message.hpp"
#include "tests/support/socket.hpp"

namespace homeostat::test {

class HttpClient {
 public:
  explicit HttpClient(Socket connected) : socket(std::move(connected)), reader(socket) {}
  explicit HttpClient(std::uint16_t port) : HttpClient(connect_tcp(port)) {}
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  bool send(std::string_view raw) { return socket.send(raw); }
  /// The next response with its body; status 0 if the connection ended instead.
  [[nodiscard]] Message read(bool to_head = false);
  /// A request without body. `fields`: complete lines.
  [[nodiscard]] Message get(std::string_view target, std::string_view fields = {});
  [[nodiscard]] Message request(std::string_view method, std::string_view target,
                                std::string_view fields = {}, std::string_view body = {});
  /// The peer has closed and sent nothing more.
  [[nodiscard]] bool closed() { return reader.at_end(); }

  Socket socket;
  MessageReader reader;
};

/// A request's text with Host; Content-Length is added if there is a body.
[[nodiscard]] std::string request_text(std::string_view method, std::string_view target,
                                       std::string_view fields = {}, std::string_view body = {});

}  // namespace homeostat::test
