#include <algorithm>
#include <string>

#include "runtime/sense/cpu.hpp"
#include "runtime/sense/files.hpp"

namespace homeostat::sense {
namespace {

/// quota / period of one directory; nullopt: none or unreadable.
std::optional<double> quota_of(const std::string& directory, CgroupVersion version) {
  std::optional<std::uint64_t> quota, period;
  if (version == CgroupVersion::v2) {
    const auto content = read_file(directory + "/cpu.max");  // "max 100000" or "125000 100000"
    if (!content) return std::nullopt;
    const auto words = split_words(*content);
    if (words.size() != 2) return std::nullopt;
    quota = parse_number(words[0]);
    period = parse_number(words[1]);
  } else {
    quota = read_number(directory + "/cpu.cfs_quota_us");  // -1 (no number here) without a limit
    period = read_number(directory + "/cpu.cfs_period_us");
  }
  if (!quota || !period || *quota == 0 || *period == 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

std::optional<std::size_t> cpuset_of(const CgroupDirectory& directory) {
  const char* effective =
      directory.version == CgroupVersion::v2 ? "/cpuset.cpus.effective" : "/cpuset.effective_cpus";
  for (const char* file : {effective, "/cpuset.cpus"}) {
    const auto content = read_file(directory.leaf + file);
    if (!content) continue;
    if (const auto count = count_cpu_list(*content)) return count;
  }
  return std::nullopt;
}

}  // namespace

std::optional<double> online_cpus(const std::string& root) {
  if (const auto list = read_file(join_path(root, "/sys/devices/system/cpu/online"))) {
    if (const auto count = count_cpu_list(*list)) return static_cast<double>(*count);
  }
  const auto stat = read_file(join_path(root, "/proc/stat"));
  if (!stat) return std::nullopt;
  std::size_t count = 0;
  for (std::size_t at = 0; at < stat->size();) {
    const bool numbered = stat->compare(at, 3, "cpu") == 0 && at + 3 < stat->size() &&
                          (*stat)[at + 3] >= '0' && (*stat)[at + 3] <= '9';
    if (numbered) ++count;
    const std::size_t end = stat->find('\n', at);
    if (end == std::string::npos) break;
    at = end + 1;
  }
  if (count == 0) return std::nullopt;
  return static_cast<double>(count);
}

std::optional<CpuLimit> cpu_limit(const CgroupPaths& paths, double online) {
  if (!paths.cpu.known() && !paths.cpuset.known()) return std::nullopt;
  CpuLimit limit{online, false};
  const auto tighten = [&limit](double cores) {
    if (cores >= limit.cores) return;
    limit = {cores, true};
  };
  if (paths.cpuset.known()) {
    if (const auto cpus = cpuset_of(paths.cpuset)) tighten(static_cast<double>(*cpus));
  }
  if (paths.cpu.known()) {
    for (const std::string& directory : paths.cpu.chain()) {
      if (const auto cores = quota_of(directory, paths.cpu.version)) tighten(*cores);
    }
  }
  return limit;
}

double MedianOfThree::add(double value) noexcept {
  values_[count_ % 3] = value;
  ++count_;
  if (count_ < 3) return value;
  if (count_ >= 6) count_ -= 3;  // keeps the position, never overflows
  const auto [a, b, c] = values_;
  return std::max(std::min(a, b), std::min(std::max(a, b), c));
}

}  // namespace homeostat::sense
