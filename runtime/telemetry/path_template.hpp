// Turns a request target into the segments of a route template: query and
// fragment dropped, identifiers replaced by `{id}`, length bounded, printable.
//
// Identifiers are segments that are numeric (digits and -.,:_ only), a UUID,
// hexadecimal of at least 8 digits, longer than 32 bytes, or that look random:
// at least 10 bytes with a digit and many changes between lower case, upper
// case and digits (nanoid, ULID, base64). A file extension is kept: `{id}.json`.
//
// Thread safety: pure functions. Ownership: RoutePath views into the target it
// was built from and into static strings. No allocation. Never fails.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace homeostat::telemetry {

inline constexpr std::size_t route_segments_max = 16;
inline constexpr std::size_t route_bytes_max = 128;   ///< of a template, then "..."
inline constexpr std::size_t segment_bytes_max = 32;  ///< longer ones are identifiers

/// The raw, non-empty segments of a path. `truncated`: there were more.
struct RoutePath {
  std::array<std::string_view, route_segments_max> segments{};
  std::size_t size = 0;
  bool truncated = false;
};

/// The target up to its query or fragment.
[[nodiscard]] inline std::string_view without_query(std::string_view target) noexcept {
  std::size_t end = 0;
  while (end < target.size() && target[end] != '?' && target[end] != '#') ++end;
  return target.substr(0, end);
}

/// The path of a target: origin form, absolute form or `*`; without query.
[[nodiscard]] std::string_view path_of_target(std::string_view target) noexcept;

/// Splits at '/'; empty segments are ignored.
[[nodiscard]] RoutePath split_path(std::string_view target) noexcept;

[[nodiscard]] bool is_identifier(std::string_view segment) noexcept;

/// Replaces identifiers, percent-encodes bytes that are not printable ASCII (a target
/// that has them is the same as one that has them encoded, RFC 3986 section 2) and cuts
/// at route_bytes_max. What is not in the target is written to `buffer`, which must
/// outlive the result.
struct TemplateBuffer {
  std::array<char, route_bytes_max> bytes;
};
[[nodiscard]] RoutePath make_template(const RoutePath& path, TemplateBuffer& buffer) noexcept;

/// "/a/{id}", of the segments of a template.
[[nodiscard]] std::string to_route(const RoutePath& path);

}  // namespace homeostat::telemetry
