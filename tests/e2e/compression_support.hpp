// What the compression tests share: texts, codings, short configuration.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "runtime/compress/decoder.hpp"
#include "runtime/compress/whole_encoder.hpp"
#include "tests/e2e/cache_support.hpp"

namespace homeostat::test {

using rules::Coding;

inline const std::string type = "Content-Type: text/plain\r\n";
inline const std::string kept = "Cache-Control: max-age=60\r\n";

inline AgentConfig compressing(const ScriptedOrigin& origin, const std::string& compression,
                               const std::string& cache = {}) {
  AgentConfig config = config_of(origin, cache);
  config.compression = compression;
  return config;
}

inline std::string accept(Coding coding) {
  return "Accept-Encoding: " + std::string(rules::coding_name(coding)) + "\r\n";
}

inline std::string decoded(Coding coding, std::string_view body) {
  std::string out;
  compress::DecodeLimits limits;
  limits.ratio_max = 1U << 20U;
  const auto result = compress::decode_whole(coding, body, limits, ThreadClock::instance(), out);
  return result == compress::DecodeResult::ok ? out : "<not decodable>";
}

inline std::string encoded(Coding coding, std::string_view text) {
  std::string out;
  EXPECT_TRUE(compress::encode_whole(coding, 5, text, text.size() + 100, out));
  return out;
}

inline std::string text_of(std::size_t bytes) {
  std::string text;
  while (text.size() < bytes) text += "line " + std::to_string(text.size()) + "\n";
  return text;
}

}  // namespace homeostat::test
