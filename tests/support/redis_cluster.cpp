#include "tests/support/redis_cluster.hpp"

#include <sstream>
#include <stdexcept>

#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

constexpr std::size_t slots = 16384;

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

RedisCluster::RedisCluster(Replicas replicas) {
  const std::size_t count = replicas == Replicas::none ? masters : 2 * masters;
  for (std::size_t i = 0; i < count; ++i) launch();
  for (std::size_t i = 0; i < masters; ++i) {
    node(i).run({"CLUSTER", "ADDSLOTSRANGE", std::to_string(i * slots / masters),
                 std::to_string((i + 1) * slots / masters - 1)});
    node(i).run({"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(i + 1)});
  }
  for (std::size_t i = 1; i < size(); ++i) {
    node(i).run({"CLUSTER", "MEET", "127.0.0.1", std::to_string(node(0).port())});
  }
  if (!all_say("cluster_known_nodes:" + std::to_string(count)))
    throw std::runtime_error("the nodes do not meet");
  for (std::size_t i = masters; i < size(); ++i) {
    if (!eventually([&] {
          return node(i).run({"CLUSTER", "REPLICATE", id_of(i - masters)}) == "OK";
        })) {
      throw std::runtime_error("a replica does not follow");
    }
  }
  if (!all_say("cluster_state:ok")) throw std::runtime_error("the cluster does not get ready");
  for (std::size_t i = masters; i < size(); ++i) {
    if (!eventually([&] { return has(node(i).run({"INFO", "replication"}), "link_status:up"); })) {
      throw std::runtime_error("a replica is not in step");
    }
  }
}

void RedisCluster::launch() {
  nodes_.push_back(std::make_unique<RedisServer>(std::vector<std::string>{
      "--cluster-enabled", "yes", "--cluster-node-timeout", "3000",
      "--cluster-replica-validity-factor", "0", "--repl-ping-replica-period", "1",
      "--repl-diskless-sync-delay", "0"}));
}

bool RedisCluster::all_say(const std::string& part) {
  return eventually([&] {
    for (std::size_t i = 0; i < size(); ++i) {
      if (!has(node(i).run({"CLUSTER", "INFO"}), part)) return false;
    }
    return true;
  });
}

std::size_t RedisCluster::add_master() {
  launch();
  const std::size_t added = size() - 1;
  node(added).run({"CLUSTER", "MEET", "127.0.0.1", std::to_string(node(0).port())});
  if (!all_say("cluster_known_nodes:" + std::to_string(size())) || !all_say("cluster_state:ok")) {
    throw std::runtime_error("the new node is not met");
  }
  return added;
}

std::string RedisCluster::id_of(std::size_t index) { return node(index).run({"CLUSTER", "MYID"}); }

std::size_t RedisCluster::owner_of(const std::string& key) {
  for (std::size_t i = 0; i < size(); ++i) {
    if (!node(i).running()) continue;
    if (has(node(i).run({"GET", key}), "MOVED")) continue;
    return i;
  }
  throw std::runtime_error("nobody owns " + key);
}

void RedisCluster::begin_move(const std::string& key, std::size_t to) {
  const std::size_t from = owner_of(key);
  const std::string slot = node(from).run({"CLUSTER", "KEYSLOT", key});
  node(to).run({"CLUSTER", "SETSLOT", slot, "IMPORTING", id_of(from)});
  node(from).run({"CLUSTER", "SETSLOT", slot, "MIGRATING", id_of(to)});
}

void RedisCluster::move_slot(const std::string& key, std::size_t to) {
  const std::size_t from = owner_of(key);
  if (from == to) return;
  const std::string slot = node(from).run({"CLUSTER", "KEYSLOT", key});
  begin_move(key, to);
  // Others may be in the same slot, and some may come meanwhile.
  constexpr int rounds_max = 100;
  for (int round = 0; round < rounds_max; ++round) {
    std::istringstream keys(node(from).run({"CLUSTER", "GETKEYSINSLOT", slot, "100"}));
    std::string one;
    if (!(keys >> one)) break;
    do {
      node(from).run(
          {"MIGRATE", "127.0.0.1", std::to_string(node(to).port()), one, "0", "5000", "REPLACE"});
    } while (keys >> one);
  }
  const std::string target = id_of(to);
  for (std::size_t i = 0; i < size(); ++i) {
    if (node(i).running()) node(i).run({"CLUSTER", "SETSLOT", slot, "NODE", target});
  }
}

}  // namespace homeostat::test
