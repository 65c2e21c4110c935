#include "runtime/redis/client.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "runtime/redis/cluster_client.hpp"
#include "runtime/redis/sentinel_client.hpp"

namespace homeostat::redis {
namespace {

class SingleClient final : public Client {
 public:
  SingleClient(boost::asio::io_context& context, const Clock& clock, const ClientOptions& options,
               CallCounters& counters)
      : context_(context),
        node_(context, clock, node_options(options, options.settings.servers.front().address),
              counters, options.seed, {options.changed}) {}

  void start() override { node_.start(); }
  void stop() noexcept override { node_.stop(); }
  bool up() const noexcept override { return node_.up(); }
  std::string trouble() const override { return node_.trouble(); }

  CallError call(std::string_view, std::string command, Duration timeout,
                 Callback callback) override {
    return node_.call(std::move(command), timeout, std::move(callback));
  }

  std::size_t unsent(std::string_view) const override { return node_.unsent(); }

  void call_each(const std::string& command, Duration timeout,
                 std::function<void(std::vector<CallResult>)> done) override {
    const CallError refused = node_.call(command, timeout, [done](CallResult result) {
      std::vector<CallResult> results;
      results.push_back(std::move(result));
      done(std::move(results));
    });
    if (refused != CallError::none) boost::asio::post(context_, [done] { done({}); });
  }

 private:
  boost::asio::io_context& context_;
  Node node_;
};

}  // namespace

NodeOptions node_options(const ClientOptions& options, const config::Address& address) {
  const config::RedisSettings& settings = options.settings;
  NodeOptions node;
  node.connection.address = address;
  node.connection.user = settings.user;
  node.connection.password = settings.password;
  node.connection.database = settings.servers.front().database;
  node.connection.tls = options.tls;
  node.connection.connect_timeout = settings.connect_timeout;
  node.connection.calls_max = settings.calls_max;
  node.connection.queue_bytes_max = settings.queue_bytes_max;
  node.ping_timeout = std::max<Duration>(settings.timeout, options.answer_max) + options.blocks_max;
  node.pinged_when_idle = options.blocks_max == Duration::zero();
  return node;
}

std::unique_ptr<Client> make_client(boost::asio::io_context& context, const Clock& clock,
                                    ClientOptions options, CallCounters& counters) {
  switch (options.settings.topology) {
    case config::RedisTopology::sentinel:
      return std::make_unique<SentinelClient>(context, clock, std::move(options), counters);
    case config::RedisTopology::cluster:
      return std::make_unique<ClusterClient>(context, clock, std::move(options), counters);
    case config::RedisTopology::single: break;
  }
  return std::make_unique<SingleClient>(context, clock, options, counters);
}

}  // namespace homeostat::redis
