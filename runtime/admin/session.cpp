#include "runtime/admin/session.hpp"

#include <boost/asio/write.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/url/parse.hpp>
#include <chrono>
#include <utility>

namespace homeostat::admin {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;

namespace {

constexpr std::size_t read_size = 4096;
constexpr std::size_t linger_bytes_max = 256 * 1024;
constexpr std::chrono::milliseconds linger_time{1000};
constexpr std::string_view too_large = "the body may have at most 64 KiB (a replay: 4 MiB)";
constexpr std::string_view continue_line = "HTTP/1.1 100 Continue\r\n\r\n";

void count(std::atomic<std::uint64_t>& counter) { counter.fetch_add(1, std::memory_order_relaxed); }

/// The URL of a request target in origin or absolute form (RFC 9112 3.2).
std::optional<boost::urls::url_view> parse_target(std::string_view target) {
  if (const auto origin = boost::urls::parse_origin_form(target)) return *origin;
  if (const auto absolute = boost::urls::parse_absolute_uri(target)) return *absolute;
  return std::nullopt;
}

}  // namespace

Session::Session(tcp::socket socket, std::shared_ptr<ServerContext> server)
    : stream_(std::move(socket)),
      read_deadline_(stream_.get_executor()),
      server_(std::move(server)),
      buffer_(header_bytes_max + body_bytes_standard + read_size) {
  server_->sessions.insert(this);
  server_->counters.connections_open.fetch_add(1, std::memory_order_relaxed);
  ErrorCode error;
  const auto remote = stream_.socket().remote_endpoint(error);
  if (!error) {
    const auto address = remote.address();
    const bool mapped = address.is_v6() && address.to_v6().is_v4_mapped();
    peer_loopback_ =
        mapped ? asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).is_loopback()
               : address.is_loopback();
    peer_ = address.to_string();
  }
  stream_.socket().set_option(tcp::no_delay(true), error);
}

Session::~Session() {
  server_->sessions.erase(this);
  server_->counters.connections_open.fetch_sub(1, std::memory_order_relaxed);
}

void Session::start() { wait_for_request(); }

void Session::stop() {
  if (const auto events = events_.lock()) return events->stop();
  if (!writing_) close();
}

/// Waits longer for the first byte than for the rest, so that an idle
/// keep-alive connection and a slow sender are different things.
void Session::wait_for_request() {
  if (server_->stopping) return close();
  if (buffer_.size() > 0) return read_header();  // pipelined
  stream_.expires_after(server_->timeouts.idle);
  stream_.async_read_some(buffer_.prepare(read_size),
                          [self = shared_from_this()](ErrorCode error, std::size_t bytes) {
                            if (error) return self->close();
                            self->buffer_.commit(bytes);
                            self->read_header();
                          });
}

void Session::read_header() {
  parser_.emplace();
  parser_->header_limit(header_bytes_max);
  parser_->body_limit(body_bytes_largest);  // refuse_body() knows better, after the header
  start_read_deadline();
  http::async_read_header(
      stream_, buffer_, *parser_,
      [self = shared_from_this()](ErrorCode error, std::size_t) { self->on_header(error); });
}

/// Not the stream's own timer: that one closes the socket, and then nobody can
/// be told 408.
void Session::start_read_deadline() {
  stream_.expires_never();
  timed_out_ = false;
  read_deadline_.expires_after(server_->timeouts.read);
  read_deadline_.async_wait([self = shared_from_this(), round = ++read_round_](ErrorCode error) {
    if (error || round != self->read_round_) return;
    self->timed_out_ = true;
    self->stream_.cancel();
  });
}

void Session::on_header(ErrorCode error) {
  if (error) return on_bad_request(error);
  if (auto refused = refuse_body()) return write(std::move(*refused), false, false);
  const auto expect = parser_->get().find(http::field::expect);
  const bool wants_continue = expect != parser_->get().end() &&
                              beast::iequals(expect->value(), "100-continue") &&
                              !parser_->is_done();
  if (wants_continue) return send_continue();
  read_body();
}

