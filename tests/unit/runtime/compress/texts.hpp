// Test texts, decoding for comparison, and a clock for those who look at it too often.
#pragma once

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>

#include "runtime/compress/decoder.hpp"

namespace homeostat::compress::testing {

/// Pretty-printed JSON of about `bytes` bytes, with nulls.
inline std::string json_text(std::size_t bytes, std::uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  std::string text = "[\n";
  while (text.size() < bytes) {
    text += "  {\"id\": " + std::to_string(random() % 1000000) + ", \"name\": \"item " +
            std::to_string(random() % 500) + "\", \"price\": " + std::to_string(random() % 1000) +
            ".50, \"parent\": null, \"tags\": [\"new\", null, \"sale\"]},\n";
  }
  return text + "  {}\n]\n";
}

inline std::string noise(std::size_t bytes, std::uint64_t seed = 7) {
  std::mt19937_64 random(seed);
  std::string text(bytes, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

/// A clock that moves on each time it is asked.
class Hurrying final : public Clock {
 public:
  [[nodiscard]] Instant now() const noexcept override {
    clock_.advance(std::chrono::seconds(1));
    return clock_.now();
  }
  [[nodiscard]] WallTime wall_now() const noexcept override { return clock_.wall_now(); }

 private:
  mutable ManualClock clock_;
};

/// The decoded text; a word in angle brackets if that fails.
inline std::string decoded(rules::Coding coding, std::string_view input) {
  std::string out;
  DecodeLimits limits;
  limits.ratio_max = 100000;
  limits.time_max = std::chrono::minutes(1);
  const DecodeResult result = decode_whole(coding, input, limits, SystemClock::instance(), out);
  if (result != DecodeResult::ok) return "<" + std::to_string(static_cast<int>(result)) + ">";
  return out;
}

}  // namespace homeostat::compress::testing
