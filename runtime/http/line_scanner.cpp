#include "runtime/http/line_scanner.hpp"

#include "runtime/http/ascii.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace homeostat::http {
namespace {

constexpr bool is_control(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && byte != '\t') || byte == 0x7f;
}

/// First control byte other than tab at or after `position`; size if none.
std::size_t find_control(std::string_view text, std::size_t position) noexcept {
#if defined(__SSE2__)
  const __m128i last_control = _mm_set1_epi8(0x1f);
  const __m128i tab = _mm_set1_epi8('\t');
  const __m128i del = _mm_set1_epi8(0x7f);
  for (; position + 16 <= text.size(); position += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + position));
    const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, last_control), bytes);
    const __m128i found =
        _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(bytes, tab), low), _mm_cmpeq_epi8(bytes, del));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(found));
    if (mask != 0) return position + static_cast<std::size_t>(__builtin_ctz(mask));
  }
#endif
  while (position < text.size() && !is_control(text[position])) ++position;
  return position;
}

}  // namespace

ScanStatus LineScanner::next_line(std::string_view block) noexcept {
  if (position_ == line_start_ && position_ < block.size() && is_blank(block[position_])) {
    return fail(first_line_size_ == 0 ? "blank at start of line" : "line folding or leading blank");
  }
  position_ = find_control(block, position_);
  if (position_ == block.size()) return ScanStatus::need_more;
  if (block[position_] != '\r') {
    return fail(block[position_] == '\n' ? "bare LF" : "control character");
  }
  if (position_ + 1 == block.size()) return ScanStatus::need_more;
  if (block[position_ + 1] != '\n') return fail("bare CR");
  was_empty_ = position_ == line_start_;
  position_ += 2;
  line_start_ = position_;
  if (first_line_size_ == 0) first_line_size_ = position_;
  return ScanStatus::complete;
}

ScanStatus LineScanner::to_empty_line(std::string_view block) noexcept {
  for (;;) {
    const ScanStatus status = next_line(block);
    if (status != ScanStatus::complete || was_empty_) return status;
  }
}

}  // namespace homeostat::http
