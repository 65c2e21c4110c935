#include "runtime/redis/sentinel_client.hpp"

#include <boost/asio/post.hpp>
#include <charconv>
#include <utility>

#include "runtime/redis/command.hpp"

namespace homeostat::redis {
namespace {

template <class Number>
bool read_number(std::string_view text, Number& number) {
  return std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc{};
}

/// [host, port], as SENTINEL GET-MASTER-ADDR-BY-NAME answers.
bool read_address(const CallResult& result, config::Address& address) {
  const Reply& reply = result.reply;
  if (!result.ok() || !reply.is(Reply::Type::array) || reply.elements.size() != 2) return false;
  address.host = reply.elements[0].text;
  return !address.host.empty() && read_number(reply.elements[1].text, address.port) &&
         address.port != 0;
}

/// Of [name, value, ...], as SENTINEL MASTER answers. The address beside it is the old one until
/// a failover is over.
bool read_epoch(const CallResult& result, std::uint64_t& epoch) {
  if (!result.ok() || !result.reply.is(Reply::Type::array)) return false;
  const std::vector<Reply>& fields = result.reply.elements;
  for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
    if (fields[i].text == "config-epoch") return read_number(fields[i + 1].text, epoch);
  }
  return false;
}

}  // namespace

SentinelClient::SentinelClient(boost::asio::io_context& context, const Clock& clock,
                               ClientOptions options, CallCounters& counters)
    : context_(context),
      clock_(clock),
      options_(std::move(options)),
      counters_(counters),
      timer_(context),
      again_(look_soon, look_soon_max, options_.seed) {}

SentinelClient::~SentinelClient() { stop(); }

void SentinelClient::start() {
  stopped_ = false;
  ask();
}

void SentinelClient::stop() noexcept {
  stopped_ = true;
  timer_.cancel();
  if (sentinel_) sentinel_->close();
  sentinel_.reset();
  if (master_) master_->stop();
}

bool SentinelClient::up() const noexcept { return is_master_ && master_ && master_->up(); }

std::string SentinelClient::trouble() const { return up() ? std::string() : trouble_; }

CallError SentinelClient::call(std::string_view, std::string command, Duration timeout,
                               Callback callback) {
  if (!up()) {
    CallCounters::add(counters_.refused);
    return CallError::unavailable;
  }
  return master_->call(
      std::move(command), timeout, [this, callback = std::move(callback)](CallResult result) {
        // A master that was made a replica: the sentinels know better.
        if (!stopped_ && result.error == CallError::none && result.reply.of_replica()) {
          is_master_ = false;
          tell(false, "the server is no master any more");
          arm(Duration::zero());
        }
        callback(std::move(result));
      });
}

void SentinelClient::call_each(const std::string& command, Duration timeout,
                               std::function<void(std::vector<CallResult>)> done) {
  const CallError refused = call({}, command, timeout, [done](CallResult result) {
    std::vector<CallResult> results;
    results.push_back(std::move(result));
    done(std::move(results));
  });
  if (refused != CallError::none) boost::asio::post(context_, [done] { done({}); });
}

// -- asking the sentinels ---------------------------------------------------------

void SentinelClient::arm(Duration wait) {
  if (stopped_) return;
  timer_.expires_after(wait);
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error && !stopped_) ask();
  });
}

void SentinelClient::ask() {
  if (asking_) return;
  asking_ = true;
  asked_ = 0;
  best_.reset();
  sentinels_trouble_.clear();
  ask_next();
}

