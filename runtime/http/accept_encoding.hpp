// Content-coding negotiation (RFC 9110 section 12.5.3).
//
// Pure, allocation-free. Quality values are compared as thousandths; among
// equally wanted codings the one first in `preferred_codings` wins, and any
// acceptable compressed coding wins over identity unless identity is wanted more.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "runtime/http/header_table.hpp"

namespace homeostat::http {

enum class Coding : std::uint8_t { identity, gzip, brotli, zstd };
inline constexpr std::size_t coding_count = 4;

/// "identity", "gzip", "br", "zstd".
[[nodiscard]] std::string_view coding_name(Coding coding) noexcept;

/// The codings this side can produce; identity is always among them.
class CodingSet {
 public:
  constexpr CodingSet(std::initializer_list<Coding> codings) noexcept {
    for (const Coding coding : codings) bits_ = static_cast<std::uint8_t>(bits_ | bit(coding));
  }
  [[nodiscard]] constexpr bool contains(Coding coding) const noexcept {
    return coding == Coding::identity || (bits_ & bit(coding)) != 0;
  }

 private:
  static constexpr unsigned bit(Coding coding) noexcept {
    return 1U << static_cast<unsigned>(coding);
  }
  std::uint8_t bits_ = 0;
};

struct Negotiation {
  Coding coding = Coding::identity;
  bool acceptable = true;  ///< false: everything, identity too, was refused (406 or send identity)
};

/// From all Accept-Encoding lines of a request. No field: identity. Malformed
/// elements are ignored.
[[nodiscard]] Negotiation negotiate_coding(const HeaderTable& request,
                                           CodingSet available) noexcept;

/// A quality value in thousandths, or -1 if malformed.
[[nodiscard]] int parse_quality(std::string_view text) noexcept;

}  // namespace homeostat::http
