#include "runtime/sense/memory.hpp"

#include <unistd.h>

#include <algorithm>

#include "runtime/sense/files.hpp"

namespace homeostat::sense {
namespace {

std::optional<std::uint64_t> kibibytes(std::string_view text, std::string_view key) {
  const std::size_t at = text.find(key);
  if (at == std::string_view::npos || (at > 0 && text[at - 1] != '\n')) return std::nullopt;
  const std::string_view line = text.substr(at, text.find('\n', at) - at);
  const auto words = split_words(line);
  const auto value = words.size() == 3 && words[2] == "kB" ? parse_number(words[1]) : std::nullopt;
  if (!value) return std::nullopt;
  return *value * 1024;
}

/// The files of a level that may hold its limit.
std::vector<const char*> limit_files(CgroupVersion version) {
  if (version == CgroupVersion::v2) return {"/memory.max", "/memory.high"};
  return {"/memory.limit_in_bytes"};
}

std::optional<std::uint64_t> working_set(const std::string& directory, CgroupVersion version) {
  const bool v2 = version == CgroupVersion::v2;
  const auto current = read_number(directory + (v2 ? "/memory.current" : "/memory.usage_in_bytes"));
  const auto stat = read_file(directory + "/memory.stat");
  if (!current || !stat) return std::nullopt;
  // v1 counts children in the total_ fields only, usage always with children.
  const auto inactive = keyed_number(*stat, v2 ? "inactive_file" : "total_inactive_file");
  const auto anonymous = keyed_number(*stat, v2 ? "anon" : "total_rss");
  if (!inactive || !anonymous) return std::nullopt;
  const std::uint64_t without_cache = *current > *inactive ? *current - *inactive : 0;
  return std::max(without_cache, *anonymous);
}

}  // namespace

std::optional<HostMemory> host_memory(const std::string& root) {
  const auto content = read_file(join_path(root, "/proc/meminfo"));
  if (!content) return std::nullopt;
  const auto total = kibibytes(*content, "MemTotal:");
  const auto available = kibibytes(*content, "MemAvailable:");
  if (!total || !available || *total == 0 || *available > *total) return std::nullopt;
  return HostMemory{*total, *available};
}

std::vector<MemoryLimit> cgroup_memory_limits(const CgroupDirectory& directory,
                                              std::uint64_t total) {
  std::vector<MemoryLimit> limits;
  const std::vector<const char*> files = limit_files(directory.version);
  for (const std::string& each : directory.chain()) {
    std::uint64_t tightest = total;
    for (const char* file : files) {
      const auto value = read_number(each + file);  // "max" is no number: no limit
      if (value && *value > 0) tightest = std::min(tightest, *value);
    }
    if (tightest < total) limits.push_back({each, tightest});
  }
  return limits;
}

std::optional<MemoryUse> cgroup_memory_use(const CgroupDirectory& directory,
                                           const std::vector<MemoryLimit>& limits) {
  std::optional<MemoryUse> fullest;
  double fullness = -1;
  for (const MemoryLimit& limit : limits) {
    auto used = working_set(limit.directory, directory.version);
    if (!used) used = working_set(directory.leaf, directory.version);
    if (!used) continue;
    const double full = static_cast<double>(*used) / static_cast<double>(limit.bytes);
    if (full <= fullness) continue;
    fullness = full;
    fullest = MemoryUse{*used, limit.bytes};
  }
  return fullest;
}

std::optional<MemoryEvents> memory_events(const CgroupDirectory& directory) {
  if (directory.version == CgroupVersion::v1) {
    const auto failures = read_number(directory.leaf + "/memory.failcnt");
    if (!failures) return std::nullopt;
    return MemoryEvents{0, *failures, 0};
  }
  const auto content = read_file(directory.leaf + "/memory.events");
  if (!content) return std::nullopt;
  const auto high = keyed_number(*content, "high"), max = keyed_number(*content, "max"),
             oom = keyed_number(*content, "oom");
  if (!high || !max || !oom) return std::nullopt;
  return MemoryEvents{*high, *max, *oom};
}

std::optional<std::uint64_t> resident_bytes(const std::string& root, const std::string& process) {
  const auto content = read_file(join_path(root, "/proc/" + process + "/statm"));
  if (!content) return std::nullopt;
  const auto words = split_words(*content);
  const auto pages = words.size() >= 2 ? parse_number(words[1]) : std::nullopt;
  if (!pages || *pages == 0) return std::nullopt;
  return *pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace homeostat::sense
