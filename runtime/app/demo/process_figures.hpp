// What a process used, as the kernel counts it (proc(5)).
//
// Thread safety: free functions without state. Errors: nothing when the process
// has gone or the file cannot be read.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

namespace homeostat::demo {

/// User and system time of all its threads so far, in seconds.
[[nodiscard]] std::optional<double> cpu_seconds(pid_t process);

/// Proportional set size in bytes: resident memory, shared pages divided among
/// those who share them.
[[nodiscard]] std::optional<std::uint64_t> memory_bytes(pid_t process);

/// The parsers behind both, for /proc/PID/stat (in ticks) and smaps_rollup.
[[nodiscard]] std::optional<std::uint64_t> cpu_ticks_of(const std::string& stat);
[[nodiscard]] std::optional<std::uint64_t> pss_bytes_of(const std::string& smaps_rollup);

}  // namespace homeostat::demo
