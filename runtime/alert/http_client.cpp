#include "runtime/alert/http_client.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/url/parse.hpp>
#include <charconv>
#include <memory>
#include <utility>

namespace homeostat::alert {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::uint32_t response_header_bytes_max = 16 * 1024;
constexpr std::size_t url_bytes_max = 2048;

/// One call from resolve to result. Every handler runs on the strand; `finish`
/// answers once and ignores whatever completes later (a name lookup cannot be
/// interrupted, only abandoned).
class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(asio::io_context& context, HttpCall call, HttpHandler handler)
      : strand_(asio::make_strand(context)),
        deadline_(strand_),
        resolver_(strand_),
        stream_(strand_),
        buffer_(response_header_bytes_max + call.response_bytes_max),
        call_(std::move(call)),
        handler_(std::move(handler)) {}

  void start() {
    asio::post(strand_, [self = shared_from_this()] { self->begin(); });
  }

 private:
  void begin() {
    deadline_.expires_after(call_.timeout);
    deadline_.async_wait([self = shared_from_this()](error_code error) {
      if (!error) self->fail("timeout", {});
    });
    error_code not_an_address;
    const auto address = asio::ip::make_address(call_.url.host, not_an_address);
    if (!not_an_address) {
      stream_.async_connect(
          tcp::endpoint(address, call_.url.port),
          [self = shared_from_this()](error_code error) { self->on_connect(error); });
      return;
    }
    resolver_.async_resolve(
        call_.url.host, std::to_string(call_.url.port),
        [self = shared_from_this()](error_code error, const tcp::resolver::results_type& found) {
          self->on_resolve(error, found);
        });
  }

  void on_resolve(error_code error, const tcp::resolver::results_type& found) {
    if (finished_) return;
    if (error) return fail("resolve", error);
    stream_.async_connect(found,
                          [self = shared_from_this()](error_code failure, const tcp::endpoint&) {
                            self->on_connect(failure);
                          });
  }

  void on_connect(error_code error) {
    if (finished_) return;
    if (error) return fail("connect", error);
    request_.version(11);
    request_.method_string(call_.method);
    request_.target(call_.url.target);
    request_.set(http::field::host, call_.url.host_header);
    request_.set(http::field::user_agent, "homeostat");
    request_.set(http::field::accept, call_.accept);
    if (!call_.authorization.empty()) request_.set(http::field::authorization, call_.authorization);
    if (call_.method != "GET") request_.set(http::field::content_type, call_.content_type);
    request_.set(http::field::connection, "close");
    request_.body() = std::move(call_.body);
    request_.prepare_payload();
    http::async_write(
        stream_, request_,
        [self = shared_from_this()](error_code failure, std::size_t) { self->on_write(failure); });
  }

  void on_write(error_code error) {
    if (finished_) return;
    // A server may refuse early and close; its answer tells more than EPIPE.
    write_error_ = error;
    parser_.header_limit(response_header_bytes_max);
    parser_.body_limit(call_.response_bytes_max);
    http::async_read_header(
        stream_, buffer_, parser_,
        [self = shared_from_this()](error_code failure, std::size_t) { self->on_header(failure); });
  }

  void on_header(error_code error) {
    if (finished_) return;
    if (error && !parser_.is_header_done()) {
      if (write_error_) return fail("write", write_error_);
      return fail("read", error);
    }
    if (error) return succeed(true);  // announced body above the bound
    http::async_read(stream_, buffer_, parser_,
                     [self = shared_from_this()](error_code failure, std::size_t) {
                       if (!self->finished_) self->succeed(static_cast<bool>(failure));
                     });
  }

  void succeed(bool truncated) {
    HttpResult result;
    result.status = parser_.get().result_int();
    result.body = std::move(parser_.get().body());
    if (result.body.size() > call_.response_bytes_max) result.body.resize(call_.response_bytes_max);
    result.body_truncated = truncated;
    finish(std::move(result));
  }

  void fail(const char* stage, error_code error) {
    HttpResult result;
    result.error = stage;
    if (error) result.error += ": " + error.message();
    finish(std::move(result));
  }

  void finish(HttpResult result) {
    if (std::exchange(finished_, true)) return;
    deadline_.cancel();
    resolver_.cancel();
    stream_.close();
    const auto handler = std::exchange(handler_, nullptr);
    handler(std::move(result));
  }

  asio::strand<asio::io_context::executor_type> strand_;
  asio::steady_timer deadline_;
  tcp::resolver resolver_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  http::request<http::string_body> request_;
  http::response_parser<http::string_body> parser_;
  HttpCall call_;
  HttpHandler handler_;
  error_code write_error_;
  bool finished_ = false;
};

}  // namespace

std::string HttpUrl::safe_text() const {
  return "http://" + host_header + (target == "/" ? "" : "/***");
}

std::string HttpResult::describe() const {
  return status != 0 ? "HTTP " + std::to_string(status) : error;
}

std::variant<HttpUrl, UrlError> parse_http_url(std::string_view text) {
  if (text.empty()) return UrlError{"the URL is empty"};
  if (text.size() > url_bytes_max) return UrlError{"the URL is longer than 2048 bytes"};
  const auto parsed = boost::urls::parse_uri(text);
  if (!parsed) return UrlError{"not a valid URL; expected http://host[:port][/path]"};
  const auto& url = *parsed;
  if (url.scheme_id() == boost::urls::scheme::https) {
    return UrlError{"https:// is not supported here; use http:// to a local TLS proxy"};
  }
  if (url.scheme_id() != boost::urls::scheme::http) {
    return UrlError{"only http:// URLs are supported"};
  }
  if (url.has_userinfo()) return UrlError{"user and password in the URL are not supported"};
  if (url.host().empty()) return UrlError{"the URL has no host"};
  if (url.has_fragment()) return UrlError{"a fragment (#...) makes no sense here"};
  HttpUrl out;
  out.host = url.host_address();  // IPv6 without brackets
  if (url.has_port() && !url.port().empty()) {
    const std::string_view digits = url.port();
    const auto end = digits.data() + digits.size();
    const auto number = std::from_chars(digits.data(), end, out.port);  // checks the range
    if (number.ec != std::errc{} || number.ptr != end || out.port == 0) {
      return UrlError{"the port is not between 1 and 65535"};
    }
  }
  out.host_header = std::string(url.encoded_host_and_port());
  const std::string path(url.encoded_path());
  out.target = path.empty() ? "/" : path;
  if (url.has_query()) out.target += "?" + std::string(url.encoded_query());
  return out;
}

std::optional<std::string> validate_url(std::string_view text) {
  const auto parsed = parse_http_url(text);
  if (const auto* error = std::get_if<UrlError>(&parsed)) return error->message;
  return std::nullopt;
}

void http_send(asio::io_context& context, HttpCall call, HttpHandler handler) {
  std::make_shared<Exchange>(context, std::move(call), std::move(handler))->start();
}

}  // namespace homeostat::alert
