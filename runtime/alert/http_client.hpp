// A small asynchronous HTTP/1.1 client for one-shot calls to Alertmanager,
// webhooks, the application's memory hook and its metrics.
//
// Thread safety: parse_http_url and validate_url are pure. http_send may be
// called from any thread; the handler runs on the io_context, exactly once.
// Bounds: one deadline for resolve, connect, write and read together; 16 KiB
// of response header, 64 KiB of response body unless the call says otherwise (a
// longer body is cut, the status still counts). Redirects are not followed. No TLS.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace homeostat::alert {

/// An http:// URL taken apart.
struct HttpUrl {
  std::string host;  ///< name or IP address, without brackets
  std::uint16_t port = 80;
  std::string target;       ///< path and query, starts with '/'
  std::string host_header;  ///< as sent in Host

  /// "http://host:port/***" for logs and reports: path and query of a webhook are its secret.
  [[nodiscard]] std::string safe_text() const;
};

struct UrlError {
  std::string message;
};

[[nodiscard]] std::variant<HttpUrl, UrlError> parse_http_url(std::string_view text);

/// Why this cannot be a target, for the configuration check; empty if it can.
[[nodiscard]] std::optional<std::string> validate_url(std::string_view text);

inline constexpr std::size_t response_body_bytes_max = 64 * 1024;

struct HttpCall {
  std::string method = "POST";
  HttpUrl url;
  std::string content_type = "application/json";
  std::string body;
  std::chrono::milliseconds timeout{5000};
  std::size_t response_bytes_max = response_body_bytes_max;
  std::string accept = "application/json, */*;q=0.5";
  std::string authorization;  ///< as sent; empty = none
};

struct HttpResult {
  unsigned status = 0;  ///< 0: no answer, see `error`
  std::string body;     ///< at most HttpCall::response_bytes_max
  bool body_truncated = false;
  std::string error;  ///< "connect: Connection refused", "timeout"

  [[nodiscard]] bool success() const noexcept { return status >= 200 && status < 300; }
  /// "HTTP 503" or the error, for logs.
  [[nodiscard]] std::string describe() const;
};

using HttpHandler = std::function<void(HttpResult)>;

void http_send(boost::asio::io_context& context, HttpCall call, HttpHandler handler);

}  // namespace homeostat::alert
