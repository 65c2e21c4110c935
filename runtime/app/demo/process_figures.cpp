#include "runtime/app/demo/process_figures.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <sstream>

namespace homeostat::demo {

namespace {

std::string content_of(pid_t process, const char* file) {
  std::ifstream stream(fmt::format("/proc/{}/{}", process, file));
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace

std::optional<std::uint64_t> cpu_ticks_of(const std::string& stat) {
  // The second field is the name in parentheses and may itself hold both.
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream rest(stat.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field) rest >> skipped;
  std::uint64_t user = 0, system = 0;
  if (!(rest >> user >> system)) return std::nullopt;
  return user + system;
}

std::optional<std::uint64_t> pss_bytes_of(const std::string& smaps_rollup) {
  std::istringstream lines(smaps_rollup);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("Pss:")) continue;
    std::istringstream value(line.substr(4));
    std::uint64_t kibibytes = 0;
    if (value >> kibibytes) return kibibytes * 1024;
  }
  return std::nullopt;
}

std::optional<double> cpu_seconds(pid_t process) {
  const auto ticks = cpu_ticks_of(content_of(process, "stat"));
  const long per_second = ::sysconf(_SC_CLK_TCK);
  if (!ticks || per_second <= 0) return std::nullopt;
  return static_cast<double>(*ticks) / static_cast<double>(per_second);
}

std::optional<std::uint64_t> memory_bytes(pid_t process) {
  return pss_bytes_of(content_of(process, "smaps_rollup"));
}

}  // namespace homeostat::demo
