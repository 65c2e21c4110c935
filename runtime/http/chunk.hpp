// Writing the chunked transfer coding (RFC 9112 section 7.1).
//
// Pure; appends to the caller's buffer, whose capacity is reused. Thread safety:
// none needed. REQUIRES: trailer names and values are valid field text, as
// parsed fields are.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "runtime/http/header_table.hpp"

namespace homeostat::http {

/// The bytes before chunk data ("1f4\r\n"), without allocation.
class ChunkHeader {
 public:
  /// REQUIRES: size > 0; a chunk of size 0 ends the body.
  explicit ChunkHeader(std::size_t size) noexcept;
  [[nodiscard]] std::string_view text() const noexcept {
    return {bytes_.data() + first_, bytes_.size() - first_};
  }

 private:
  std::array<char, 18> bytes_{};  // 16 digits, CR, LF; filled from the end
  std::size_t first_ = 0;
};

inline constexpr std::string_view chunk_data_end = "\r\n";   ///< after chunk data
inline constexpr std::string_view last_chunk = "0\r\n\r\n";  ///< end without trailers

/// Header, data and CRLF of one chunk; appends nothing for empty data.
void append_chunk(std::string& out, std::string_view data);
/// Last chunk with the trailer fields that may be forwarded.
void append_last_chunk(std::string& out, const HeaderTable& trailers);

/// Fields that must not be sent or merged as trailers: framing, routing,
/// authentication, request modifiers (RFC 9110 section 6.5.1).
[[nodiscard]] bool allowed_in_trailer(HeaderId id) noexcept;

}  // namespace homeostat::http
