// Entity tags and the conditions made of them (RFC 9110 sections 8.8.3, 13.1).
//
// Pure, allocation-free. Tags are passed as field text: "abc" or W/"abc" with
// the quotes. Malformed tags never match.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/http/header_table.hpp"

namespace homeostat::http {

struct EntityTag {
  bool weak = false;
  std::string_view opaque;  ///< with its quotes
};

/// One whole tag, blanks around it allowed.
[[nodiscard]] std::optional<EntityTag> parse_entity_tag(std::string_view text) noexcept;

[[nodiscard]] bool strongly_equal(std::string_view a, std::string_view b) noexcept;
[[nodiscard]] bool weakly_equal(std::string_view a, std::string_view b) noexcept;

/// Whether any line of If-None-Match is `*` or lists a tag weakly equal to
/// `etag`; then GET and HEAD are answered 304. An empty `etag` matches only `*`.
[[nodiscard]] bool if_none_match_matches(const HeaderTable& request,
                                         std::string_view etag) noexcept;

/// Whether any line of If-Match is `*` or lists a tag strongly equal to `etag`.
[[nodiscard]] bool if_match_matches(const HeaderTable& request, std::string_view etag) noexcept;

/// The same by weak comparison: for tags whose weak forms the caller made itself.
[[nodiscard]] bool if_match_matches_weakly(const HeaderTable& request,
                                           std::string_view etag) noexcept;

/// A list of tags, followed by the strong form of each weak one: `W/"a"` gives
/// `W/"a", "a"`.
[[nodiscard]] std::string with_strong_forms(std::string_view list);

/// The list test behind both, on one field value. `*` matches.
[[nodiscard]] bool entity_tag_list_matches(std::string_view list, std::string_view etag,
                                           bool strong) noexcept;

}  // namespace homeostat::http
