#include "runtime/sense/files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace homeostat::sense {
namespace {

constexpr std::string_view white = " \t\r\n";

std::string_view trim(std::string_view text) noexcept {
  const std::size_t first = text.find_first_not_of(white);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(white) - first + 1);
}

struct CpuRange {
  std::size_t first, last;
};

std::optional<CpuRange> parse_range(std::string_view item) noexcept {
  const std::size_t dash = item.find('-');
  const auto first = parse_number(item.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : parse_number(item.substr(dash + 1));
  constexpr std::uint64_t cpu_max = 65536;  // keeps a garbage file from costing time
  if (!first || !last || *last < *first || *last >= cpu_max) return std::nullopt;
  return CpuRange{static_cast<std::size_t>(*first), static_cast<std::size_t>(*last)};
}

}  // namespace

std::optional<std::string> read_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return std::nullopt;
  std::string content;
  char buffer[8192];
  bool good = true;
  while (content.size() < file_bytes_max) {
    const ssize_t got = ::read(file, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    good = got >= 0;
    if (got <= 0) break;
    content.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(file);
  if (!good) return std::nullopt;
  return content;
}

bool exists(const std::string& path) noexcept { return ::access(path.c_str(), F_OK) == 0; }

std::vector<std::string> list_directory(const std::string& path, std::size_t max) {
  std::vector<std::string> names;
  DIR* directory = ::opendir(path.c_str());
  if (directory == nullptr) return names;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (names.size() == max) break;
    names.emplace_back(name);
  }
  ::closedir(directory);
  return names;
}

std::optional<std::uint64_t> parse_number(std::string_view text) noexcept {
  text = trim(text);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> read_number(const std::string& path) {
  const auto content = read_file(path);
  return content ? parse_number(*content) : std::nullopt;
}

std::optional<std::uint64_t> keyed_number(std::string_view text, std::string_view key) noexcept {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    if (line.size() > key.size() && line.starts_with(key) &&
        (line[key.size()] == ' ' || line[key.size()] == '\t')) {
      return parse_number(line.substr(key.size()));
    }
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return std::nullopt;
}

std::vector<std::string_view> split_words(std::string_view text) {
  std::vector<std::string_view> words;
  for (;;) {
    const std::size_t first = text.find_first_not_of(white);
    if (first == std::string_view::npos) return words;
    text.remove_prefix(first);
    const std::size_t end = std::min(text.find_first_of(white), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

std::optional<std::size_t> count_cpu_list(std::string_view list) {
  list = trim(list);
  std::vector<CpuRange> ranges;
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const auto range = parse_range(list.substr(0, comma));
    if (!range) return std::nullopt;
    ranges.push_back(*range);
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
    if (list.empty()) return std::nullopt;  // a trailing comma
  }
  if (ranges.empty()) return std::nullopt;
  std::sort(ranges.begin(), ranges.end(),
            [](const CpuRange& a, const CpuRange& b) { return a.first < b.first; });
  std::size_t count = 0, next = 0;  // next: first CPU not counted yet
  for (const CpuRange& range : ranges) {
    const std::size_t first = std::max(range.first, next);
    if (range.last >= first) count += range.last - first + 1;
    next = std::max(next, range.last + 1);
  }
  return count;
}

std::string join_path(std::string_view root, std::string_view path) {
  while (!root.empty() && root.back() == '/') root.remove_suffix(1);
  while (!path.empty() && path.front() == '/') path.remove_prefix(1);
  std::string joined(root);
  if (!path.empty() || joined.empty()) joined += '/';
  joined += path;
  while (joined.size() > 1 && joined.back() == '/') joined.pop_back();
  return joined;
}

}  // namespace homeostat::sense
