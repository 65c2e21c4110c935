// Content-coding negotiation (RFC 9110 section 12.5.3) and what a change of the
// coding means for other fields.
//
// Pure, allocation-free. Quality values are compared as thousandths. Any
// acceptable encoded form is taken to be wanted more than identity unless
// identity is named with a higher quality. Malformed elements are ignored.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "rules/laws/coding.hpp"
#include "runtime/http/header_table.hpp"

namespace homeostat::http {

using rules::Coding;
using rules::coding_name;
using rules::CodingSet;

/// What a request accepts. Default: a request without Accept-Encoding. Such a
/// client is sent identity, although RFC 9110 would allow anything.
struct CodingWishes {
  std::array<std::uint16_t, rules::coding_count> quality{};  ///< thousandths; 0 = not acceptable
  bool stated = false;                                       ///< the request has the field
  bool identity_named = false;                               ///< identity has a quality of its own

  [[nodiscard]] bool accepts(Coding coding) const noexcept {
    return coding == Coding::identity || quality[rules::index_of(coding)] > 0;
  }
  /// Of `available`, those wanted most and equally; empty: send identity. When
  /// everything is refused that is allowed, too (section 12.5.3, last rule).
  [[nodiscard]] CodingSet wanted(CodingSet available) const noexcept;
};

/// From all Accept-Encoding lines of a request.
[[nodiscard]] CodingWishes coding_wishes(const HeaderTable& request) noexcept;

/// The one coding a Content-Encoding field names; nothing for lists, unknown
/// codings and repeated fields. identity if it is absent or says so.
[[nodiscard]] std::optional<Coding> single_coding(const HeaderTable& response) noexcept;

/// A quality value in thousandths, or -1 if malformed.
[[nodiscard]] int parse_quality(std::string_view text) noexcept;

/// Fields that describe the bytes of one coding and are wrong for another:
/// digests (RFC 9530 and its forerunners), Accept-Ranges, Content-Length.
[[nodiscard]] bool describes_coded_bytes(HeaderId id, std::string_view name) noexcept;

}  // namespace homeostat::http
