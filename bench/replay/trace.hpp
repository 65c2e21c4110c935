// A request trace in memory, and how one is read.
//
// Ids are renumbered densely in order of appearance, so that a policy can keep
// its state in arrays and a replay measures the policy, not a hash table. An
// object has one size: the largest seen. Time is in seconds from the start.
//
// Thread safety: plain data. Errors: std::runtime_error with file and line.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace homeostat::replay {

struct Access {
  double time = 0;
  std::uint32_t id = 0;
};

struct Trace {
  static constexpr double forever = std::numeric_limits<double>::infinity();

  std::string name;
  std::vector<Access> accesses;
  std::vector<std::uint64_t> sizes;  ///< bytes, by id
  std::vector<double> ttls;          ///< seconds, by id; empty: nothing expires
  /// What percentages of a cache size refer to; 0: the footprint.
  std::uint64_t reference_bytes = 0;

  [[nodiscard]] std::size_t objects() const noexcept { return sizes.size(); }
  /// Sum of the sizes of all objects.
  [[nodiscard]] std::uint64_t footprint() const noexcept;
  [[nodiscard]] double ttl(std::uint32_t id) const noexcept {
    return ttls.empty() ? forever : ttls[id];
  }
};

enum class TraceFormat {
  automatic,  ///< u32 if the name says so (`.u32`, `.u32.xz`, `.u32.gz`), else csv
  csv,        ///< header line with the columns time, id and size in any order, or none
  u32,        ///< little-endian 32-bit keys
};

/// Reads a file; `-` is standard input. Files that end in .gz or .xz are
/// decompressed. Keys without sizes weigh `unit_bytes`; without times there is
/// one request per millisecond.
[[nodiscard]] Trace read_trace(const std::string& path, TraceFormat format,
                               std::uint64_t unit_bytes);

/// Gives every object the lifetime of its endpoint: one of 5 s, 30 s, 60 s,
/// 300 s, 1 h, 12 h, 1 d with weights .10 .15 .20 .20 .15 .10 .10, drawn for each
/// of 40 endpoints (the mix of Twitter's clusters, OSDI'20).
void overlay_ttls(Trace& trace, std::uint64_t seed);

}  // namespace homeostat::replay
