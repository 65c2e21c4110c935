#include "runtime/tier/figures.hpp"

namespace homeostat::tier {

const char* to_string(ReadOutcome outcome) noexcept {
  static constexpr std::array<const char*, read_outcome_count> words = {
      "hit",       "miss",   "late",       "failed",   "unavailable", "slow",
      "untrusted", "broken", "unsuitable", "outdated", "expired"};
  return words[static_cast<std::size_t>(outcome)];
}

const char* to_string(WriteOutcome outcome) noexcept {
  static constexpr std::array<const char*, write_outcome_count> words = {
      "stored",    "failed", "unavailable", "too_large", "busy",
      "unstamped", "fenced", "older",       "outdated"};
  return words[static_cast<std::size_t>(outcome)];
}

const char* to_string(LeaseOutcome outcome) noexcept {
  static constexpr std::array<const char*, lease_outcome_count> words = {
      "granted", "filled", "gone", "expired", "failed"};
  return words[static_cast<std::size_t>(outcome)];
}

}  // namespace homeostat::tier
