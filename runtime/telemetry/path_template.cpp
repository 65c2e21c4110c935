#include "runtime/telemetry/path_template.hpp"

#include <algorithm>

namespace homeostat::telemetry {
namespace {

constexpr std::string_view identifier_name = "{id}";
constexpr std::string_view rest_name = "...";
constexpr std::size_t hex_digits_min = 8;
constexpr std::size_t random_bytes_min = 10;
constexpr std::size_t extension_bytes_max = 6;  // with the dot

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_lower(char c) noexcept { return c >= 'a' && c <= 'z'; }
constexpr bool is_upper(char c) noexcept { return c >= 'A' && c <= 'Z'; }
constexpr bool is_hex(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_numeric(std::string_view text) noexcept {
  bool digit = false;
  for (const char c : text) {
    if (is_digit(c)) {
      digit = true;
    } else if (c != '-' && c != '.' && c != ',' && c != ':' && c != '_') {
      return false;
    }
  }
  return digit;
}

bool is_uuid(std::string_view text) noexcept {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !is_hex(text[i])) return false;
  }
  return true;
}

/// Random identifiers change between character classes every few bytes; words,
/// even with a version number in them, hardly ever do.
bool looks_random(std::string_view text) noexcept {
  if (text.size() < random_bytes_min) return false;
  std::size_t changes = 0;
  bool digit = false;
  int previous = 0;
  for (const char c : text) {
    const int kind = is_digit(c) ? 1 : is_lower(c) ? 2 : is_upper(c) ? 3 : 0;
    if (kind != 0 && previous != 0 && kind != previous) ++changes;
    digit = digit || kind == 1;
    previous = kind;
  }
  return digit && changes * 4 >= text.size();
}

/// ".json" of "123.json"; empty if the segment has no short extension.
std::string_view extension_of(std::string_view segment) noexcept {
  const std::size_t dot = segment.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return {};
  const std::string_view extension = segment.substr(dot);
  if (extension.size() < 2 || extension.size() > extension_bytes_max || is_digit(extension[1]))
    return {};
  const bool plain = std::all_of(extension.begin() + 1, extension.end(),
                                 [](char c) { return is_digit(c) || is_lower(c) || is_upper(c); });
  return plain ? extension : std::string_view{};
}

constexpr bool is_printable(char c) noexcept { return c > 0x20 && c < 0x7f; }

/// Bytes of the segment with everything unprintable as %XX.
std::size_t encoded_size(std::string_view segment) noexcept {
  std::size_t size = segment.size();
  for (const char c : segment) size += is_printable(c) ? 0U : 2U;
  return size;
}

char* encode(std::string_view segment, char* out) noexcept {
  constexpr std::string_view digits = "0123456789ABCDEF";
  for (const char c : segment) {
    if (is_printable(c)) {
      *out++ = c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    *out++ = '%';
    *out++ = digits[byte >> 4U];
    *out++ = digits[byte & 15U];
  }
  return out;
}

}  // namespace

std::string_view path_of_target(std::string_view target) noexcept {
  target = without_query(target);
  if (!target.empty() && target.front() == '/') return target;
  const std::size_t scheme = target.find("://");
  if (scheme == std::string_view::npos) return target;  // "*", authority form
  const std::size_t path = target.find('/', scheme + 3);
  return path == std::string_view::npos ? std::string_view("/") : target.substr(path);
}

RoutePath split_path(std::string_view target) noexcept {
  RoutePath result;
  std::string_view rest = path_of_target(target);
  while (!rest.empty()) {
    const std::size_t slash = rest.find('/');
    const std::string_view segment = rest.substr(0, slash);
    if (!segment.empty()) {
      if (result.size == route_segments_max) {
        result.truncated = true;
        return result;
      }
      result.segments[result.size++] = segment;
    }
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
  }
  return result;
}

bool is_identifier(std::string_view segment) noexcept {
  if (segment.empty()) return false;
  if (segment.size() > segment_bytes_max || is_numeric(segment) || is_uuid(segment)) return true;
  if (segment.size() >= hex_digits_min && std::all_of(segment.begin(), segment.end(), is_hex))
    return true;
  return looks_random(segment);
}

RoutePath make_template(const RoutePath& path, TemplateBuffer& buffer) noexcept {
  RoutePath result;
  std::size_t bytes = 0;
  char* free = buffer.bytes.data();
  const auto cut = [&result] {  // the rest of the path becomes one last segment
    if (result.size == route_segments_max) --result.size;
    result.segments[result.size++] = rest_name;
    result.truncated = true;
  };
  for (std::size_t i = 0; i < path.size; ++i) {
    std::string_view segment = path.segments[i];
    std::string_view extension = extension_of(segment);
    if (!extension.empty() && is_identifier(segment.substr(0, segment.size() - extension.size()))) {
      segment = identifier_name;
    } else {
      extension = {};
      if (is_identifier(segment)) segment = identifier_name;
    }
    const std::size_t encoded = encoded_size(segment);
    bytes += 1 + encoded + extension.size();
    if (bytes > route_bytes_max) {  // so that the buffer is never too small
      cut();
      return result;
    }
    if (encoded != segment.size() || !extension.empty()) {
      char* const begin = free;
      free = std::copy(extension.begin(), extension.end(), encode(segment, free));
      segment = {begin, static_cast<std::size_t>(free - begin)};
    }
    result.segments[result.size++] = segment;
  }
  if (path.truncated) cut();
  return result;
}

std::string to_route(const RoutePath& path) {
  if (path.size == 0) return "/";
  std::string route;
  for (std::size_t i = 0; i < path.size; ++i) {
    route += '/';
    route += path.segments[i];
  }
  return route;
}

}  // namespace homeostat::telemetry
