#include "runtime/redis/cluster_client.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <charconv>
#include <utility>

#include "config/settings/address_text.hpp"
#include "runtime/redis/command.hpp"
#include "runtime/redis/slot.hpp"

namespace homeostat::redis {
namespace {

/// Redis writes nothing, or "?", for a host it does not know: then it is its own.
std::string host_of(std::string_view text, const Node& from) {
  return text.empty() || text == "?" ? from.address().host : std::string(text);
}

/// "host:port" or "[v6]:port" without brackets, as Redis writes it: the last colon
/// counts.
bool read_address(std::string_view text, const Node& from, config::Address& address) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return false;
  const std::string_view port = text.substr(colon + 1);
  address.host = host_of(text.substr(0, colon), from);
  const auto parsed = std::from_chars(port.data(), port.data() + port.size(), address.port);
  return parsed.ec == std::errc{} && address.port != 0;
}

/// [first, last, [host, port, ...], ...] of CLUSTER SLOTS.
bool read_range(const Reply& row, const Node& from, std::size_t& first, std::size_t& last,
                config::Address& master) {
  if (!row.is(Reply::Type::array) || row.elements.size() < 3) return false;
  const Reply& node = row.elements[2];
  if (!node.is(Reply::Type::array) || node.elements.size() < 2) return false;
  const std::int64_t low = row.elements[0].integer, high = row.elements[1].integer;
  const std::int64_t port = node.elements[1].integer;
  if (low < 0 || high < low || high >= static_cast<std::int64_t>(slot_count)) return false;
  if (port <= 0 || port > 65535) return false;
  first = static_cast<std::size_t>(low);
  last = static_cast<std::size_t>(high);
  master.host = host_of(node.elements[0].text, from);
  master.port = static_cast<std::uint16_t>(port);
  return true;
}

}  // namespace

ClusterClient::ClusterClient(boost::asio::io_context& context, const Clock& clock,
                             ClientOptions options, CallCounters& counters)
    : context_(context),
      clock_(clock),
      options_(std::move(options)),
      counters_(counters),
      timer_(context),
      owners_(slot_count, nullptr) {}

ClusterClient::~ClusterClient() { stop(); }

void ClusterClient::start() {
  stopped_ = false;
  for (const config::RedisServer& seed : options_.settings.servers) node_at(seed.address);
  arm(look_again);
}

void ClusterClient::stop() noexcept {
  stopped_ = true;
  timer_.cancel();
  for (const auto& [name, node] : nodes_) node->stop();
}

std::vector<Node*> ClusterClient::masters() const {
  std::vector<Node*> all;
  for (Node* node : owners_) {
    if (node != nullptr && (all.empty() || all.back() != node)) all.push_back(node);
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

bool ClusterClient::up() const noexcept {
  if (!mapped_) return false;
  return std::any_of(nodes_.begin(), nodes_.end(),
                     [](const auto& entry) { return entry.second->up(); });
}

std::string ClusterClient::trouble() const {
  if (up()) return {};
  std::string text = mapped_ ? "no server is up" : "the map of slots is not known";
  for (const auto& [name, node] : nodes_) text += "; " + name + ": " + node->trouble();
  return text;
}

// -- calls ------------------------------------------------------------------------

CallError ClusterClient::call(std::string_view key, std::string command, Duration timeout,
                              Callback callback) {
  auto attempt = std::make_shared<Attempt>();
  attempt->slot = slot_of(key);
  Node* owner = owners_[attempt->slot];
  if (owner == nullptr || !owner->up()) {
    CallCounters::add(counters_.refused);
    refresh_soon();
    return CallError::unavailable;
  }
  attempt->command = std::move(command);
  attempt->deadline = clock_.now() + timeout;
  attempt->callback = std::move(callback);
  return send(*owner, attempt, timeout);
}

CallError ClusterClient::send(Node& node, const AttemptPtr& attempt, Duration timeout) {
  return node.call(attempt->command, timeout, [this, &node, attempt](CallResult result) {
    if (!stopped_) answered(node, attempt, std::move(result));
  });
}

void ClusterClient::answered(Node& node, const AttemptPtr& attempt, CallResult result) {
  if (result.error == CallError::none && result.reply.is(Reply::Type::error)) {
    if (result.reply.is_error("MOVED") || result.reply.is_error("ASK")) {
      redirect(node, attempt, std::move(result));
      return;
    }
    if (result.reply.is_error("CLUSTERDOWN") || result.reply.of_replica()) refresh_soon();
  }
  attempt->callback(std::move(result));
}

bool ClusterClient::read_redirect(const Node& from, const std::string& error, Redirect& redirect) {
  const std::size_t first = error.find(' ');
  const std::size_t second = error.find(' ', first + 1);
  if (first == std::string::npos || second == std::string::npos) return false;
  redirect.ask = error.starts_with("ASK");
  return read_address(std::string_view(error).substr(second + 1), from, redirect.address);
}

void ClusterClient::redirect(Node& from, const AttemptPtr& attempt, CallResult result) {
  CallCounters::add(counters_.redirects);
  Redirect target;
  if (!read_redirect(from, result.reply.text, target)) {
    attempt->callback(std::move(result));
    return;
  }
  if (!target.ask) refresh_soon();
  const Duration left = attempt->deadline - clock_.now();
  if (++attempt->redirects > redirects_max) {
    attempt->callback({CallError::redirects, {}});
    return;
  }
  Node* node = node_at(target.address);
  if (node != nullptr) named_[config::to_string(target.address)] = clock_.now();
  if (node != nullptr && !target.ask) owners_[attempt->slot] = node;
  CallError error = node == nullptr || !node->up() ? CallError::unavailable : CallError::none;
  if (error == CallError::none && left <= Duration::zero()) error = CallError::timeout;
  if (error == CallError::none && target.ask) {
    error = node->call(make_command({"ASKING"}), left, [](const CallResult&) {});
  }
  if (error == CallError::none) error = send(*node, attempt, left);
  if (error != CallError::none) attempt->callback({error, {}});
}

std::size_t ClusterClient::unsent(std::string_view key) const {
  const Node* owner = owners_[slot_of(key)];
  return owner != nullptr ? owner->unsent() : 0;
}

void ClusterClient::call_each(const std::string& command, Duration timeout,
                              std::function<void(std::vector<CallResult>)> done) {
  struct Gathered {
    std::vector<CallResult> results;
    std::size_t missing = 0;
    std::function<void(std::vector<CallResult>)> done;
  };
  auto gathered = std::make_shared<Gathered>();
  gathered->done = std::move(done);
  for (Node* node : masters()) {
    const CallError refused = node->call(command, timeout, [gathered](CallResult result) {
      gathered->results.push_back(std::move(result));
      if (--gathered->missing == 0) gathered->done(std::move(gathered->results));
    });
    if (refused == CallError::none) ++gathered->missing;
  }
  if (gathered->missing == 0) boost::asio::post(context_, [gathered] { gathered->done({}); });
}

CallError ClusterClient::call_server(std::size_t index, std::string command, Duration timeout,
                                     Callback callback) {
  std::vector<Node*> all = masters();
  std::sort(all.begin(), all.end(), [](const Node* a, const Node* b) {
    return config::to_string(a->address()) < config::to_string(b->address());
  });
  if (index >= all.size() || !all[index]->up()) {
    CallCounters::add(counters_.refused);
    return CallError::unavailable;
  }
  return all[index]->call(std::move(command), timeout, std::move(callback));
}

// -- servers and the map ----------------------------------------------------------

Node* ClusterClient::node_at(const config::Address& address) {
  std::unique_ptr<Node>& place = nodes_[config::to_string(address)];
  if (!place) {
    if (nodes_.size() > nodes_max) {
      nodes_.erase(config::to_string(address));
      return nullptr;
    }
    place = std::make_unique<Node>(
        context_, clock_, node_options(options_, address), counters_, options_.seed + nodes_.size(),
        Node::Events{[this](bool, const std::string&) { node_changed(); }});
    place->start();
  }
  return place.get();
}

void ClusterClient::node_changed() {
  if (stopped_) return;
  if (mapped_) {
    refresh_soon();
  } else {
    refresh();
  }
  tell();
}

void ClusterClient::tell() {
  const bool now_up = up();
  if (std::exchange(was_up_, now_up) != now_up && options_.changed) {
    options_.changed(now_up, trouble());
  }
}

void ClusterClient::arm(Duration wait) {
  due_ = clock_.now() + wait;
  timer_.expires_after(wait);
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error && !stopped_) refresh();
  });
}

