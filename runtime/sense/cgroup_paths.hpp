// Where a process's cgroup files are: v1, v2, hybrid or none.
//
// /proc/PID/cgroup gives the path inside each hierarchy, /proc/self/mountinfo
// where (and from which inner root on) the hierarchy is mounted here. The mount
// point itself is not the leaf: with the host's cgroup namespace it is the root
// and would describe the whole machine. A path that cannot be resolved is
// reported as unknown.
//
// Source: cgroups(7), proc_pid_mountinfo(5), kernel Documentation/admin-guide/
// cgroup-v2.rst. Thread safety: plain values and pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace homeostat::sense {

enum class CgroupVersion : std::uint8_t { none, v1, v2 };

/// One controller's directory of one process.
struct CgroupDirectory {
  CgroupVersion version = CgroupVersion::none;
  std::string top;   ///< where the hierarchy is mounted, root prefix included
  std::string leaf;  ///< the process's own directory, at or below `top`

  [[nodiscard]] bool known() const noexcept { return version != CgroupVersion::none; }
  /// leaf, its parent, ..., top: at most 64. Ancestors' limits bind too.
  [[nodiscard]] std::vector<std::string> chain() const;
  bool operator==(const CgroupDirectory&) const = default;
};

struct CgroupPaths {
  CgroupDirectory cpu;      ///< quota and throttling
  CgroupDirectory cpuacct;  ///< usage; the same as cpu with v2
  CgroupDirectory cpuset;
  CgroupDirectory memory;
  CgroupDirectory unified;  ///< the v2 directory, even without controllers: pressure files

  [[nodiscard]] bool known() const noexcept { return cpu.known() || memory.known(); }
  bool operator==(const CgroupPaths&) const = default;
};

/// `process` is "self" or a decimal pid.
[[nodiscard]] CgroupPaths resolve_cgroup(const std::string& root, const std::string& process);

/// A directory given by the operator: a v2 cgroup, or one v1 controller's, from
/// which the sibling controllers are found (/sys/fs/cgroup/<controller>/<rest>).
[[nodiscard]] CgroupPaths explicit_cgroup(const std::string& root, const std::string& path);

}  // namespace homeostat::sense
