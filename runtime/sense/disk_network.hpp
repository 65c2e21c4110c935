// Use of disks and network traffic of this network namespace.
//
// Thread safety: none; one owner. Errors: nullopt.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/ports/clock.hpp"

namespace homeostat::sense {

/// The fullest of the mounts: used / (used + available to us), as df(1) has it,
/// 0..1. Mounts that cannot be asked are left out. statvfs(3) may block on a
/// dead network file system: configure local mounts.
[[nodiscard]] std::optional<double> disk_utilization(const std::string& root,
                                                     const std::vector<std::string>& mounts);

/// Bytes per second over /proc/self/net/dev, without loopback and without the
/// host's ends of container networks, which would count the same bytes twice.
class NetworkReader {
 public:
  explicit NetworkReader(std::string root) : root_(std::move(root)) {}

  struct Sample {
    std::optional<double> received, sent;  ///< bytes per second
    bool readable = false;
  };
  [[nodiscard]] Sample sample(Instant now);

 private:
  struct Counters {
    std::uint64_t received = 0, sent = 0;
  };
  using Interfaces = std::map<std::string, Counters, std::less<>>;
  [[nodiscard]] std::optional<Interfaces> read() const;

  std::string root_;
  std::optional<Interfaces> previous_;
  Instant at_{};
  Sample last_;
};

}  // namespace homeostat::sense
