// How a ClientConnection ends: by its client, by a deadline, by the agent's drain.
#include <utility>

#include "runtime/proxy/client_connection.hpp"
#include "runtime/proxy/local_response.hpp"
#include "runtime/proxy/worker.hpp"

namespace homeostat::proxy {
namespace {

constexpr std::size_t linger_bytes_max = 256 * 1024;
constexpr std::chrono::seconds linger_time{2};

}  // namespace

bool ClientConnection::client_left() {
  switch (stream.peek()) {
    case IoStatus::would_block: watch_client(); return false;
    case IoStatus::ok:  // of the body, or pipelined: to be read in its turn
      if (stream.peer_ended()) return true;
      stream.arm_next_event();
      return false;
    default: return true;
  }
}

void ClientConnection::on_deadline() {
  const Ref<ClientConnection> keep(this);
  switch (state_) {
    case State::reading:
      if (!head_started_ || !request_) {
        idle_too_long();
        return;
      }
      worker_.counters().header_timeouts.fetch_add(1, std::memory_order_relaxed);
      reject_head({408, "the request header did not arrive in time"});
      return;
    case State::serving: exchange_deadline(); return;
    default: close();
  }
}

void ClientConnection::linger() {
  // Closing with unread bytes would send RST and may destroy the response on
  // its way (RFC 9112 section 9.6): announce the end, read for a while, close.
  state_ = State::lingering;
  worker_.take_back(std::move(request_));
  body_in_.reset();
  stream.shutdown_send();
  worker_.wheel().arm(*this, worker_.now() + linger_time);
  drain_input();
}

void ClientConnection::drain_input() {
  char sink[4096];
  for (;;) {
    const IoResult result = stream.read(sink);
    if (result.status == IoStatus::would_block) {
      stream.arm_readable();
      return;
    }
    lingered_ += result.bytes;
    if (result.status != IoStatus::ok || lingered_ > linger_bytes_max) {
      close();
      return;
    }
  }
}

/// A request that came in this moment is served all the same.
void ClientConnection::idle_too_long() {
  if (stream.peek() == IoStatus::ok) {
    read_request();
  } else {
    close();
  }
}

void ClientConnection::drain() {
  const Ref<ClientConnection> keep(this);
  const bool buffered = request_ && !request_->in.empty();
  if (state_ == State::reading && !head_started_ && !buffered) wait_for_last_request();
}

/// A client that was busy until now sends its next request before it can learn of the
/// drain: it gets time for one more, whose response says that the connection closes.
void ClientConnection::wait_for_last_request() {
  const Instant last = idle_since_ + worker_.config()->server().drain_grace;
  if (worker_.now() < last) {
    worker_.wheel().arm(*this, last);
  } else {
    idle_too_long();
  }
}

Instant ClientConnection::idle_since() const noexcept {
  const bool begun = head_started_ || (request_ && !request_->in.empty());
  return state_ == State::reading && !begun ? idle_since_ : Instant::max();
}

bool ClientConnection::give_way() {
  if (stream.peek() == IoStatus::ok) return false;
  close();
  return true;
}

void ClientConnection::close() {
  if (state_ == State::closed) return;
  const Ref<ClientConnection> keep(this);
  const bool was_serving = state_ == State::serving;
  state_ = State::closed;
  worker_.place_free();
  worker_.wheel().disarm(*this);
  disarm_request_deadline();
  if (was_serving && exchange_) {
    const Ref<Exchange> ending = std::move(exchange_);
    ending->on_client_gone();
  }
  exchange_.reset();
  body_in_.reset();
  if (request_) worker_.take_back(std::move(request_));
  stream.close();
}

}  // namespace homeostat::proxy
