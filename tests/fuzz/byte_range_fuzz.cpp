// Any Range field for a representation of any length.
//
// Input: eight bytes of length, then the field.
// Properties: every range lies inside the representation; there are at most
// `ranges_max`; together they are no longer than it, and do not overlap; the
// kinds agree with the syntax check.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "runtime/http/byte_range.hpp"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace homeostat::http;
  std::uint64_t length = 0;
  if (size < sizeof length) return 0;
  std::memcpy(&length, data, sizeof length);
  length >>= 1U;  // no body is longer than 2^63
  const std::string_view field(reinterpret_cast<const char*>(data) + sizeof length,
                               size - sizeof length);
  const ByteRanges parsed = ByteRanges::parse(field, length);
  if (parsed.kind() != ByteRanges::Kind::ignored) require(is_byte_range(field));
  const auto ranges = parsed.ranges();
  require((parsed.kind() == ByteRanges::Kind::partial) == !ranges.empty());
  require(ranges.size() <= ByteRanges::ranges_max);
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    require(ranges[i].length > 0 && ranges[i].offset < length && ranges[i].end() <= length);
    total += ranges[i].length;
    std::string text;
    append_content_range(text, ranges[i], length);
    for (std::size_t j = 0; j < i; ++j) {
      require(ranges[i].end() <= ranges[j].offset || ranges[j].end() <= ranges[i].offset);
    }
  }
  require(total <= length);
  return 0;
}