/// Large bodies would be a way to fill the memory: only who may use them may send them,
/// and one at a time.
std::optional<AdminResponse> Session::refuse_body() {
  const auto length = parser_->content_length();
  if (!parser_->chunked() && length.value_or(0) <= body_bytes_standard) return std::nullopt;
  const auto head = to_request(parser_->get());
  const std::size_t most = head ? server_->api.body_bytes_max(*head) : body_bytes_standard;
  if (length.value_or(0) > most) return server_->api.refuse(413, std::string(too_large));
  parser_->body_limit(most);  // of a body that does not say how long it is
  if (most == body_bytes_standard) return std::nullopt;
  if (server_->large_body) {
    AdminResponse busy = server_->api.refuse(503, "another large body is on its way");
    busy.headers.emplace_back("Retry-After", "1");
    return busy;
  }
  large_body_ = std::make_unique<LargeBody>(*server_);
  return std::nullopt;
}

void Session::send_continue() {
  asio::async_write(stream_, asio::buffer(continue_line),
                    [self = shared_from_this()](ErrorCode error, std::size_t) {
                      if (error) return self->close();
                      self->read_body();
                    });
}

void Session::read_body() {
  http::async_read(
      stream_, buffer_, *parser_,
      [self = shared_from_this()](ErrorCode error, std::size_t) { self->on_request(error); });
}

void Session::on_bad_request(ErrorCode error) {
  large_body_.reset();
  if (timed_out_) {
    count(server_->counters.timeouts);
    return write(server_->api.refuse(408, "the request did not arrive in time"), false, false);
  }
  if (error == http::error::body_limit) {
    return write(server_->api.refuse(413, std::string(too_large)), false, false);
  }
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return write(server_->api.refuse(431, "the header may have at most 16 KiB"), false, false);
  }
  const bool malformed =
      error.category() == http::make_error_code(http::error::bad_method).category();
  if (!malformed || error == http::error::end_of_stream || error == http::error::partial_message) {
    return close();  // the client went away
  }
  write(server_->api.refuse(400, "not a valid HTTP request: " + error.message()), false, false);
}

void Session::on_request(ErrorCode error) {
  if (error) return on_bad_request(error);
  const auto& message = parser_->get();
  const bool head = message.method() == http::verb::head;
  const bool keep_alive = message.keep_alive() && !server_->stopping;
  const auto request = to_request(message);
  if (!request) {
    large_body_.reset();
    return write(server_->api.refuse(400, "the request target is not valid"), keep_alive, head);
  }
  AdminResponse answer = server_->api.handle(*request);
  large_body_.reset();
  if (answer.events_after && !head) return stream_events(answer);
  if (answer.later) return answer_later(answer, keep_alive, head);
  write(std::move(answer), keep_alive, head);
}

/// The answer needs somebody else's first.
void Session::answer_later(const AdminResponse& answer, bool keep_alive, bool head) {
  ++read_round_;
  read_deadline_.cancel();
  if (answer.abandoned) watch_client(answer.abandoned);
  answer.later([self = shared_from_this(), keep_alive, head](AdminResponse finished) {
    self->write(std::move(finished), keep_alive && !self->server_->stopping, head);
  });
}

/// While an answer takes its time: a client that leaves makes its socket readable without a byte.
/// One that has sent its next request already is not watched: that byte comes before the end.
void Session::watch_client(std::function<void()> abandoned) {
  stream_.socket().async_wait(tcp::socket::wait_read,
                              [self = shared_from_this(), round = read_round_,
                               abandoned = std::move(abandoned)](ErrorCode error) {
                                if (round != self->read_round_) return;  // answered
                                if (!error && self->stream_.socket().available(error) > 0) return;
                                abandoned();
                              });
}

