// Decoders on arbitrary bytes: bounds hold, nothing of a failure leaks out, and
// what was decoded encodes back to the same text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "runtime/compress/decoder.hpp"
#include "runtime/compress/whole_encoder.hpp"

namespace {

using namespace homeostat;

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const rules::Coding coding = rules::encoded_codings[data[0] % rules::encoded_codings.size()];
  compress::DecodeLimits limits;
  limits.bytes_max = std::size_t{64} << (data[1] % 16);
  limits.ratio_max = 50;
  limits.ratio_from = 4096;
  const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
  std::string out = "old";
  const compress::DecodeResult result =
      compress::decode_whole(coding, input, limits, SystemClock::instance(), out);
  require(out.size() <= limits.bytes_max);
  require(result == compress::DecodeResult::ok || out.empty());

  // The rest as text: there and back.
  std::string encoded, decoded;
  if (compress::encode_whole(coding, 1 + data[1] % 9, input, input.size() + 1000, encoded)) {
    limits.bytes_max = input.size();
    limits.ratio_max = 1U << 20U;
    require(compress::decode_whole(coding, encoded, limits, SystemClock::instance(), decoded) ==
            compress::DecodeResult::ok);
    require(decoded == input);
  }
  return 0;
}
