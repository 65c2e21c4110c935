#include "runtime/cache/cache_status.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <string_view>

namespace homeostat::cache {
namespace {

void append_integer(std::string& out, std::int64_t value) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  out.append(digits.data(), end.ptr);
}

std::string_view token(Forward forward) noexcept {
  switch (forward) {
    case Forward::none: return {};
    case Forward::bypass: return "bypass";
    case Forward::method: return "method";
    case Forward::uri_miss: return "uri-miss";
    case Forward::vary_miss: return "vary-miss";
    case Forward::miss: return "miss";
    case Forward::request: return "request";
    case Forward::stale: return "stale";
    case Forward::partial: return "partial";
  }
  return {};
}

/// As a string of RFC 9651; octets it cannot hold are percent-encoded.
void append_key(std::string_view key, std::string& out) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  out += "; key=\"";
  for (const char c : key) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet < 0x20 || octet > 0x7e) {
      out += '%';
      out += digits[octet >> 4U];
      out += digits[octet & 0x0FU];
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

}  // namespace

void write_cache_status(const CacheStatus& status, std::string& out) {
  out += "homeostat";
  if (status.hit) out += "; hit";
  if (status.forward != Forward::none) {
    out += "; fwd=";
    out += token(status.forward);
  }
  if (status.forward_status != 0) {
    out += "; fwd-status=";
    append_integer(out, status.forward_status);
  }
  if (status.ttl) {
    out += "; ttl=";
    append_integer(out, std::chrono::floor<std::chrono::seconds>(*status.ttl).count());
  }
  if (status.stored) out += "; stored";
  if (status.collapsed) out += "; collapsed";
  if (!status.key.empty()) append_key(status.key, out);
  if (status.detail != Reason::none) {
    out += "; detail=";
    out += to_string(status.detail);
  }
}

void write_age(Duration age, std::string& out) {
  append_integer(out,
                 std::max<std::int64_t>(0, std::chrono::floor<std::chrono::seconds>(age).count()));
}

}  // namespace homeostat::cache
