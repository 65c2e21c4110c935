#include "runtime/redis/node.hpp"

#include <utility>

#include "runtime/redis/command.hpp"

namespace homeostat::redis {

Node::Node(boost::asio::io_context& context, const Clock& clock, NodeOptions options,
           CallCounters& counters, std::uint64_t seed, Events events)
    : context_(context),
      clock_(clock),
      options_(std::move(options)),
      counters_(counters),
      events_(std::move(events)),
      retry_(options_.retry_min, options_.retry_max, seed),
      retry_timer_(context),
      ping_timer_(context) {}

Node::~Node() { stop(); }

void Node::start() {
  stopped_ = false;
  connect();
}

void Node::stop() noexcept {
  stopped_ = true;
  retry_timer_.cancel();
  ping_timer_.cancel();
  if (connection_) connection_->close();
  connection_.reset();
}

void Node::retire() {
  events_ = {};
  stopped_ = true;
  if (const std::shared_ptr<Connection> last = connection_) last->end("not needed any more");
  stop();
}

bool Node::up() const noexcept { return connection_ && connection_->ready() && !breaker_.open(); }

CallError Node::call(std::string command, Duration timeout, Callback callback) {
  const CallError error = up() ? connection_->call(std::move(command), timeout, std::move(callback))
                               : CallError::unavailable;
  if (error != CallError::none) CallCounters::add(counters_.refused);
  return error;
}

void Node::connect() {
  connection_ = Connection::make(context_, clock_, options_.connection, counters_);
  Connection::Events events;
  events.ready = [this] {
    breaker_.connected();
    ready_at_ = last_answer_ = clock_.now();
    tell({});
    arm_ping();
  };
  events.ended = [this](const std::string& reason) { ended(reason); };
  events.outcome = [this](CallError error, Instant made) { outcome(error, made); };
  connection_->start(std::move(events));
}

void Node::ended(const std::string& reason) {
  breaker_.lost();
  ping_timer_.cancel();
  connection_.reset();
  if (stopped_) return;
  const std::optional<Instant> ready_at = std::exchange(ready_at_, std::nullopt);
  if (ready_at && clock_.now() - *ready_at >= options_.retry_max) retry_.reset();
  retry_timer_.expires_after(retry_.next());
  retry_timer_.async_wait([this](boost::system::error_code error) {
    if (!error && !stopped_ && !connection_) connect();
  });
  tell(reason);
}

void Node::outcome(CallError error, Instant made) {
  const bool was_open = breaker_.open();
  const Instant now = clock_.now();
  if (error == CallError::none) {
    last_answer_ = now;
    breaker_.succeeded();
  } else {
    breaker_.failed(made, now);
  }
  if (breaker_.open() == was_open) return;
  if (breaker_.open()) CallCounters::add(counters_.breaker_openings);
  tell("it does not answer in time");
  arm_ping();
}

/// Who listens may stop this node: nothing of it is touched afterwards.
void Node::tell(const std::string& reason) {
  const bool now_up = up();
  trouble_ = now_up ? std::string() : reason;
  if (std::exchange(was_up_, now_up) == now_up && now_up) return;
  if (events_.changed) events_.changed(now_up, trouble_);
}

void Node::arm_ping() {
  if (stopped_ || (!options_.pinged_when_idle && !breaker_.open())) return;
  // One in trouble is asked more often, so that it is missed for less time.
  const Duration wait = breaker_.open() ? options_.ping_interval / 5 : options_.ping_interval;
  ping_timer_.expires_after(retry_.jittered(wait));
  ping_timer_.async_wait([this](boost::system::error_code error) {
    if (!error && !stopped_) ping();
  });
}

void Node::ping() {
  if (!connection_ || !connection_->ready()) return;
  const bool busy = clock_.now() - last_answer_ < options_.ping_interval / 2;
  if (!busy || breaker_.open()) {
    // What came of it is told by outcome().
    static_cast<void>(
        connection_->call(make_command({"PING"}), options_.ping_timeout, [](const CallResult&) {}));
  }
  arm_ping();
}

}  // namespace homeostat::redis
