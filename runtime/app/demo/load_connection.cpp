#include "runtime/app/demo/load_connection.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <utility>

namespace homeostat::demo {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

LoadConnection::LoadConnection(asio::io_context& context, LoadListener& listener)
    : socket_(context), listener_(listener) {}

void LoadConnection::send(const tcp::endpoint& server, const Arrival& arrival) {
  arrival_ = arrival;
  busy_ = true;
  ++round_;
  request_ = request_bytes(arrival.kind, arrival.item);
  parser_.reset(http::ResponseContext{});
  if (open_) return write();
  socket_.async_connect(server, [self = shared_from_this()](const error_code& error) {
    if (self->ended_) return;
    if (error) return self->fail();
    self->open_ = true;
    error_code ignored;
    self->socket_.set_option(tcp::no_delay(true), ignored);
    self->socket_.non_blocking(true, ignored);
    self->wait_for_answer();
    self->write();
  });
}

void LoadConnection::abandon() {
  ended_ = true;
  busy_ = false;
  // A reset instead of an orderly close: thousands of impatient clients must
  // not use up the machine's ports with connections in TIME_WAIT.
  error_code ignored;
  if (open_) socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);
}

void LoadConnection::write() {
  asio::async_write(socket_, asio::buffer(request_),
                    [self = shared_from_this()](const error_code& error, std::size_t) {
                      if (error && !self->ended_) self->fail();
                    });
}

/// Waits also while idle, so that a connection the server closed is noticed
/// before it is used again.
void LoadConnection::wait_for_answer() {
  socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this()](const error_code& error) {
    if (self->ended_) return;
    if (error) return self->fail();
    self->on_readable();
  });
}

void LoadConnection::on_readable() {
  std::vector<char>& buffer = listener_.receive_buffer();
  error_code error;
  const std::size_t bytes = socket_.read_some(asio::buffer(buffer), error);
  if (error == asio::error::would_block) return wait_for_answer();
  if (error || !busy_) return fail();  // an answer nobody asked for ends it, too
  listener_.received(bytes);
  if (pending_.empty()) {
    parse({buffer.data(), bytes});
  } else {
    pending_.append(buffer.data(), bytes);
    const std::string input = std::exchange(pending_, {});
    parse(input);
  }
  if (!ended_) wait_for_answer();
}

void LoadConnection::parse(std::string_view input) {
  for (;;) {
    const http::ParseStep step = parser_.next(input);
    input.remove_prefix(step.consumed);
    switch (step.event) {
      case http::ParseEvent::need_more: pending_ = input; return;
      case http::ParseEvent::error: return fail();
      case http::ParseEvent::end: {
        const bool reusable = parser_.head().keep_alive && input.empty();
        busy_ = false;
        listener_.finished(*this, parser_.head().status, reusable);
        if (!reusable && !ended_) abandon();
        return;
      }
      default: break;
    }
  }
}

void LoadConnection::fail() {
  const auto self = shared_from_this();  // the listener drops its reference
  if (ended_) return;
  ended_ = true;
  error_code ignored;
  socket_.close(ignored);
  listener_.closed(*this);
  busy_ = false;
}

}  // namespace homeostat::demo
