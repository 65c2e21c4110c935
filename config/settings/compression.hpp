// Section `compression`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "config/settings/common.hpp"
#include "rules/engine/rule.hpp"

namespace homeostat::config {

struct CompressionSettings {
  enum class Mode : std::uint8_t {
    off,
    on,
    adaptive
  };  ///< adaptive: only where a rule asks for it
  Mode mode = Mode::adaptive;
  /// What may be used, preferred first.
  std::vector<rules::Coding> algorithms = {rules::Coding::zstd, rules::Coding::brotli,
                                           rules::Coding::gzip};
  std::size_t min_size = kibibyte;
  std::size_t max_size =
      16 * mebibyte;  ///< stored variants; larger bodies are compressed while streaming
  int level = 0;      ///< 1..9 for every algorithm alike; 0 = adaptive
  /// Media type pattern and its own level; the first that matches decides.
  std::vector<std::pair<std::string, int>> levels;
  std::vector<std::string> types = {
      "text/*",        "application/json",   "application/javascript", "application/xml",
      "image/svg+xml", "application/*+json", "application/*+xml"};
  std::vector<std::string> exclude_types = {"text/event-stream"};
  /// Paths whose secret-bearing responses are compressed all the same (BREACH).
  std::vector<std::string> secret_paths;
  /// Encoder states of responses that stream, all workers together; above it
  /// they pass as they are.
  std::size_t stream_memory = 32 * mebibyte;
};

}  // namespace homeostat::config
