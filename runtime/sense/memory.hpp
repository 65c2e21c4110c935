// Memory in use and its limit, of a cgroup and of the host.
//
// Working set of a cgroup = max(current - inactive_file, anon): page cache that
// the kernel can drop at once is not need. Limit = min(memory.max, memory.high)
// of the cgroup and every ancestor; memory.high counts because the kernel
// throttles there, long before it kills. Limits at or above the machine's
// memory are no limits (v1 writes 2^63 - 4096).
//
// Source: kernel Documentation/admin-guide/cgroup-v2.rst and
// cgroup-v1/memory.rst. Thread safety: pure functions. Errors: nullopt.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "runtime/sense/cgroup_paths.hpp"

namespace homeostat::sense {

struct HostMemory {
  std::uint64_t total = 0;      ///< bytes
  std::uint64_t available = 0;  ///< MemAvailable: what can be had without swapping
};
/// /proc/meminfo.
[[nodiscard]] std::optional<HostMemory> host_memory(const std::string& root);

/// Bytes. REQUIRES: directory.known().
[[nodiscard]] std::optional<std::uint64_t> cgroup_working_set(const CgroupDirectory& directory);
/// Tightest limit of the chain below `total`; nullopt: not limited (or unknown).
[[nodiscard]] std::optional<std::uint64_t> cgroup_memory_limit(const CgroupDirectory& directory,
                                                               std::uint64_t total);

/// Totals since the cgroup was made (v2 memory.events; v1 has only `max`).
struct MemoryEvents {
  std::uint64_t high = 0, max = 0, oom = 0;
};
[[nodiscard]] std::optional<MemoryEvents> memory_events(const CgroupDirectory& directory);

/// Resident bytes of a process: "self" or a pid, from /proc/PID/statm.
[[nodiscard]] std::optional<std::uint64_t> resident_bytes(const std::string& root,
                                                          const std::string& process);

}  // namespace homeostat::sense
