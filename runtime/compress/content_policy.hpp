// Whether a response body should be compressed, and why (not).
//
// Pure; no allocation. Thread safety: none needed.
// Secret-bearing responses are not compressed: mixing secrets with text an
// attacker can choose leaks them through the length (BREACH, CVE-2013-3587).
// Who gathers the facts decides what bears a secret; docs/caching.md lists it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "config/settings/compression.hpp"
#include "runtime/ports/policy.hpp"

namespace homeostat::compress {

/// What is known of a response when the decision is due.
struct ResponseFacts {
  unsigned status = 200;
  std::string_view content_type;        ///< field value, parameters allowed
  std::optional<std::uint64_t> length;  ///< absent: streamed, length unknown
  bool no_transform = false;            ///< Cache-Control: no-transform
  bool has_content_encoding = false;    ///< already coded (identity does not count)
  bool has_content_range = false;
  bool carries_secret = false;  ///< for one user's eyes
};

enum class CompressReason : std::uint8_t {
  compress,  ///< yes
  status,    ///< no body, partial content or not modified
  no_transform,
  already_encoded,
  range,
  secret,
  type,  ///< not in the list or excluded
  too_small
};

/// The configuration's mode and what the rules ask of the endpoint.
[[nodiscard]] bool switched_on(const config::CompressionSettings& settings,
                               const EndpointPolicy& endpoint) noexcept;

/// Whether a representation may be compressed: the same for every client, so
/// that `compress` also means that the answer depends on Accept-Encoding.
[[nodiscard]] CompressReason may_compress(const config::CompressionSettings& settings,
                                          const ResponseFacts& facts) noexcept;

/// The fixed effort (1..9) for this endpoint and type; 0 = adaptive.
[[nodiscard]] int fixed_effort(const config::CompressionSettings& settings,
                               const EndpointPolicy& endpoint,
                               std::string_view content_type) noexcept;

/// Whether a media type (parameters ignored, any case) fits a pattern in which
/// `*` stands for any run of characters.
[[nodiscard]] bool media_type_matches(std::string_view pattern,
                                      std::string_view content_type) noexcept;

}  // namespace homeostat::compress
