#include "runtime/redis/connection.hpp"

#include <algorithm>
#include <utility>

#include "runtime/redis/command.hpp"

namespace homeostat::redis {

std::shared_ptr<Connection> Connection::make(boost::asio::io_context& context, const Clock& clock,
                                             ConnectionOptions options, CallCounters& counters) {
  return std::make_shared<Connection>(Token{}, context, clock, std::move(options), counters);
}

Connection::Connection(Token, boost::asio::io_context& context, const Clock& clock,
                       ConnectionOptions options, CallCounters& counters)
    : clock_(clock),
      options_(std::move(options)),
      counters_(counters),
      transport_(context, options_.tls),
      timer_(context),
      replies_(ReplyReader::Bounds{}) {}

// -- setting up -------------------------------------------------------------------

void Connection::start(Events events) {
  events_ = std::move(events);
  state_ = State::connecting;
  set_up_until_ = clock_.now() + options_.connect_timeout;
  arm_timer(set_up_until_);
  transport_.connect(
      options_.address, options_.connect_timeout,
      [self = shared_from_this()](boost::system::error_code error) { self->connected(error); });
}

void Connection::connected(boost::system::error_code error) {
  if (state_ != State::connecting) return;
  if (error) {
    end("cannot connect: " + error.message());
    return;
  }
  heard_ = clock_.now();
  read();
  set_up();
}

void Connection::set_up() {
  if (!options_.password.empty() && options_.user.empty()) {
    set_up_with(make_command({"AUTH", options_.password}), "AUTH");
  } else if (!options_.password.empty()) {
    set_up_with(make_command({"AUTH", options_.user, options_.password}), "AUTH");
  }
  if (options_.database != 0) {
    set_up_with(make_command({"SELECT", std::to_string(options_.database)}), "SELECT");
  }
  enqueue(make_command({"PING"}), options_.connect_timeout, [this](CallResult result) {
    if (state_ != State::connecting || result.error != CallError::none) return;
    // MISCONF: its disk is full, or the like. It takes no writes, but answers reads.
    if (!result.ok() && !result.reply.is_error("MISCONF")) {
      end("refused: " + excerpt(result.reply.text));
      return;
    }
    became_ready();
  });
}

/// Of an error only its code: some servers repeat the arguments, the password among them.
void Connection::set_up_with(std::string command, const char* what) {
  enqueue(std::move(command), options_.connect_timeout, [this, what](CallResult result) {
    if (state_ != State::connecting || result.error != CallError::none || result.ok()) return;
    end(std::string(what) +
        " refused: " + excerpt(result.reply.text.substr(0, result.reply.text.find(' '))));
  });
}

void Connection::became_ready() {
  state_ = State::ready;
  CallCounters::add(counters_.connections);
  if (events_.ready) events_.ready();
}

// -- calls ------------------------------------------------------------------------

CallError Connection::call(std::string command, Duration timeout, Callback callback) {
  if (state_ != State::ready) return CallError::unavailable;
  if (pending_.size() >= options_.calls_max ||
      waiting_.size() + command.size() > options_.queue_bytes_max) {
    return CallError::overloaded;
  }
  CallCounters::add(counters_.calls);
  enqueue(std::move(command), timeout, std::move(callback));
  return CallError::none;
}

void Connection::enqueue(std::string command, Duration timeout, Callback callback) {
  const Instant now = clock_.now();
  if (pending_.empty()) heard_ = now;
  pending_.push_back({now, now + timeout, std::move(callback)});
  if (waiting_.empty()) {
    waiting_ = std::move(command);
  } else {
    waiting_ += command;
  }
  arm_timer(now + timeout);
  write();
}

void Connection::write() {
  if (write_under_way_ || waiting_.empty()) return;
  write_under_way_ = true;
  writing_ = std::exchange(waiting_, {});
  transport_.write(boost::asio::buffer(writing_),
                   [self = shared_from_this()](boost::system::error_code error, std::size_t bytes) {
                     self->write_under_way_ = false;
                     self->writing_.clear();
                     CallCounters::add(self->counters_.bytes_sent, bytes);
                     if (self->state_ == State::closed) return;
                     if (error) {
                       self->end("cannot send: " + error.message());
                       return;
                     }
                     self->write();
                   });
}

void Connection::read() {
  transport_.read_some(
      boost::asio::buffer(buffer_),
      [self = shared_from_this()](boost::system::error_code error, std::size_t bytes) {
        if (self->state_ == State::closed) return;
        if (error) {
          self->end("closed: " + error.message());
          return;
        }
        self->received(bytes);
      });
}

void Connection::received(std::size_t bytes) {
  CallCounters::add(counters_.bytes_received, bytes);
  heard_ = clock_.now();
  replies_.feed({buffer_.data(), bytes});
  while (std::optional<Reply> reply = replies_.next()) {
    deliver(std::move(*reply));
    if (state_ == State::closed) return;
  }
  if (replies_.broken()) {
    CallCounters::add(counters_.protocol_errors);
    end("not the protocol of Redis: " + replies_.error());
    return;
  }
  read();
}

void Connection::deliver(Reply reply) {
  if (pending_.empty()) {
    CallCounters::add(counters_.protocol_errors);
    // E.g. "-ERR max number of clients reached", before anything was asked.
    end("an unexpected reply: " + excerpt(reply.text));
    return;
  }
  Pending call = std::move(pending_.front());
  pending_.pop_front();
  if (!call.callback) return;  // answered with `timeout` long ago
  const bool refused = reply.is(Reply::Type::error);
  const ErrorCode code = refused ? error_code_of(reply.text) : ErrorCode::other;
  if (refused) counters_.count(code);
  if (state_ == State::ready && events_.outcome) events_.outcome(CallError::none, call.made);
  call.callback({CallError::none, std::move(reply)});
  // Who it was has been forgotten (a server put in its place, RESET): only a new one logs in.
  if (code == ErrorCode::no_auth && state_ == State::ready) end("refused: NOAUTH");
}

// -- time -------------------------------------------------------------------------

void Connection::arm_timer(Instant deadline) {
  if (timer_at_ != Instant{} && timer_at_ <= deadline) return;
  timer_at_ = deadline;
  timer_.expires_at(deadline);
  timer_.async_wait([self = weak_from_this(), deadline](boost::system::error_code error) {
    const std::shared_ptr<Connection> connection = self.lock();
    if (error || !connection || connection->timer_at_ != deadline) return;
    connection->timer_at_ = {};
    if (connection->state_ != State::closed) connection->check_deadlines();
  });
}

void Connection::check_deadlines() {
  const Instant now = clock_.now();
  if (state_ == State::connecting) {
    if (now >= set_up_until_) {
      end("not ready in time");
    } else {
      arm_timer(set_up_until_);
    }
    return;
  }
  Instant next = Instant::max();
  std::vector<Pending> late;
  for (Pending& call : pending_) {
    if (call.callback && call.deadline <= now) {
      late.push_back({call.made, call.deadline, std::exchange(call.callback, nullptr)});
    } else if (call.callback) {
      next = std::min(next, call.deadline);
    }
  }
  // The oldest may be one that is allowed to take long: its own deadline counts.
  if (!pending_.empty()) {
    const Instant due = std::max(heard_ + options_.stall_max, pending_.front().deadline);
    if (now >= due) {
      pending_.front().callback = nullptr;
      for (const Pending& call : late) {
        CallCounters::add(counters_.timeouts);
        call.callback({CallError::timeout, {}});
      }
      if (state_ != State::closed) end("it answers nobody");
      return;
    }
    next = std::min(next, due);
  }
  if (next != Instant::max()) arm_timer(next);
  for (const Pending& call : late) {
    if (state_ == State::closed) return;
    CallCounters::add(counters_.timeouts);
    if (events_.outcome) events_.outcome(CallError::timeout, call.made);
    call.callback({CallError::timeout, {}});
  }
}

// -- the end ----------------------------------------------------------------------

void Connection::end(const std::string& reason) {
  if (state_ == State::closed) return;
  const std::shared_ptr<Connection> keep = shared_from_this();
  const bool was_ready = state_ == State::ready;
  const Events events = std::exchange(events_, {});
  std::deque<Pending> unanswered = std::exchange(pending_, {});
  close();
  CallCounters::add(was_ready ? counters_.disconnections : counters_.connection_failures);
  if (events.ended) events.ended(reason);
  for (Pending& call : unanswered) {
    if (!call.callback) continue;
    if (was_ready) CallCounters::add(counters_.lost);
    call.callback({CallError::disconnected, {}});
  }
}

void Connection::close() noexcept {
  state_ = State::closed;  // events_ may be running: they stay until the end
  timer_.cancel();
  transport_.close();
  pending_.clear();
  waiting_.clear();
}

}  // namespace homeostat::redis