/// The body has no end of its own: it ends with the connection.
void Session::stream_events(const AdminResponse& answer) {
  ++read_round_;
  read_deadline_.cancel();
  std::string head =
      "HTTP/1.1 200 OK\r\nServer: homeostat\r\nContent-Type: " + answer.content_type +
      "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n";
  for (const auto& [name, value] : answer.headers) head.append(name + ": " + value + "\r\n");
  head += "Connection: close\r\n\r\n";
  const EventStream::Timing timing{server_->timeouts.write, server_->timeouts.heartbeat};
  auto events = std::make_shared<EventStream>(stream_, shared_from_this(), *server_->events, timing,
                                              server_->counters);
  events_ = events;
  std::erase_if(server_->event_streams, [](const auto& stream) { return stream.expired(); });
  server_->event_streams.push_back(events);
  events->start(std::move(head), *answer.events_after);
}

std::optional<AdminRequest> Session::to_request(const Parser::value_type& message) const {
  const auto url = parse_target({message.target().data(), message.target().size()});
  if (!url) return std::nullopt;
  const auto field = [&message](std::string_view name) {
    const auto value = message[beast::string_view(name.data(), name.size())];
    return std::string(value.data(), value.size());
  };
  AdminRequest out;
  out.method = message.method() == http::verb::head ? "GET" : std::string(message.method_string());
  out.path = std::string(url->encoded_path());
  for (const auto segment : url->segments()) {
    if (!segment.empty()) out.segments.emplace_back(segment);
  }
  // In a query '+' means a space for most clients (HTML forms, curl -G).
  boost::urls::encoding_opts options;
  options.space_as_plus = true;
  for (const auto& parameter : url->params(options)) {
    out.query.emplace_back(parameter.key, parameter.value);
  }
  out.host = field("Host");
  out.origin = field("Origin");
  out.fetch_site = field("Sec-Fetch-Site");
  out.authorization = field("Authorization");
  out.content_type = field("Content-Type");
  out.request_id = field("X-Request-Id");
  out.last_event_id = field("Last-Event-ID");
  out.body = message.body();
  out.peer = peer_;
  out.peer_loopback = peer_loopback_;
  return out;
}

void Session::write(AdminResponse answer, bool keep_alive, bool head) {
  ++read_round_;  // a deadline that is just firing must not hit the answer
  read_deadline_.cancel();
  response_ = {};
  response_.version(11);
  response_.result(answer.status);
  response_.set(http::field::server, "homeostat");
  response_.set(http::field::content_type, answer.content_type);
  response_.set(http::field::cache_control, "no-store");
  response_.set("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : answer.headers) response_.set(name, value);
  response_.keep_alive(keep_alive);
  response_.content_length(answer.body.size());
  if (!head) response_.body() = std::move(answer.body);
  writing_ = true;
  stream_.expires_after(server_->timeouts.write);
  http::async_write(stream_, response_, [self = shared_from_this()](ErrorCode error, std::size_t) {
    self->on_written(error);
  });
}

void Session::on_written(ErrorCode error) {
  writing_ = false;
  if (error == beast::error::timeout) count(server_->counters.timeouts);
  if (error) return close();
  if (response_.keep_alive()) return wait_for_request();
  ErrorCode ignored;
  stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
  stream_.expires_after(linger_time);
  linger();
}

/// Reads what the client still sends, a little, because closing a socket with
/// unread bytes resets the connection and may destroy the answer on its way.
void Session::linger() {
  if (server_->stopping || lingered_bytes_ > linger_bytes_max) return close();
  buffer_.clear();
  stream_.async_read_some(buffer_.prepare(read_size),
                          [self = shared_from_this()](ErrorCode error, std::size_t bytes) {
                            if (error) return self->close();
                            self->lingered_bytes_ += bytes;
                            self->linger();
                          });
}

void Session::close() {
  large_body_.reset();
  ++read_round_;
  read_deadline_.cancel();
  stream_.close();
}

}  // namespace homeostat::admin
