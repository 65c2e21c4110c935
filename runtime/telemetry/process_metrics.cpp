#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>

#include "runtime/telemetry/metrics.hpp"

namespace homeostat::telemetry {
namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

/// Field of /proc/self/stat by its number in proc(5); 3 is the first one behind
/// the command, which may itself contain spaces and parentheses.
double stat_field(int number) {
  std::ifstream file("/proc/self/stat");
  std::string line;
  if (!std::getline(file, line)) return unknown;
  const std::size_t end = line.rfind(')');
  if (end == std::string::npos) return unknown;
  std::istringstream fields(line.substr(end + 1));
  std::string field;
  for (int i = 3; i <= number; ++i) {
    if (!(fields >> field)) return unknown;
  }
  char* rest = nullptr;
  const double value = std::strtod(field.c_str(), &rest);
  return rest != field.c_str() && *rest == '\0' ? value : unknown;
}

double cpu_seconds() {
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) != 0) return unknown;
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double start_time() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("btime ", 0) != 0) continue;
    const double boot = std::strtod(line.c_str() + 6, nullptr);
    return boot + stat_field(22) / static_cast<double>(sysconf(_SC_CLK_TCK));
  }
  return unknown;
}

double open_descriptors() {
  DIR* directory = opendir("/proc/self/fd");
  if (directory == nullptr) return unknown;
  double count = -3;  // ".", ".." and the descriptor of this listing
  while (readdir(directory) != nullptr) ++count;
  closedir(directory);
  return count;
}

double descriptors_max() {
  rlimit limit{};
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? static_cast<double>(limit.rlim_cur) : unknown;
}

}  // namespace

void register_process_metrics(MetricsRegistry& registry) {
  const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
  const double started = start_time();
  registry.counter("process_cpu_seconds_total", "User and system CPU time spent.", {}, cpu_seconds);
  registry.gauge("process_resident_memory_bytes", "Resident memory size.", {},
                 [page] { return stat_field(24) * page; });
  registry.gauge("process_virtual_memory_bytes", "Virtual memory size.", {},
                 [] { return stat_field(23); });
  registry.gauge("process_open_fds", "Open file descriptors.", {}, open_descriptors);
  registry.gauge("process_max_fds", "Largest number of open file descriptors.", {},
                 descriptors_max);
  registry.gauge("process_threads", "Threads of the process.", {}, [] { return stat_field(20); });
  registry.gauge("process_start_time_seconds", "Start of the process since the Unix epoch.", {},
                 [started] { return started; });
}

}  // namespace homeostat::telemetry
