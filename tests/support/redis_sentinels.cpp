#include "tests/support/redis_sentinels.hpp"

#include <signal.h>

#include <stdexcept>

#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// It waits for no further replicas before one gets its data: either may be the master.
std::unique_ptr<RedisServer> server(std::vector<std::string> options = {}) {
  options.insert(options.end(), {"--repl-diskless-sync-delay", "0"});
  return std::make_unique<RedisServer>(std::move(options));
}

}  // namespace

RedisSentinels::RedisSentinels()
    : master_(server()),
      replica_(server({"--replicaof", "127.0.0.1 " + std::to_string(master_->port())})) {
  if (!eventually([this] {
        return has(replica_->run({"INFO", "replication"}), "master_link_status:up");
      })) {
    throw std::runtime_error("the replica is not in step");
  }
  for (int i = 0; i < 3; ++i) add_sentinel();
  for (const std::uint16_t port : ports_) {
    const auto complete = [&] {
      const std::string info = RedisClient(port).run({"INFO", "sentinel"});
      return has(info, "slaves=1") && has(info, "sentinels=3");
    };
    if (!eventually(complete)) throw std::runtime_error("the sentinels do not find each other");
  }
}

RedisSentinels::~RedisSentinels() = default;

void RedisSentinels::add_sentinel() {
  const std::uint16_t port = held_.emplace_back(std::make_unique<HeldPort>())->port();
  const std::string file = directory_.write(
      "sentinel" + std::to_string(port) + ".conf",
      "port " + std::to_string(port) + "\nbind 127.0.0.1\ndir " + directory_.path() +
          "\nsentinel monitor " + name() + " 127.0.0.1 " + std::to_string(master_->port()) +
          " 2\nsentinel down-after-milliseconds " + name() + " 1000\nsentinel failover-timeout " +
          name() + " 5000\n");
  auto sentinel =
      std::make_unique<ChildProcess>(std::vector<std::string>{"redis-server", file, "--sentinel"});
  if (!sentinel->wait_for_line("+monitor master")) {
    throw std::runtime_error("a sentinel did not start:\n" + sentinel->output());
  }
  // What they do every 2 to 10 s, so that each step of a failover takes as long. Sentinels before
  // version 7 refuse this, and take their time.
  static_cast<void>(RedisClient(port).run(
      {"SENTINEL", "DEBUG", "info-period", "200", "publish-period", "200", "ask-period", "200"}));
  sentinels_.push_back(std::move(sentinel));
  ports_.push_back(port);
}

void RedisSentinels::fail_over() {
  const std::string port = std::to_string(replica_->port());
  for (std::size_t i = 0; i < sentinels_.size(); ++i) {
    if (!sentinels_[i]) continue;
    // Refused while the last election is too recent: asked again.
    const auto moved = [&] {
      RedisClient sentinel(ports_[i]);
      static_cast<void>(sentinel.run({"SENTINEL", "FAILOVER", name()}));
      return has(sentinel.run({"SENTINEL", "GET-MASTER-ADDR-BY-NAME", name()}), port);
    };
    if (eventually(moved)) return;
  }
  throw std::runtime_error("no failover");
}

void RedisSentinels::kill_sentinel(std::size_t index) {
  sentinels_[index]->signal(SIGKILL);
  static_cast<void>(sentinels_[index]->wait_for_exit());
  sentinels_[index].reset();
}

}  // namespace homeostat::test
