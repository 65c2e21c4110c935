// Section `server`: limits towards clients.
#pragma once

#include <cstddef>
#include <cstdint>

#include "config/settings/common.hpp"

namespace homeostat::config {

/// Client-facing limits. Each one ends the connection with a clear status.
struct ServerSettings {
  static constexpr unsigned forwarded_hops_max = 16;

  std::size_t header_bytes_max = 32 * kibibyte;  ///< request line + fields; 431
  std::size_t target_bytes_max = 8 * kibibyte;   ///< request target; 414
  std::size_t header_count_max = 100;            ///< fields; 431
  std::uint64_t body_bytes_max = 0;              ///< request body; 0 = unlimited; 413
  seconds header_timeout{10};                    ///< first byte to end of head; 408
  seconds body_timeout{30};                      ///< between two reads of a body; 408
  seconds write_timeout{30};                     ///< between two successful writes
  seconds idle_timeout{60};                      ///< keep-alive without a request
  seconds tunnel_idle_timeout{600};              ///< an upgraded connection without a byte
  seconds total_timeout{0};                      ///< whole request; 0 = unlimited
  std::size_t body_rate_min = 64;                ///< bytes/s a body must average after 10 s; 408
  std::size_t send_rate_min = 240;               ///< bytes/s a waited-for client must take
  std::size_t request_memory = 128 * mebibyte;   ///< all buffers for requests and bodies under way
  std::size_t connections_max = 10000;           ///< all workers together; further ones are refused
  std::size_t requests_per_connection_max = 0;   ///< 0 = unlimited
  seconds drain_timeout{30};                     ///< SIGTERM: how long requests may take to finish
  seconds drain_delay{0};  ///< SIGTERM: not ready, but serves on for this long
  /// SIGTERM: a connection stays for one more request for this long after its last one, as
  /// its client may have sent it already.
  milliseconds drain_grace{1000};
  bool trust_forwarded = false;  ///< append to X-Forwarded-For instead of replacing it
  /// With trust_forwarded: the client is this entry of X-Forwarded-For from the right.
  unsigned forwarded_hops = 1;
  bool via = true;  ///< add Via (RFC 9110 section 7.6.3)
  /// Let request fields with `_` in their names through: CGI, WSGI and Rack cannot tell them
  /// from those with `-`, so that X_Forwarded_For would pass for X-Forwarded-For.
  bool header_underscores = false;
};

}  // namespace homeostat::config
