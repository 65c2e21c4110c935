#include "runtime/redis/sentinel_client.hpp"

#include <boost/asio/post.hpp>
#include <charconv>
#include <utility>

#include "runtime/redis/command.hpp"

namespace homeostat::redis {
namespace {

/// [host, port], as SENTINEL GET-MASTER-ADDR-BY-NAME answers.
bool read_address(const Reply& reply, config::Address& address) {
  if (!reply.is(Reply::Type::array) || reply.elements.size() != 2) return false;
  const std::string& port = reply.elements[1].text;
  address.host = reply.elements[0].text;
  const auto parsed = std::from_chars(port.data(), port.data() + port.size(), address.port);
  return !address.host.empty() && parsed.ec == std::errc{} && address.port != 0;
}

}  // namespace

SentinelClient::SentinelClient(boost::asio::io_context& context, const Clock& clock,
                               ClientOptions options, CallCounters& counters)
    : context_(context),
      clock_(clock),
      options_(std::move(options)),
      counters_(counters),
      timer_(context) {}

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
        if (!stopped_ && result.error == CallError::none && result.reply.is_error("READONLY")) {
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
  ask_next();
}

void SentinelClient::ask_next() {
  const std::size_t count = options_.settings.servers.size();
  if (asked_++ == count) {
    asking_ = false;
    if (!up()) trouble_ = "no sentinel names a master called " + options_.settings.master;
    arm(up() ? look_again : look_soon);
    return;
  }
  const std::size_t index = next_ % count;
  const config::RedisServer& server = options_.settings.servers[index];
  ConnectionOptions connection;
  connection.address = server.address;
  connection.password = options_.settings.sentinel_password;
  connection.tls = server.tls ? options_.tls : nullptr;
  connection.connect_timeout = options_.settings.connect_timeout;
  sentinel_ = Connection::make(context_, clock_, connection, counters_);
  Connection::Events events;
  events.ended = [this, index](const std::string&) {
    // Posted: a question on its way is told first, and counts as asked.
    boost::asio::post(
        context_, [this, index, alive = std::weak_ptr(alive_), ended = std::weak_ptr(sentinel_)] {
          if (!alive.expired() && sentinel_ && ended.lock() == sentinel_) asked(index, {});
        });
  };
  events.ready = [this, index] {
    const CallError refused = sentinel_->call(
        make_command({"SENTINEL", "GET-MASTER-ADDR-BY-NAME", options_.settings.master}),
        options_.settings.connect_timeout, [this, index](CallResult result) {
          if (result.error != CallError::disconnected) asked(index, result);
        });
    if (refused != CallError::none) asked(index, {});
  };
  sentinel_->start(std::move(events));
}

void SentinelClient::asked(std::size_t sentinel, const CallResult& result) {
  if (stopped_ || !sentinel_) return;
  sentinel_->close();
  sentinel_.reset();
  config::Address master;
  if (result.ok() && read_address(result.reply, master)) {
    next_ = sentinel;
    asking_ = false;
    follow(std::move(master));
    arm(up() ? look_again : look_soon);
    return;
  }
  next_ = sentinel + 1;
  ask_next();
}

// -- following the master ---------------------------------------------------------

void SentinelClient::follow(config::Address master) {
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
  is_master_ = false;
  tell(false, reason);
  arm(look_soon);
}

void SentinelClient::check_role() {
  const auto accept = [this](CallResult result) {
    if (stopped_) return;
    const Reply& role = result.reply;
    is_master_ = result.ok() && role.is(Reply::Type::array) && !role.elements.empty() &&
                 role.elements.front().text == "master";
    tell(is_master_, is_master_ ? std::string() : "the server is no master");
    if (!is_master_) arm(look_soon);
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
