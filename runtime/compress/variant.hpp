// Header values of a compressed variant.
//
// A gzip variant is another representation, so its strong ETag must differ
// from the identity's (RFC 9110 section 8.8.3): "abc" becomes "abc-gzip",
// W/"abc" becomes W/"abc-gzip". When a client sends such a tag back, the suffix
// is taken off before the condition goes to the origin, which knows only "abc".
// Pure; results are appended to the caller's buffer.
#pragma once

#include <string>
#include <string_view>

namespace homeostat::compress {

inline constexpr std::string_view gzip_suffix = "-gzip";

/// Appends the variant's tag; appends nothing for a malformed or empty tag.
void append_variant_etag(std::string& out, std::string_view etag,
                         std::string_view suffix = gzip_suffix);

/// Whether a tag carries the suffix.
[[nodiscard]] bool is_variant_etag(std::string_view etag,
                                   std::string_view suffix = gzip_suffix) noexcept;

/// Appends a list of tags (If-None-Match, If-Match) with the suffix taken off
/// every tag. Returns whether any had it. Other text is copied unchanged.
bool append_without_suffix(std::string& out, std::string_view tag_list,
                           std::string_view suffix = gzip_suffix);

/// Appends `vary` with `name` added, unless it is there already or `vary` has
/// `*`, in which case `vary` is appended unchanged.
void append_vary(std::string& out, std::string_view vary,
                 std::string_view name = "Accept-Encoding");

}  // namespace homeostat::compress
