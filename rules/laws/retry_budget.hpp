// How many requests may be sent a second time: a share of those sent a first
// time, and a few per second whatever the traffic.
//
// A count of attempts per request multiplies the load exactly when the upstream
// can take it least; a budget adds at most `ratio` to it. Tokens that are not
// used fade, so that a quiet hour pays for no storm. A retry costs one token:
//   tokens += (ratio x rate + per_second_min) x time, faded over `window`
//
// Source: RetryBudget of Finagle (20 % and 10 per second over 10 s; the same in
// linkerd and tower); Envoy's retry_budget counts active requests instead.
// It is asked only when something failed, and learns then from a running total
// what was sent meanwhile: the requests that succeed pay nothing for it.
// Thread safety: none. Units: std::chrono; ratio 0..1.
#pragma once

#include <cstdint>

#include "rules/laws/fading_sum.hpp"

namespace homeostat::rules {

struct RetryBudgetBounds {
  double ratio = 0.2;
  double per_second_min = 3;
  Duration window = std::chrono::seconds(10);
};

class RetryBudget {
 public:
  /// Begins with what a quiet window has saved.
  RetryBudget(const RetryBudgetBounds& bounds, Instant now) noexcept;

  /// True: send it again. `sent`: first attempts since the start.
  [[nodiscard]] bool take(Instant now, std::uint64_t sent) noexcept;
  [[nodiscard]] double tokens() const noexcept { return tokens_.value() - used_.value(); }

 private:
  RetryBudgetBounds bounds_;
  Instant asked_;
  std::uint64_t sent_ = 0;
  FadingSum tokens_, used_;
};

}  // namespace homeostat::rules
