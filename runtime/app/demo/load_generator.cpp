#include "runtime/app/demo/load_generator.hpp"

#include <algorithm>
#include <boost/asio/ip/address_v4.hpp>
#include <chrono>
#include <utility>

namespace homeostat::demo {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr std::size_t receive_bytes = 128 * 1024;
/// How often deadlines are looked at when no request is due.
constexpr std::chrono::milliseconds sweep_interval{5};

Outcome outcome_of(unsigned status, Duration latency) {
  if (status == 503 || status == 429) return Outcome::rejected;
  return status >= 200 && status < 300 && latency <= client_patience ? Outcome::good
                                                                     : Outcome::failed;
}

}  // namespace

LoadGenerator::LoadGenerator(asio::io_context& context, Clock& clock, const Plan& plan,
                             const Options& options)
    : context_(context),
      clock_(clock),
      options_(options),
      schedule_(plan, options.seed),
      statistics_(plan),
      server_(asio::ip::address_v4::loopback(), options.port),
      timer_(context),
      buffer_(receive_bytes) {}

LoadGenerator::~LoadGenerator() {
  for (const auto& connection : connections_) connection->abandon();
}

void LoadGenerator::start(std::function<void()> done) {
  done_ = std::move(done);
  start_ = clock_.now();
  next_ = schedule_.next();
  wait();
}

LoadGenerator::Progress LoadGenerator::take_progress() {
  return std::exchange(progress_, Progress{});
}

Duration LoadGenerator::elapsed() const { return clock_.now() - start_; }

void LoadGenerator::wait() {
  if (!next_ && deadlines_.empty()) {
    if (done_) std::exchange(done_, {})();
    return;
  }
  const Instant sweep = clock_.now() + sweep_interval;
  timer_.expires_at(next_ ? std::min(start_ + next_->at, sweep) : sweep);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) on_timer();
  });
}

void LoadGenerator::on_timer() {
  const Instant now = clock_.now();
  while (next_ && start_ + next_->at <= now) {
    statistics_.note_lag(now - (start_ + next_->at));
    dispatch(*next_);
    next_ = schedule_.next();
  }
  expire(now);
  wait();
}

void LoadGenerator::dispatch(const Arrival& arrival) {
  std::shared_ptr<LoadConnection> connection;
  if (!idle_.empty()) {
    connection = std::move(idle_.back());
    idle_.pop_back();
  } else if (connections_.size() < options_.connections_max) {
    LoadListener& listener = *this;  // a private base is no secret here
    connection = std::make_shared<LoadConnection>(context_, listener);
    connections_.insert(connection);
  } else {
    return book(arrival, Outcome::failed);
  }
  connection->send(server_, arrival);
  deadlines_.push_back({start_ + arrival.at + client_patience, connection, connection->round()});
}

/// Deadlines are in order because all clients are equally patient.
void LoadGenerator::expire(Instant now) {
  while (!deadlines_.empty()) {
    const Deadline& deadline = deadlines_.front();
    const auto connection = deadline.connection.lock();
    const bool open = connection && connection->busy() && connection->round() == deadline.round;
    if (open && deadline.at > now) return;
    if (open) {
      book(connection->arrival(), Outcome::failed);
      connection->abandon();
      drop(*connection);
    }
    deadlines_.pop_front();
  }
}

void LoadGenerator::finished(LoadConnection& connection, unsigned status, bool reusable) {
  const Duration latency = clock_.now() - (start_ + connection.arrival().at);
  book(connection.arrival(), outcome_of(status, latency));
  if (reusable) {
    idle_.push_back(connection.shared_from_this());
  } else {
    drop(connection);
  }
}

void LoadGenerator::closed(LoadConnection& connection) {
  if (connection.busy()) book(connection.arrival(), Outcome::failed);
  drop(connection);
}

void LoadGenerator::book(const Arrival& arrival, Outcome outcome) {
  const Duration latency = clock_.now() - (start_ + arrival.at);
  statistics_.record(arrival, outcome, latency);
  progress_.tally.add(outcome);
  if (outcome != Outcome::good) return;
  const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(latency).count();
  progress_.good_latency.record(static_cast<std::uint64_t>(std::max<std::int64_t>(0, nanoseconds)));
}

void LoadGenerator::drop(LoadConnection& connection) {
  const auto self = connection.shared_from_this();
  connections_.erase(self);
  const auto found = std::find(idle_.begin(), idle_.end(), self);
  if (found != idle_.end()) idle_.erase(found);
}

}  // namespace homeostat::demo
