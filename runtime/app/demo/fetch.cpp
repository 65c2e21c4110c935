#include "runtime/app/demo/fetch.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <boost/json/parse.hpp>
#include <string_view>

#include "runtime/http/parser.hpp"

namespace homeostat::demo {

namespace {

constexpr std::size_t body_bytes_max = 4 * 1024 * 1024;
constexpr timeval patience{2, 0};

class Socket {
 public:
  Socket() : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(descriptor_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  }
  ~Socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  [[nodiscard]] bool connect(std::uint16_t port) const {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return ::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  [[nodiscard]] bool send(std::string_view text) const {
    return ::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(text.size());
  }
  [[nodiscard]] ssize_t receive(std::array<char, 16384>& buffer) const {
    return ::recv(descriptor_, buffer.data(), buffer.size(), 0);
  }

 private:
  int descriptor_;
};

}  // namespace

std::optional<std::string> fetch(std::uint16_t port, const std::string& path) {
  const Socket socket;
  if (!socket.connect(port)) return std::nullopt;
  if (!socket.send(
          fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path))) {
    return std::nullopt;
  }
  http::ResponseParser parser;
  parser.reset({});
  std::array<char, 16384> buffer{};
  std::string input, body;
  for (;;) {
    const http::ParseStep step = parser.next(input);
    body += step.body;
    if (body.size() > body_bytes_max) return std::nullopt;
    input.erase(0, step.consumed);
    if (step.event == http::ParseEvent::error) return std::nullopt;
    if (step.event == http::ParseEvent::end) break;
    if (step.event != http::ParseEvent::need_more) continue;
    const ssize_t got = socket.receive(buffer);
    if (got < 0) return std::nullopt;
    if (got == 0) {
      if (parser.finish().event != http::ParseEvent::end) return std::nullopt;
      break;
    }
    input.append(buffer.data(), static_cast<std::size_t>(got));
  }
  if (parser.head().status != 200) return std::nullopt;
  return body;
}

std::optional<boost::json::value> fetch_json(std::uint16_t port, const std::string& path) {
  const auto body = fetch(port, path);
  if (!body) return std::nullopt;
  boost::json::error_code error;
  boost::json::value document = boost::json::parse(*body, error);
  if (error) return std::nullopt;
  return document;
}

double number_at(const boost::json::value& document, const std::string& pointer) {
  boost::json::error_code error;
  const boost::json::value* found = document.find_pointer(pointer, error);
  if (error || found == nullptr || !found->is_number()) return 0;
  return found->to_number<double>();
}

}  // namespace homeostat::demo
