// Reads HTTP/1 messages off a test socket, independently of the product's own
// parser, and strictly enough to notice broken framing.
//
// Thread safety: none.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/socket.hpp"

namespace homeostat::test {

struct Message {
  using Fields = std::vector<std::pair<std::string, std::string>>;  ///< names in lower case
  std::string head;  ///< as received, with the empty line
  std::string start_line;
  Fields fields;
  std::string body;
  std::size_t body_bytes = 0;  ///< also counted when the body went to a sink
  Fields trailers;
  bool complete = false;  ///< the framing came to its proper end

  [[nodiscard]] int status() const;  ///< of a response; 0 if it is none
  [[nodiscard]] std::string method() const;
  [[nodiscard]] std::string target() const;
  [[nodiscard]] bool has(std::string_view name) const;
  [[nodiscard]] std::string get(std::string_view name) const;  ///< joined with ", "
  [[nodiscard]] std::string trailer(std::string_view name) const;
};

class MessageReader {
 public:
  using Sink = std::function<void(std::string_view)>;
  explicit MessageReader(Socket& socket) : socket_(&socket) {}

  /// Nothing at the end of the connection or on a timeout.
  [[nodiscard]] std::optional<Message> read_head();
  /// Reads the body the head announces; `complete` says whether all came.
  void read_request_body(Message& message, const Sink& sink = {});
  void read_response_body(Message& message, bool to_head = false, const Sink& sink = {});
  /// Data of the next chunk; empty at the last chunk or when it is cut.
  [[nodiscard]] std::string read_chunk();
  /// Exactly `bytes`, or what came before the end.
  [[nodiscard]] std::string read_exactly(std::size_t bytes);
  /// Everything up to the end of the connection.
  [[nodiscard]] std::string read_to_end();
  /// True when the peer closed or reset, and sent nothing before.
  [[nodiscard]] bool at_end();
  [[nodiscard]] Socket::Received last() const noexcept { return last_; }

 private:
  [[nodiscard]] bool more();
  [[nodiscard]] bool read_line(std::string& line);
  void take(Message& message, std::size_t bytes, const Sink& sink);
  void read_chunked(Message& message, const Sink& sink);
  void read_length(Message& message, std::size_t length, const Sink& sink);

  Socket* socket_;
  std::string buffer_;
  Socket::Received last_ = Socket::Received::bytes;
};

}  // namespace homeostat::test
