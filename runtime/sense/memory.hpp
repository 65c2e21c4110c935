// Memory in use and its limit, of a cgroup and of the host.
//
// Working set of a cgroup = max(current - inactive_file, anon): page cache that
// the kernel can drop at once is not need. Limit = min(memory.max, memory.high)
// of the cgroup and of every ancestor, each for what that one's members use together:
// a slice is full although the one that looks uses little. memory.high counts because
// the kernel throttles there, long before it kills. Limits at or above the machine's
// memory are no limits (v1 writes 2^63 - 4096).
//
// Source: kernel Documentation/admin-guide/cgroup-v2.rst and
// cgroup-v1/memory.rst. Thread safety: pure functions. Errors: nullopt.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/sense/cgroup_paths.hpp"

namespace homeostat::sense {

struct HostMemory {
  std::uint64_t total = 0;      ///< bytes
  std::uint64_t available = 0;  ///< MemAvailable: what can be had without swapping
};
/// /proc/meminfo.
[[nodiscard]] std::optional<HostMemory> host_memory(const std::string& root);

/// What binds the cgroup `directory` itself or one above it.
struct MemoryLimit {
  std::string directory;
  std::uint64_t bytes = 0;
};
/// Those below `total`, from the leaf up; empty: not limited (or unknown).
/// REQUIRES: directory.known().
[[nodiscard]] std::vector<MemoryLimit> cgroup_memory_limits(const CgroupDirectory& directory,
                                                            std::uint64_t total);
/// Bytes, at the limit that is nearest to being reached.
struct MemoryUse {
  std::uint64_t working_set = 0, limit = 0;
};
/// Where use above the leaf cannot be read, the leaf's own is taken. nullopt: no limit, or
/// nothing can be read.
[[nodiscard]] std::optional<MemoryUse> cgroup_memory_use(const CgroupDirectory& directory,
                                                         const std::vector<MemoryLimit>& limits);

/// Totals since the cgroup was made (v2 memory.events; v1 has only `max`).
struct MemoryEvents {
  std::uint64_t high = 0, max = 0, oom = 0;
};
[[nodiscard]] std::optional<MemoryEvents> memory_events(const CgroupDirectory& directory);

/// Resident bytes of a process: "self" or a pid, from /proc/PID/statm.
[[nodiscard]] std::optional<std::uint64_t> resident_bytes(const std::string& root,
                                                          const std::string& process);

}  // namespace homeostat::sense
