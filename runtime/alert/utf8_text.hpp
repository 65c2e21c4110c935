// Text fit for JSON and for Alertmanager: valid UTF-8, bounded.
//
// Scopes hold routes, and routes hold what clients sent. Invalid bytes become
// '?'; the text is cut at a character boundary.
// Thread safety: pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace homeostat::alert {

/// Length of the UTF-8 sequence at the start of `text`, 0 if it is not valid
/// (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF).
[[nodiscard]] inline std::size_t utf8_sequence_length(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned first = byte(0);
  if (first < 0x80U) return 1;
  if (first >= 0xC2U && first <= 0xDFU) return tail(1) ? 2 : 0;
  if (first >= 0xE0U && first <= 0xEFU) {
    if (first == 0xE0U && byte(1) < 0xA0U) return 0;
    if (first == 0xEDU && byte(1) > 0x9FU) return 0;
    return tail(1) && tail(2) ? 3 : 0;
  }
  if (first >= 0xF0U && first <= 0xF4U) {
    if (first == 0xF0U && byte(1) < 0x90U) return 0;
    if (first == 0xF4U && byte(1) > 0x8FU) return 0;
    return tail(1) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

[[nodiscard]] inline std::string utf8_text(std::string_view text, std::size_t bytes_max) {
  std::string clean;
  clean.reserve(text.size() < bytes_max ? text.size() : bytes_max);
  while (!text.empty()) {
    const std::size_t length = utf8_sequence_length(text);
    const std::string_view piece = length == 0 ? std::string_view("?") : text.substr(0, length);
    if (clean.size() + piece.size() > bytes_max) break;
    clean += piece;
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return clean;
}

}  // namespace homeostat::alert
