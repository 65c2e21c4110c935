// Takes insignificant whitespace and null members out of JSON text.
//
// Everything else is copied byte for byte: number texts (1.0 stays 1.0, 1e400
// stays), escapes, the order of members, duplicate keys, top-level scalars,
// null elements of arrays. The text is checked against RFC 8259 on the way;
// whatever is not exactly one JSON value (NDJSON, comments, a byte order mark,
// UTF-16) is refused, and the caller keeps the original. Bytes from 0x80 on are
// copied without looking at UTF-8: what a decoder makes of them does not change.
//
// Bounds: one pass, linear time, no recursion; nesting up to `depth_max`, the
// output is never longer than the input. Thread safety: pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "config/settings/cache.hpp"

namespace homeostat::compress {

inline constexpr std::size_t json_depth_max = 512;

/// Replaces `out`. False, with `out` empty, if `text` is no JSON or too deep.
[[nodiscard]] bool tighten_json(std::string_view text, const config::JsonSettings& settings,
                                std::string& out);

/// application/json and application/*+json; parameters ignored, any case.
[[nodiscard]] bool is_json_type(std::string_view content_type) noexcept;

}  // namespace homeostat::compress
