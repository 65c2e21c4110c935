// What the sections of the configuration share.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace homeostat::config {

using std::chrono::milliseconds;
using std::chrono::seconds;

inline constexpr std::size_t kibibyte = 1024;
inline constexpr std::size_t mebibyte = 1024 * kibibyte;

/// A place to listen on or to connect to: TCP (host, port) or a Unix socket.
struct Address {
  std::string host;        ///< IP address or DNS name; empty: every interface, or a Unix socket
  std::uint16_t port = 0;  ///< 0 lets the kernel choose (tests)
  std::string unix_path;   ///< not empty: a Unix stream socket

  bool operator==(const Address&) const = default;
};

/// A control loop does nothing, only says what it would do, or acts.
enum class LoopMode : std::uint8_t { off, shadow, on };

/// Matches requests by method and path. `*` matches any run of characters.
struct RequestMatch {
  std::string path;                  ///< pattern, e.g. /api/v1/books/*
  std::vector<std::string> methods;  ///< empty: the rule's natural methods
};

}  // namespace homeostat::config