void SentinelClient::ask_next() {
  const std::size_t count = options_.settings.servers.size();
  if (asked_ == count) return asked_all();
  const config::RedisServer& server = options_.settings.servers[(first_ + asked_++) % count];
  ConnectionOptions connection;
  connection.address = server.address;
  connection.user = options_.settings.sentinel_user;
  connection.password = options_.settings.sentinel_password;
  connection.tls = server.tls ? options_.tls : nullptr;
  connection.connect_timeout = options_.settings.connect_timeout;
  sentinel_ = Connection::make(context_, clock_, connection, counters_);
  Connection::Events events;
  events.ended = [this](const std::string& reason) {
    sentinels_trouble_ = reason;
    // Posted: a question on its way is told first, and counts as asked.
    boost::asio::post(context_,
                      [this, alive = std::weak_ptr(alive_), ended = std::weak_ptr(sentinel_)] {
                        if (!alive.expired() && sentinel_ && ended.lock() == sentinel_)
                          asked({}, {});
                      });
  };
  events.ready = [this] {
    const auto where = std::make_shared<CallResult>();
    const auto ask = [this](const char* what, Callback answered) {
      return sentinel_->call(make_command({"SENTINEL", what, options_.settings.master}),
                             options_.settings.connect_timeout, std::move(answered));
    };
    CallError refused =
        ask("GET-MASTER-ADDR-BY-NAME", [where](CallResult result) { *where = std::move(result); });
    if (refused == CallError::none) {
      refused = ask("MASTER", [this, where](const CallResult& result) {
        if (result.error != CallError::disconnected) asked(*where, result);
      });
    }
    if (refused != CallError::none) asked({}, {});
  };
  sentinel_->start(std::move(events));
}

void SentinelClient::asked(const CallResult& where, const CallResult& state) {
  if (stopped_ || !sentinel_) return;
  sentinel_->close();
  sentinel_.reset();
  SentinelAnswer answer;
  answer.sentinel = (first_ + asked_ - 1) % options_.settings.servers.size();
  const bool whole = read_address(where, answer.master) && read_epoch(state, answer.epoch);
  const CallResult& refused = where.ok() ? state : where;
  if (refused.reply.is(Reply::Type::error)) sentinels_trouble_ = excerpt(refused.reply.text);
  if (whole && (!best_ || answer.epoch > best_->epoch)) {
    best_ = std::move(answer);
    if (!up()) follow(best_->master);
  }
  ask_next();
}

void SentinelClient::asked_all() {
  asking_ = false;
  if (best_) {
    first_ = best_->sentinel;  // one that is dead costs a timeout before another is asked
    follow(best_->master);
  } else if (!up()) {
    tell(false, "no sentinel names a master called " + options_.settings.master +
                    (sentinels_trouble_.empty() ? "" : ": " + sentinels_trouble_));
  }
  arm(up() ? again_.jittered(options_.look_again) : again_.next());
}

// -- following the master ---------------------------------------------------------

void SentinelClient::follow(const config::Address& master) {
  if (master_ && master_->address() == master) {
    if (master_->up() && !is_master_) check_role();
    return;
  }
  is_master_ = false;
  // Its last callback may be on the stack.
  if (const std::shared_ptr<Node> old = std::move(master_)) {
    old->retire();
    boost::asio::post(context_, [old] {});
  }
  master_ = std::make_unique<Node>(
      context_, clock_, node_options(options_, master), counters_, options_.seed,
      Node::Events{[this](bool up, const std::string& reason) { master_changed(up, reason); }});
  master_->start();
}

void SentinelClient::master_changed(bool up, const std::string& reason) {
  if (up) {
    check_role();
    return;
  }
  const bool lost = std::exchange(is_master_, false);
  tell(false, reason);
  if (lost) arm(again_.next());  // else they are asked already
}

void SentinelClient::check_role() {
  const auto accept = [this](CallResult result) {
    if (stopped_) return;
    const Reply& role = result.reply;
    is_master_ = result.ok() && role.is(Reply::Type::array) && !role.elements.empty() &&
                 role.elements.front().text == "master";
    if (is_master_) again_.reset();
    tell(is_master_, is_master_ ? std::string() : "the server is no master");
  };
  static_cast<void>(
      master_->call(make_command({"ROLE"}), options_.settings.connect_timeout, accept));
}

void SentinelClient::tell(bool up, const std::string& reason) {
  if (!up) trouble_ = reason;
  if (std::exchange(was_up_, up) == up && up) return;
  if (options_.changed) options_.changed(up, reason);
}

}  // namespace homeostat::redis
