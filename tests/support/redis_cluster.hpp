// A real Redis Cluster of three masters, as a rule with a replica each.
//
// Thread safety: use from one thread. Errors: std::runtime_error.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/redis_server.hpp"

namespace homeostat::test {

class RedisCluster {
 public:
  static constexpr std::size_t masters = 3;
  enum class Replicas : std::uint8_t { none, one_each };
  /// Ready when every node says that the cluster is.
  explicit RedisCluster(Replicas replicas = Replicas::one_each);

  /// Another master, which owns no slot.
  std::size_t add_master();

  /// Masters first; those that were added last.
  [[nodiscard]] RedisServer& node(std::size_t index) { return *nodes_[index]; }
  [[nodiscard]] std::size_t size() const noexcept { return nodes_.size(); }
  /// Index of the node that is master of the key's slot now, as its nodes see it.
  [[nodiscard]] std::size_t owner_of(const std::string& key);
  /// Moves the slot of `key`, with what is in it, to another master.
  void move_slot(const std::string& key, std::size_t to);
  /// The first half of that: keys are on their way (ASK).
  void begin_move(const std::string& key, std::size_t to);

 private:
  void launch();
  [[nodiscard]] bool all_say(const std::string& part);
  std::string id_of(std::size_t index);
  std::vector<std::unique_ptr<RedisServer>> nodes_;
};

}  // namespace homeostat::test
