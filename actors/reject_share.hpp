// The share of requests that admission rejects, from counts of short spans.
//
// Law. The newest spans are added up until they hold `samples_min` requests,
// but no further back than `reach`: under traffic the answer is about the last
// span, with little of it about the last ten seconds. Fewer requests than that
// prove nothing, and the answer is 0: one of one would be 100 %.
//
// Pure: time comes in. Thread safety: none; owned by the throttler. Memory:
// constant; `spans_max` spans, of which older ones are forgotten.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "runtime/ports/clock.hpp"

namespace homeostat::actors {

class RejectShare {
 public:
  static constexpr std::uint64_t samples_min = 20;
  static constexpr Duration reach = std::chrono::seconds(10);
  static constexpr std::size_t spans_max = 64;

  /// What was counted until `at`, since the span before.
  struct Span {
    Instant at{};
    std::uint64_t offered = 0, rejected = 0;
  };

  /// REQUIRES: span.at does not go backwards.
  double update(const Span& span) noexcept {
    newest_ = (newest_ + 1) % spans_max;
    spans_[newest_] = span;
    std::uint64_t offered = 0, rejected = 0;
    for (std::size_t back = 0; back < spans_max && offered < samples_min; ++back) {
      const Span& older = spans_[(newest_ + spans_max - back) % spans_max];
      if (span.at - older.at >= reach) break;
      offered += older.offered;
      rejected += older.rejected;
    }
    if (offered < samples_min) return 0;
    return static_cast<double>(rejected) / static_cast<double>(offered);
  }

 private:
  std::array<Span, spans_max> spans_{};
  std::size_t newest_ = 0;
};

}  // namespace homeostat::actors
