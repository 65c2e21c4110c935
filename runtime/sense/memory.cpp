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

}  // namespace

std::optional<HostMemory> host_memory(const std::string& root) {
  const auto content = read_file(join_path(root, "/proc/meminfo"));
  if (!content) return std::nullopt;
  const auto total = kibibytes(*content, "MemTotal:");
  const auto available = kibibytes(*content, "MemAvailable:");
  if (!total || !available || *total == 0 || *available > *total) return std::nullopt;
  return HostMemory{*total, *available};
}

std::optional<std::uint64_t> cgroup_working_set(const CgroupDirectory& directory) {
  const bool v2 = directory.version == CgroupVersion::v2;
  const auto current =
      read_number(directory.leaf + (v2 ? "/memory.current" : "/memory.usage_in_bytes"));
  const auto stat = read_file(directory.leaf + "/memory.stat");
  if (!current || !stat) return std::nullopt;
  // v1 counts children in the total_ fields only, usage always with children.
  const auto inactive = keyed_number(*stat, v2 ? "inactive_file" : "total_inactive_file");
  const auto anonymous = keyed_number(*stat, v2 ? "anon" : "total_rss");
  if (!inactive || !anonymous) return std::nullopt;
  const std::uint64_t without_cache = *current > *inactive ? *current - *inactive : 0;
  return std::max(without_cache, *anonymous);
}

std::optional<std::uint64_t> cgroup_memory_limit(const CgroupDirectory& directory,
                                                 std::uint64_t total) {
  std::optional<std::uint64_t> limit;
  const auto tighten = [&](const std::string& file) {
    const auto value = read_number(file);  // "max" is no number: no limit
    if (value && *value > 0 && *value < total && (!limit || *value < *limit)) limit = value;
  };
  for (const std::string& each : directory.chain()) {
    if (directory.version == CgroupVersion::v2) {
      tighten(each + "/memory.max");
      tighten(each + "/memory.high");
    } else {
      tighten(each + "/memory.limit_in_bytes");
    }
  }
  return limit;
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
