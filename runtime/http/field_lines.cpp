#include "runtime/http/field_lines.hpp"

#include <cstring>

#include "runtime/http/ascii.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace homeostat::http {
namespace {

/// The first colon, or `end`.
const char* find_colon(const char* at, const char* end) noexcept {
#if defined(__SSE2__)
  const __m128i colon = _mm_set1_epi8(':');
  for (; end - at >= 16; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, colon)));
    if (mask != 0) return at + __builtin_ctz(mask);
  }
#endif
  while (at < end && *at != ':') ++at;
  return at;
}

/// A listed name is a token: without control bytes, which the scanner has refused,
/// nothing else compares equal to it.
bool valid_name(std::string_view name, HeaderId id) noexcept {
  return id != HeaderId::other || is_token(name);
}

}  // namespace

bool is_plain_name(std::string_view name) noexcept {
  for (const char c : name) {
    const char small = to_lower(c);
    if (!is_digit(c) && c != '-' && (small < 'a' || small > 'z')) return false;
  }
  return true;
}

FieldLines split_field_lines(std::string_view block, std::size_t count_max, HeaderTable& fields,
                             std::size_t* dropped) {
  const char* at = block.data();
  const char* const end = at + block.size();
  // The scanner found an empty line at the end: each loop below stops at a CR.
  while (at < end && *at != '\r') {
    const char* const colon = find_colon(at, end);
    const std::string_view name(at, static_cast<std::size_t>(colon - at));
    const HeaderId id = header_id(name);
    if (colon == end || !valid_name(name, id)) return FieldLines::bad_name;
    const char* value = colon + 1;
    while (is_blank(*value)) ++value;
    at = static_cast<const char*>(std::memchr(value, '\r', static_cast<std::size_t>(end - value)));
    const char* last = at;
    while (last > value && is_blank(last[-1])) --last;
    at += 2;
    if (dropped != nullptr && id == HeaderId::other && !is_plain_name(name)) {
      ++*dropped;
      continue;
    }
    if (fields.size() >= count_max ||
        !fields.add(name, {value, static_cast<std::size_t>(last - value)}, id)) {
      return FieldLines::too_many;
    }
  }
  return FieldLines::ok;
}

}  // namespace homeostat::http
