// CPU use of a cgroup, of a process tree and of the host, each against the CPUs
// it may really use.
//
// All samplers work on differences: the first call, and every call after an
// error or a counter that went backwards, has no value. Two calls closer than
// 10 ms apart give the previous value again.
//
// Thread safety: none; one owner. Time is passed in. Errors: nullopt.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "runtime/ports/clock.hpp"
#include "runtime/sense/cgroup_paths.hpp"

namespace homeostat::sense {

inline constexpr Duration sample_interval_min = std::chrono::milliseconds(10);

/// Usable CPUs as a real number (a quota of 1.25 cores is 1.25).
struct CpuLimit {
  double cores = 0;
  bool limited = false;  ///< quota or cpuset below the machine's CPUs
};

/// Online CPUs: /sys/devices/system/cpu/online, else the cpuN lines of
/// /proc/stat.
[[nodiscard]] std::optional<double> online_cpus(const std::string& root);

/// min(online, cpuset, quota/period of the cgroup and every ancestor).
[[nodiscard]] std::optional<CpuLimit> cpu_limit(const CgroupPaths& paths, double online);

/// The middle of the last three values; the newest while there are fewer.
class MedianOfThree {
 public:
  [[nodiscard]] double add(double value) noexcept;
  void reset() noexcept { count_ = 0; }

 private:
  std::array<double, 3> values_{};
  std::size_t count_ = 0;
};

/// cpu.stat (v2) or cpuacct.usage and cpu.stat (v1).
class CgroupCpu {
 public:
  explicit CgroupCpu(CgroupPaths paths) : paths_(std::move(paths)) {}

  struct Sample {
    std::optional<double> cores;      ///< CPUs in use
    std::optional<double> throttled;  ///< share of CFS periods throttled, 0..1
    bool readable = false;            ///< usage could be read (a rate needs two)
  };
  [[nodiscard]] Sample sample(Instant now);
  [[nodiscard]] const CgroupPaths& paths() const noexcept { return paths_; }

 private:
  [[nodiscard]] std::optional<std::uint64_t> usage_nanoseconds() const;

  CgroupPaths paths_;
  std::optional<std::uint64_t> usage_, periods_, throttled_;
  Instant at_{};
  Sample last_;
};

/// /proc/stat, all fields. Steal is time the hypervisor did not give us, so it
/// is neither use nor capacity; iowait is idle.
class HostCpu {
 public:
  explicit HostCpu(std::string root) : root_(std::move(root)) {}

  struct Sample {
    std::optional<double> utilization;    ///< 0..1
    std::optional<double> steal, iowait;  ///< share of all time
    bool readable = false;
  };
  [[nodiscard]] Sample sample(Instant now);

 private:
  struct Fields {
    std::uint64_t busy = 0, iowait = 0, steal = 0, total = 0;
  };
  [[nodiscard]] std::optional<Fields> read() const;

  std::string root_;
  std::optional<Fields> previous_;
  Instant at_{};
  Sample last_;
};

/// The application's process and its descendants, from /proc/PID/stat. The tree
/// is walked every `rescan`, the known processes are read every time.
class ProcessTreeCpu {
 public:
  static constexpr std::size_t processes_max = 1024;
  static constexpr Duration rescan = std::chrono::seconds(5);

  explicit ProcessTreeCpu(std::string root) : root_(std::move(root)) {}

  struct Sample {
    std::optional<double> cores;
    std::size_t processes = 0;
    std::uint64_t resident_bytes = 0;  ///< sum; shared pages count once per process
    bool readable = false;
  };
  [[nodiscard]] Sample sample(std::uint64_t pid, Instant now);

 private:
  struct Known {
    std::uint64_t start = 0;  // start time in ticks tells a reused pid apart
    std::uint64_t ticks = 0;
  };
  void walk(std::uint64_t pid);

  std::string root_;
  std::uint64_t pid_ = 0;
  std::map<std::uint64_t, std::optional<Known>> processes_;
  Instant walked_{}, at_{};
  bool primed_ = false;
  Sample last_;
};

}  // namespace homeostat::sense
