// The bodies of the HTTP fuzz targets, also run by the unit tests.
//
// Properties: no crash; consumed bytes and views stay inside the input; every
// step makes progress; the outcome does not depend on how the bytes arrive; a
// small limit is never exceeded silently.
#pragma once

#include <cstdint>
#include <string_view>

#include "tests/fuzz/http_transcript.hpp"

namespace homeostat::http::testing {

/// The first byte chooses limits and context; the rest is the stream.
inline void fuzz_http_request(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return;
  ParseLimits limits;
  if ((data[0] & 1U) != 0) {
    limits.head_bytes_max = 128;
    limits.target_bytes_max = 24;
    limits.field_count_max = 4;
    limits.body_bytes_max = 20;
    limits.trailer_bytes_max = 48;
    limits.trailer_count_max = 2;
    limits.chunk_extension_bytes_max = 8;
  }
  both_ways<RequestParser>({reinterpret_cast<const char*>(data) + 1, size - 1}, limits);
}

inline void fuzz_http_response(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return;
  ParseLimits limits;
  if ((data[0] & 1U) != 0) {
    limits.head_bytes_max = 128;
    limits.field_count_max = 4;
    limits.body_bytes_max = 20;
    limits.interim_max = 1;
  }
  ResponseContext context;
  context.head_request = (data[0] & 2U) != 0;
  context.connect_request = (data[0] & 4U) != 0;
  context.upgrade_requested = (data[0] & 8U) != 0;
  both_ways<ResponseParser>({reinterpret_cast<const char*>(data) + 1, size - 1}, limits, context);
}

}  // namespace homeostat::http::testing
