// A fast keyed hash of short texts for the per-worker lookup cache. Not for
// anything an attacker gains from: a collision only miscounts one request.
//
// Method: 64x64->128 bit multiply and fold over 16-byte steps, as in wyhash
// (Wang Yi, https://github.com/wangyi-fudan/wyhash, public domain).
// Thread safety: pure. Never returns 0, which marks an empty line.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace homeostat::telemetry {

namespace detail {

__extension__ using Wide = unsigned __int128;

inline std::uint64_t fold(std::uint64_t a, std::uint64_t b) noexcept {
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

inline std::uint64_t load(const char* from, std::size_t bytes) noexcept {
  std::uint64_t value = 0;
  std::memcpy(&value, from, bytes);
  return value;
}

}  // namespace detail

[[nodiscard]] inline std::uint64_t request_hash(std::string_view text,
                                                std::uint64_t seed) noexcept {
  constexpr std::uint64_t first = 0xa0761d6478bd642fULL, second = 0xe7037ed1a0b428dbULL;
  std::uint64_t state = seed ^ detail::fold(seed ^ first, text.size() ^ second);
  const char* at = text.data();
  std::size_t left = text.size();
  for (; left >= 16; at += 16, left -= 16) {
    state = detail::fold(detail::load(at, 8) ^ first, detail::load(at + 8, 8) ^ state);
  }
  const std::size_t low = left < 8 ? left : 8;
  const std::uint64_t a = low == 0 ? 0 : detail::load(at, low);
  const std::uint64_t b = left > 8 ? detail::load(at + 8, left - 8) : 0;
  state = detail::fold(a ^ second, b ^ state);
  const std::uint64_t result = detail::fold(state ^ first, text.size() ^ second);
  return result == 0 ? 1 : result;
}

}  // namespace homeostat::telemetry
