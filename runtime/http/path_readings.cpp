#include "runtime/http/path_readings.hpp"

#include <algorithm>

#include "runtime/http/query.hpp"
#include "runtime/http/target.hpp"

namespace homeostat::http {
namespace {

/// How often an encoded percent sign may have been encoded itself.
constexpr int decoding_rounds = 3;

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string result;
  for (;;) {
    const std::size_t at = text.find(from);
    result += text.substr(0, at);
    if (at == std::string_view::npos) return result;
    result += to;
    text.remove_prefix(at + from.size());
  }
}

/// Delimiters that were encoded, and what ends at an encoded NUL.
std::string decoded(std::string_view path) {
  std::string text(path);
  for (int round = 0; round < decoding_rounds && text.find("%25") != std::string::npos; ++round) {
    std::string next;
    normalise_percent(next, replaced(text, "%25", "%"));
    text = std::move(next);
  }
  text.erase(std::min(text.find("%00"), text.size()));
  for (const std::string_view slash : {"%2F", "%5C", "\\"}) text = replaced(text, slash, "/");
  return replaced(text, "%3B", ";");
}

std::string without_parameters(std::string_view path) {
  std::string result;
  bool parameter = false;
  for (const char c : path) {
    parameter = c == ';' || (parameter && c != '/');
    if (!parameter) result += c;
  }
  return result;
}

std::string without_empty_segments(std::string_view path) {
  std::string result;
  for (const char c : path) {
    if (c != '/' || result.empty() || result.back() != '/') result += c;
  }
  return result;
}

/// `/a/./b/../c` is `/a/c`; a last dot segment leaves its slash.
std::string without_dot_segments(std::string_view path) {
  std::string result;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/', 1), path.size());
    const std::string_view segment = path.substr(0, end);  // with its slash in front
    path.remove_prefix(end);
    const std::string_view name = segment.substr(1, segment.find(';') - 1);
    if (name != "." && name != "..") {
      result += segment;
      continue;
    }
    if (name == "..") result.erase(std::min(result.rfind('/'), result.size()));
    if (path.empty()) result += '/';
  }
  return result;
}

}  // namespace

std::vector<std::string> path_readings(std::string_view path) {
  std::vector<std::string> readings;
  const bool plain = !ambiguous_path(path) && path.find(';') == std::string_view::npos &&
                     path.find("%3B") == std::string_view::npos;
  if (plain || path.front() != '/') return readings;
  const auto add = [&](std::string reading) {
    if (reading.empty() || reading == path) return;
    if (std::find(readings.begin(), readings.end(), reading) != readings.end()) return;
    readings.push_back(std::move(reading));
  };
  const std::string literal(path), plainly = decoded(path);
  for (const std::string& text :
       {without_parameters(plainly), plainly, without_parameters(literal), literal}) {
    const std::string merged = without_empty_segments(text);
    add(without_dot_segments(merged));
    add(without_dot_segments(text));
    add(merged);
    add(text);
  }
  return readings;
}

}  // namespace homeostat::http
