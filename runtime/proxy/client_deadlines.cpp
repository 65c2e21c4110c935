// The deadlines of the request that a ClientConnection serves.
#include <algorithm>
#include <utility>

#include "runtime/proxy/client_connection.hpp"
#include "runtime/proxy/worker.hpp"

namespace homeostat::proxy {

void ClientConnection::arm_wheel() {
  const Instant earliest = deadlines_.earliest();
  if (earliest == Instant::max()) {
    worker_.wheel().disarm(*this);
  } else {
    worker_.wheel().arm(*this, earliest);
  }
}

void ClientConnection::arm_deadline(ClientWait wait, Duration after) {
  deadlines_.set(wait, worker_.now() + after);
  arm_wheel();
}

void ClientConnection::disarm_deadline(ClientWait wait) {
  if (!deadlines_.armed(wait)) return;
  deadlines_.clear(wait);
  arm_wheel();
}

void ClientConnection::arm_request_deadline() {
  const std::optional<Instant>& deadline = request_->terms.deadline;
  if (!deadline) return;
  const Duration left = std::max(*deadline - worker_.now(), Duration::zero());
  // The gate has counted it already.
  const bool shadow = request_->config->admission().mode() == config::LoopMode::shadow;
  if (shadow && left == Duration::zero()) return;
  if (!deadline_timer_) {
    deadline_timer_ =
        std::make_unique<boost::asio::basic_waitable_timer<std::chrono::steady_clock>>(
            worker_.context());
  }
  deadline_armed_ = true;
  deadline_timer_->expires_after(left);
  deadline_timer_->async_wait([keep = Ref<ClientConnection>(this),
                               turn = ++deadline_turn_](const boost::system::error_code& error) {
    if (!error && keep->deadline_turn_ == turn) keep->request_deadline();
  });
}

void ClientConnection::disarm_request_deadline() {
  if (!std::exchange(deadline_armed_, false)) return;
  ++deadline_turn_;
  deadline_timer_->cancel();
}

void ClientConnection::request_deadline() {
  deadline_armed_ = false;
  if (state_ != State::serving) return;
  if (request_->config->admission().mode() == config::LoopMode::shadow) {
    worker_.gate().deadline_passed(request_->priority_class);
    return;
  }
  const Ref<Exchange> exchange = exchange_;
  if (exchange) exchange->on_client_deadline(ClientWait::deadline);
}

void ClientConnection::await_room() {
  stream.arm_writable();
  if (send_pace_.waiting()) return;
  const Instant now = worker_.now();
  if (send_pace_.waited(now) == Duration::zero()) send_pace_.restart(now, stream.bytes_taken());
  send_pace_.begin(now);
  const Duration left = request_->config->server().write_timeout - send_pace_.waited(now);
  arm_deadline(ClientWait::send, std::max(left, Duration::zero()));
}

void ClientConnection::all_sent() {
  if (!send_pace_.waiting()) return;
  send_pace_.end(worker_.now());
  disarm_deadline(ClientWait::send);
}

void ClientConnection::exchange_deadline() {
  const Instant now = worker_.now();
  const ClientWait due = deadlines_.take_due(now);
  if (due == ClientWait::count_) {
    arm_wheel();
    return;
  }
  const config::ServerSettings& server = request_->config->server();
  if (due == ClientWait::send) {
    // The kernel reports room only in large steps: ask what the client took.
    const std::uint64_t taken = stream.bytes_taken();
    if (send_pace_.keeps_up(now, taken, server.send_rate_min)) {
      send_pace_.restart(now, taken);
      arm_deadline(ClientWait::send, server.write_timeout);
      return;
    }
  }
  arm_wheel();  // for the others, should the exchange go on
  const Ref<Exchange> exchange = exchange_;
  if (exchange) exchange->on_client_deadline(due);
}

}  // namespace homeostat::proxy
