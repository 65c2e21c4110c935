// Content codings (RFC 9110 section 8.4.1) and sets of them.
//
// Shared by the laws, the configuration and the data plane. Pure values.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

namespace homeostat::rules {

enum class Coding : std::uint8_t { identity, gzip, brotli, zstd };
inline constexpr std::size_t coding_count = 4;
/// Those that make something smaller.
inline constexpr std::array<Coding, 3> encoded_codings = {Coding::gzip, Coding::brotli,
                                                          Coding::zstd};

[[nodiscard]] constexpr std::size_t index_of(Coding coding) noexcept {
  return static_cast<std::size_t>(coding);
}

/// "identity", "gzip", "br", "zstd": as registered.
[[nodiscard]] constexpr std::string_view coding_name(Coding coding) noexcept {
  constexpr std::array<std::string_view, coding_count> names = {"identity", "gzip", "br", "zstd"};
  return names[index_of(coding)];
}

class CodingSet {
 public:
  constexpr CodingSet() noexcept = default;
  constexpr CodingSet(std::initializer_list<Coding> codings) noexcept {
    for (const Coding coding : codings) insert(coding);
  }
  constexpr void insert(Coding coding) noexcept {
    bits_ = static_cast<std::uint8_t>(bits_ | bit(coding));
  }
  [[nodiscard]] constexpr bool contains(Coding coding) const noexcept {
    return (bits_ & bit(coding)) != 0;
  }
  [[nodiscard]] constexpr bool empty() const noexcept { return bits_ == 0; }
  [[nodiscard]] constexpr CodingSet operator&(CodingSet other) const noexcept {
    CodingSet both;
    both.bits_ = static_cast<std::uint8_t>(bits_ & other.bits_);
    return both;
  }
  constexpr bool operator==(const CodingSet&) const noexcept = default;

 private:
  static constexpr unsigned bit(Coding coding) noexcept {
    return 1U << static_cast<unsigned>(coding);
  }
  std::uint8_t bits_ = 0;
};

}  // namespace homeostat::rules
