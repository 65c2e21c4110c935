// Whether a response body should be compressed, and why (not).
//
// Pure; no allocation. Thread safety: none needed.
// Secret-bearing responses (Set-Cookie, answers to authenticated requests) are
// not compressed: mixing secrets with text an attacker can choose leaks them
// through the length (BREACH, CVE-2013-3587).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "config/settings.hpp"
#include "runtime/ports/policy.hpp"

namespace homeostat::compress {

/// What is known of a response when the decision is due.
struct ResponseFacts {
  unsigned status = 200;
  std::string_view content_type;        ///< field value, parameters allowed
  std::optional<std::uint64_t> length;  ///< absent: streamed, length unknown
  bool head_request = false;
  bool no_transform = false;          ///< Cache-Control: no-transform
  bool has_content_encoding = false;  ///< already coded (identity does not count)
  bool has_content_range = false;
  bool carries_secret = false;  ///< Set-Cookie, or the request had Authorization
  bool client_accepts = true;   ///< Accept-Encoding allows gzip
  bool emergency = false;       ///< ModePolicy::emergency: CPU is short
};

enum class CompressReason : std::uint8_t {
  compress,  ///< yes
  disabled,  ///< configuration or endpoint policy
  emergency,
  not_accepted,
  status,  ///< no body, partial content or not modified
  no_transform,
  already_encoded,
  range,
  secret,
  type,  ///< not in the list or excluded
  too_small,
  head_request  ///< HEAD: nothing to compress, see vary
};

struct CompressDecision {
  CompressReason reason = CompressReason::disabled;
  int level = 5;      ///< zlib 1..9
  bool vary = false;  ///< the answer depends on Accept-Encoding: add it to Vary
  [[nodiscard]] bool compress() const noexcept { return reason == CompressReason::compress; }
};

[[nodiscard]] CompressDecision should_compress(const config::CompressionSettings& settings,
                                               const EndpointPolicy& endpoint,
                                               const ResponseFacts& facts) noexcept;

/// Short text for logs and Cache-Status details.
[[nodiscard]] std::string_view to_text(CompressReason reason) noexcept;

/// Whether a media type (parameters ignored, any case) fits a pattern in which
/// `*` stands for any run of characters.
[[nodiscard]] bool media_type_matches(std::string_view pattern,
                                      std::string_view content_type) noexcept;

}  // namespace homeostat::compress
