// A real master with a replica, watched by three real sentinels.
//
// Thread safety: use from one thread. Errors: std::runtime_error.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/support/redis_server.hpp"

namespace homeostat::test {

class RedisSentinels {
 public:
  /// Ready when the sentinels know each other and the replica.
  RedisSentinels();
  ~RedisSentinels();

  [[nodiscard]] RedisServer& master() { return *master_; }
  [[nodiscard]] RedisServer& replica() { return *replica_; }
  [[nodiscard]] const std::vector<std::uint16_t>& ports() const noexcept { return ports_; }
  [[nodiscard]] std::string name() const { return "mymaster"; }
  /// Asks the sentinels to make the replica the master; it is when this returns.
  void fail_over();
  /// Ends one sentinel as a crash would.
  void kill_sentinel(std::size_t index);

 private:
  void add_sentinel();
  std::unique_ptr<RedisServer> master_, replica_;
  TemporaryDirectory directory_{TemporaryDirectory::Place::memory};
  std::vector<std::unique_ptr<HeldPort>> held_;
  std::vector<std::uint16_t> ports_;  // of held_
  std::vector<std::unique_ptr<ChildProcess>> sentinels_;
};

}  // namespace homeostat::test
