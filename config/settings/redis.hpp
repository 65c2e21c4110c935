// Section `cache.redis`: the tier that the agents of a fleet share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "config/settings/common.hpp"

namespace homeostat::config {

enum class RedisTopology : std::uint8_t {
  single,
  sentinel,  ///< `servers` are sentinels, which know where the master is
  cluster,   ///< `servers` are some of the nodes
};

/// What bodies are compressed with before they are written.
enum class SharedCompression : std::uint8_t { off, gzip, zstd };

struct RedisServer {
  Address address;
  bool tls = false;
  unsigned database = 0;
  bool operator==(const RedisServer&) const = default;
};

struct RedisTlsSettings {
  std::string ca_file;           ///< empty: the system's certificate authorities
  std::string certificate_file;  ///< the agent's own, where the server asks for one
  std::string key_file;
  std::string server_name;  ///< expected in the certificate; empty: the host of the URL
  bool verify = true;
};

struct RedisSettings {
  std::vector<RedisServer> servers;  ///< `url`; empty: there is no shared tier
  RedisTopology topology = RedisTopology::single;
  std::string master;  ///< what the sentinels call it
  std::string user;    ///< empty: the server's default user
  std::string password;
  std::string password_file;
  std::string sentinel_user;  ///< empty: the sentinels' default user
  std::string sentinel_password;
  RedisTlsSettings tls;
  milliseconds timeout{50};  ///< the longest a request waits for the tier
  /// Waits no longer than the tier usually takes, or the application does, and leaves the
  /// tier out while the application is faster.
  LoopMode adaptive = LoopMode::on;
  milliseconds connect_timeout{1000};           ///< TCP, TLS and authentication together
  std::size_t calls_max = 1024;                 ///< waiting for replies, per worker and server
  std::size_t queue_bytes_max = 32 * mebibyte;  ///< not yet sent, per worker and server
  std::size_t object_bytes_max = mebibyte;      ///< larger bodies are not shared
  std::size_t compress_above = kibibyte;
  SharedCompression compression = SharedCompression::zstd;
  seconds ttl_max{86400};          ///< nothing is kept longer, whatever its freshness
  std::size_t log_length = 50000;  ///< invalidations Redis keeps for agents that were away
  /// Cut off from the log for this long, an agent makes what it has stored stale,
  /// and again each time it passes; 0 = what is stored serves out its lifetime.
  seconds partition_max{0};
  /// Endpoints whose answers take the application less, on average, are fetched by every
  /// agent that misses; above, one fetches for all. 0 = always.
  milliseconds lease_above{20};
  milliseconds lease_max{5000};  ///< the longest others wait for it; 0 = they never do

  [[nodiscard]] bool configured() const noexcept { return !servers.empty(); }
};

}  // namespace homeostat::config
