// libFuzzer entry: see http_fuzz_entries.hpp for the properties.
#include "tests/fuzz/http_fuzz_entries.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  homeostat::http::testing::fuzz_http_response(data, size);
  return 0;
}
