#include "runtime/sense/cpu.hpp"

#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/sense/files.hpp"

namespace homeostat::sense {
namespace {

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

std::optional<std::uint64_t> increase(const std::optional<std::uint64_t>& before,
                                      const std::optional<std::uint64_t>& now) noexcept {
  if (!before || !now || *now < *before) return std::nullopt;
  return *now - *before;
}

struct ProcessStat {
  std::uint64_t start = 0, ticks = 0, resident_pages = 0;
};

// Fields by their number in proc_pid_stat(5): 14 utime, 15 stime, 22 start, 24 rss.
std::optional<ProcessStat> read_process(const std::string& root, std::uint64_t pid) {
  const auto content = read_file(join_path(root, "/proc/" + std::to_string(pid) + "/stat"));
  if (!content) return std::nullopt;
  const std::size_t end = content->rfind(')');  // the command may contain anything
  if (end == std::string::npos) return std::nullopt;
  const auto words = split_words(std::string_view(*content).substr(end + 1));
  if (words.size() < 22) return std::nullopt;
  const auto user = parse_number(words[11]), system = parse_number(words[12]);
  const auto start = parse_number(words[19]), resident = parse_number(words[21]);
  if (!user || !system || !start || !resident) return std::nullopt;
  return ProcessStat{*start, *user + *system, *resident};
}

}  // namespace

std::optional<std::uint64_t> CgroupCpu::usage_nanoseconds() const {
  if (paths_.cpuacct.version == CgroupVersion::v2) {
    const auto stat = read_file(paths_.cpuacct.leaf + "/cpu.stat");
    const auto usage = stat ? keyed_number(*stat, "usage_usec") : std::nullopt;
    if (!usage) return std::nullopt;
    return *usage * 1000;
  }
  if (!paths_.cpuacct.known()) return std::nullopt;
  return read_number(paths_.cpuacct.leaf + "/cpuacct.usage");
}

CgroupCpu::Sample CgroupCpu::sample(Instant now) {
  if (last_.readable && now - at_ < sample_interval_min) return last_;
  Sample sample;
  const auto usage = usage_nanoseconds();
  sample.readable = usage.has_value();
  if (const auto used = increase(usage_, usage)) {
    sample.cores = static_cast<double>(*used) * 1e-9 / seconds(now - at_);
  }
  std::optional<std::uint64_t> periods, throttled;
  if (paths_.cpu.known()) {
    if (const auto stat = read_file(paths_.cpu.leaf + "/cpu.stat")) {
      periods = keyed_number(*stat, "nr_periods");
      throttled = keyed_number(*stat, "nr_throttled");
    }
  }
  const auto new_periods = increase(periods_, periods),
             new_throttled = increase(throttled_, throttled);
  if (new_periods && new_throttled) {
    // No period elapsed: nothing ran, so nothing was throttled.
    sample.throttled = *new_periods == 0 ? 0.0
                                         : std::min(1.0, static_cast<double>(*new_throttled) /
                                                             static_cast<double>(*new_periods));
  }
  usage_ = usage;
  periods_ = periods;
  throttled_ = throttled;
  at_ = now;
  last_ = sample;
  return sample;
}

// cpu  user nice system idle iowait irq softirq steal guest guest_nice
// guest time is contained in user.
std::optional<HostCpu::Fields> HostCpu::read() const {
  const auto content = read_file(join_path(root_, "/proc/stat"));
  if (!content) return std::nullopt;
  const std::string_view line = std::string_view(*content).substr(0, content->find('\n'));
  const auto words = split_words(line);
  if (words.size() < 5 || words[0] != "cpu") return std::nullopt;
  std::array<std::uint64_t, 8> values{};
  for (std::size_t i = 0; i < values.size() && i + 1 < words.size(); ++i) {
    const auto value = parse_number(words[i + 1]);
    if (!value) return std::nullopt;
    values[i] = *value;
  }
  Fields fields;
  fields.busy = values[0] + values[1] + values[2] + values[5] + values[6];
  fields.iowait = values[4];
  fields.steal = values[7];
  fields.total = fields.busy + values[3] + fields.iowait + fields.steal;
  return fields;
}

HostCpu::Sample HostCpu::sample(Instant now) {
  if (last_.readable && now - at_ < sample_interval_min) return last_;
  Sample sample;
  const auto fields = read();
  sample.readable = fields.has_value();
  const bool forward = fields && previous_ && fields->total > previous_->total &&
                       fields->busy >= previous_->busy && fields->steal >= previous_->steal;
  if (forward) {
    const auto total = static_cast<double>(fields->total - previous_->total);
    const auto steal = static_cast<double>(fields->steal - previous_->steal);
    sample.steal = steal / total;
    // iowait may run backwards (proc_stat(5)); then its share is unknown.
    if (fields->iowait >= previous_->iowait) {
      sample.iowait = static_cast<double>(fields->iowait - previous_->iowait) / total;
    }
    const double given = total - steal;
    if (given > 0) {
      sample.utilization =
          std::min(1.0, static_cast<double>(fields->busy - previous_->busy) / given);
    }
  }
  previous_ = fields;
  at_ = now;
  last_ = sample;
  return sample;
}

void ProcessTreeCpu::walk(std::uint64_t pid) {
  std::map<std::uint64_t, std::optional<Known>> found;
  std::vector<std::uint64_t> open = {pid};
  while (!open.empty() && found.size() < processes_max) {
    const std::uint64_t at = open.back();
    open.pop_back();
    const auto known = processes_.find(at);
    if (!found.try_emplace(at, known != processes_.end() ? known->second : std::nullopt).second)
      continue;
    const std::string tasks = join_path(root_, "/proc/" + std::to_string(at) + "/task");
    for (const std::string& task : list_directory(tasks, processes_max)) {
      const auto children = read_file(tasks + "/" + task + "/children");
      if (!children) continue;
      for (const std::string_view word : split_words(*children)) {
        if (const auto child = parse_number(word)) open.push_back(*child);
      }
    }
  }
  processes_ = std::move(found);
}

ProcessTreeCpu::Sample ProcessTreeCpu::sample(std::uint64_t pid, Instant now) {
  if (pid != pid_) {
    pid_ = pid;
    processes_.clear();
    primed_ = false;
    last_ = {};
  }
  if (last_.readable && now - at_ < sample_interval_min) return last_;
  if (processes_.empty() || now - walked_ >= rescan) {
    walk(pid);
    walked_ = now;
  }
  Sample sample;
  std::uint64_t ticks = 0;
  for (auto& [each, known] : processes_) {
    const auto stat = read_process(root_, each);
    if (each == pid) sample.readable = stat.has_value();
    if (!stat) {
      known.reset();
      continue;
    }
    ++sample.processes;
    sample.resident_bytes +=
        stat->resident_pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    // A process met for the first time only sets its mark.
    if (known && known->start == stat->start && stat->ticks >= known->ticks)
      ticks += stat->ticks - known->ticks;
    known = Known{stat->start, stat->ticks};
  }
  if (!sample.readable) {
    processes_.clear();
    primed_ = false;
    last_ = {};
    return {};
  }
  if (primed_) {
    sample.cores =
        static_cast<double>(ticks) / static_cast<double>(sysconf(_SC_CLK_TCK)) / seconds(now - at_);
  }
  primed_ = true;
  at_ = now;
  last_ = sample;
  return sample;
}

}  // namespace homeostat::sense
