#include "config/files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fnmatch.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "config/descriptor.hpp"

namespace homeostat::config {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t folder_entries_max = 10'000;

UnitError system_error_text(std::string_view what) {
  return UnitError{fmt::format("{}: {}", what, std::generic_category().message(errno))};
}

}  // namespace

Parsed<std::string> read_file(const std::string& path, std::size_t bytes_max) {
  // O_NONBLOCK: opening a pipe must not wait for its writer.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return system_error_text("cannot be opened");
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return system_error_text("cannot be examined");
  if (!S_ISREG(status.st_mode)) return UnitError{"is not a regular file"};
  std::string text;
  char buffer[16384];
  for (;;) {
    const auto count = ::read(file.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error_text("cannot be read");
    if (count == 0) return text;
    text.append(buffer, static_cast<std::size_t>(count));
    if (text.size() > bytes_max) {
      return UnitError{
          fmt::format("is larger than {} bytes, which is the most that is read", bytes_max)};
    }
  }
}

std::string resolve_path(const std::string& path, const std::string& base_dir) {
  if (path.empty() || path.front() == '/') return path;
  return (fs::path(base_dir) / path).lexically_normal().string();
}

std::string folder_of(const std::string& path) {
  const auto folder = fs::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

bool has_wildcard(std::string_view path) noexcept {
  return path.find_first_of("*?[") != std::string_view::npos;
}

Parsed<std::vector<std::string>> expand_glob(const std::string& path, std::size_t files_max) {
  const auto folder = folder_of(path);
  if (has_wildcard(folder)) return UnitError{"wildcards are allowed in the file name only"};
  const auto pattern = fs::path(path).filename().string();
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  if (error) return UnitError{fmt::format("folder {}: {}", folder, error.message())};
  std::vector<std::string> files;
  std::size_t seen = 0;
  for (; entry != fs::directory_iterator(); entry.increment(error)) {
    if (error || ++seen > folder_entries_max) {
      return UnitError{fmt::format("folder {} cannot be listed or has more than {} entries", folder,
                                   folder_entries_max)};
    }
    const auto name = entry->path().filename().string();
    if (::fnmatch(pattern.c_str(), name.c_str(), FNM_PERIOD) != 0) continue;
    if (files.size() >= files_max) {
      return UnitError{fmt::format("matches more than {} files", files_max)};
    }
    files.push_back(entry->path().lexically_normal().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace homeostat::config
