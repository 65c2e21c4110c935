// The request methods that endpoints are told apart by; all others share one.
//
// Thread safety: pure functions. Source: RFC 9110 section 9, RFC 5789 (PATCH).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace homeostat::telemetry {

enum class Method : std::uint8_t {
  get,
  head,
  post,
  put,
  delete_,
  patch,
  options,
  connect,
  trace,
  other
};

inline constexpr std::size_t method_count = 10;

inline constexpr std::array<std::string_view, method_count> method_names = {
    "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE", "OTHER"};

[[nodiscard]] constexpr std::string_view to_string(Method method) noexcept {
  return method_names[static_cast<std::size_t>(method)];
}

/// Methods are case-sensitive (RFC 9110 section 9.1).
[[nodiscard]] constexpr Method parse_method(std::string_view text) noexcept {
  for (std::size_t i = 0; i + 1 < method_count; ++i) {
    if (text == method_names[i]) return static_cast<Method>(i);
  }
  return Method::other;
}

}  // namespace homeostat::telemetry
