// Cache-Control, parsed once into a plain value.
//
// Covers the request and response directives of RFC 9111 section 5.2, RFC 5861
// (stale-while-revalidate, stale-if-error) and RFC 8246 (immutable), from any
// number of field lines, without allocation. Unknown directives are ignored.
// Doubt is resolved towards not reusing: the smaller of two lifetimes wins, a
// max-age or s-maxage that is not a number means 0, an empty or broken field
// list on no-cache or private means the unqualified directive.
// Units: seconds, saturated at 2^31 (RFC 9111 section 1.2.2).
// Ownership: field lists are views into the parsed values. Thread safety: plain value.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "runtime/http/header_table.hpp"

namespace homeostat::http {

using DeltaSeconds = std::uint32_t;
inline constexpr DeltaSeconds delta_seconds_max = 2147483648U;

struct CacheControl {
  bool present = false;  ///< at least one directive was seen
  bool no_store = false;
  bool no_cache = false;  ///< unqualified: never reuse without validation
  bool no_transform = false;
  bool public_ = false;
  bool private_ = false;  ///< unqualified
  bool must_revalidate = false;
  bool proxy_revalidate = false;
  bool must_understand = false;
  bool immutable = false;
  bool only_if_cached = false;
  bool max_stale_any = false;  ///< max-stale without a value
  std::optional<DeltaSeconds> max_age;
  std::optional<DeltaSeconds> s_maxage;
  std::optional<DeltaSeconds> stale_while_revalidate;
  std::optional<DeltaSeconds> stale_if_error;
  std::optional<DeltaSeconds> max_stale;
  std::optional<DeltaSeconds> min_fresh;

  /// Lists of no-cache="a, b" and private="a, b"; further ones than fit make
  /// the directive unqualified.
  static constexpr std::size_t field_lists_max = 4;
  std::array<std::string_view, field_lists_max> no_cache_fields{};
  std::array<std::string_view, field_lists_max> private_fields{};

  /// Whether a qualified no-cache or private names this field.
  [[nodiscard]] bool no_cache_names(std::string_view field) const noexcept;
  [[nodiscard]] bool private_names(std::string_view field) const noexcept;
  /// Whether a qualified no-cache or private is there at all.
  [[nodiscard]] bool has_field_lists() const noexcept {
    return !no_cache_fields[0].empty() || !private_fields[0].empty();
  }

  /// Adds the directives of one more field line.
  void merge(std::string_view value) noexcept;
};

/// All lines of `id` (Cache-Control unless told otherwise).
[[nodiscard]] CacheControl parse_cache_control(const HeaderTable& headers,
                                               HeaderId id = HeaderId::cache_control) noexcept;

/// A targeted field such as CDN-Cache-Control (RFC 9213): a structured-field
/// dictionary. Nothing if the field is absent, empty or malformed, in which
/// case it must be ignored and Cache-Control applies. Later duplicates win, as
/// RFC 9651 section 4.2.2 says.
[[nodiscard]] std::optional<CacheControl> parse_targeted_cache_control(
    const HeaderTable& headers, HeaderId id = HeaderId::cdn_cache_control);
/// The same for a field of any name, in any case.
[[nodiscard]] std::optional<CacheControl> parse_targeted_cache_control(const HeaderTable& headers,
                                                                       std::string_view name);

}  // namespace homeostat::http