void ClusterClient::refresh_soon() {
  if (!stopped_ && due_ > clock_.now() + look_soon) arm(look_soon);
}

void ClusterClient::refresh() {
  arm(look_again);
  if (refreshing_) return;
  std::vector<Node*> able;
  for (const auto& [name, node] : nodes_) {
    if (node->up()) able.push_back(node.get());
  }
  if (able.empty()) {
    // Whoever is left in the map may be gone for good: begin again.
    for (const config::RedisServer& seed : options_.settings.servers) node_at(seed.address);
    return;
  }
  // In turn: one that is cut off from the others must not have the last word.
  Node& node = *able[turn_++ % able.size()];
  const auto take = [this, &node](CallResult result) {
    refreshing_ = false;
    if (stopped_) return;
    if (result.ok() && result.reply.is(Reply::Type::array)) {
      take_slots(node, result.reply);
    } else {
      refresh_soon();
    }
  };
  // It may have to wait for a call that waits.
  refreshing_ =
      node.call(make_command({"CLUSTER", "SLOTS"}),
                options_.settings.connect_timeout + options_.blocks_max, take) == CallError::none;
  if (!refreshing_) refresh_soon();
}

void ClusterClient::take_slots(const Node& from, const Reply& reply) {
  std::vector<Node*> owners(slot_count, nullptr);
  for (const Reply& row : reply.elements) {
    std::size_t first = 0, last = 0;
    config::Address master;
    if (!read_range(row, from, first, last, master)) continue;
    Node* node = node_at(master);
    std::fill(owners.begin() + static_cast<std::ptrdiff_t>(first),
              owners.begin() + static_cast<std::ptrdiff_t>(last) + 1, node);
  }
  owners_ = std::move(owners);
  mapped_ = true;
  drop_unused();
  tell();
}

void ClusterClient::drop_unused() {
  const std::vector<Node*> used = masters();
  // One that slots are on their way to owns none yet.
  std::erase_if(
      named_, [old = clock_.now() - look_again](const auto& named) { return named.second <= old; });
  std::vector<std::shared_ptr<Node>> unused;
  for (auto entry = nodes_.begin(); entry != nodes_.end();) {
    if (named_.count(entry->first) > 0 ||
        std::binary_search(used.begin(), used.end(), entry->second.get())) {
      ++entry;
    } else {
      unused.push_back(std::move(entry->second));
      entry = nodes_.erase(entry);
    }
  }
  for (const std::shared_ptr<Node>& node : unused) {
    node->retire();
    boost::asio::post(context_, [node] {});  // one of its callbacks may be on the stack
  }
}

}  // namespace homeostat::redis
