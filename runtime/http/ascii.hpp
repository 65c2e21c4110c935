// Byte-level helpers for HTTP text: case folding, tokens, trimming, lists.
//
// Everything is pure, allocation-free and independent of the locale. Source:
// RFC 9110 section 5.6 (token, OWS, quoted-string, lists).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace homeostat::http {

[[nodiscard]] constexpr char to_lower(char c) noexcept {
  return (c >= 'A' && c <= 'Z') ? static_cast<char>(c + ('a' - 'A')) : c;
}
[[nodiscard]] constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
[[nodiscard]] constexpr bool is_alpha(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
[[nodiscard]] constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

/// Value of a hexadecimal digit, or -1.
[[nodiscard]] constexpr int hex_value(char c) noexcept {
  if (is_digit(c)) return c - '0';
  const char lower = to_lower(c);
  return (lower >= 'a' && lower <= 'f') ? lower - 'a' + 10 : -1;
}

/// tchar of RFC 9110 section 5.6.2.
inline constexpr std::array<bool, 256> token_chars = [] {
  std::array<bool, 256> table{};
  for (unsigned byte = 0; byte < 128; ++byte) {
    const char c = static_cast<char>(byte);
    table[byte] = is_digit(c) || is_alpha(c) ||
                  std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  }
  return table;
}();
[[nodiscard]] constexpr bool is_token_char(char c) noexcept {
  return token_chars[static_cast<unsigned char>(c)];
}
[[nodiscard]] constexpr bool is_token(std::string_view text) noexcept {
  if (text.empty()) return false;
  for (const char c : text) {
    if (!is_token_char(c)) return false;
  }
  return true;
}

[[nodiscard]] constexpr bool iequals(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (to_lower(a[i]) != to_lower(b[i])) return false;
  }
  return true;
}

/// Without leading and trailing spaces and tabs.
[[nodiscard]] constexpr std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

/// 1*DIGIT as a number; nothing for signs, blanks, other text or overflow.
[[nodiscard]] constexpr std::optional<std::uint64_t> parse_decimal(std::string_view text) noexcept {
  if (text.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (value > (UINT64_MAX - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  return value;
}

/// Removes and returns the next element of a comma-separated list, trimmed.
/// Commas inside quoted strings do not separate. Empty elements are returned
/// as empty views; `rest` is empty after the last one.
[[nodiscard]] constexpr std::string_view next_list_element(std::string_view& rest,
                                                           char separator = ',') noexcept {
  bool quoted = false;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    const char c = rest[i];
    if (quoted) {
      if (c == '\\') ++i;
      else if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == separator) {
      const std::string_view element = rest.substr(0, i);
      rest.remove_prefix(i + 1);
      return trim(element);
    }
  }
  const std::string_view element = rest;
  rest = {};
  return trim(element);
}

/// Calls `visit(element)` for each non-empty element of a comma-separated list
/// until it returns true; returns whether one did.
template <class Visit>
constexpr bool any_list_element(std::string_view list, Visit&& visit) {
  while (!list.empty()) {
    const std::string_view element = next_list_element(list);
    if (!element.empty() && visit(element)) return true;
  }
  return false;
}

}  // namespace homeostat::http
