#include "rules/laws/retry_budget.hpp"

#include <algorithm>

namespace homeostat::rules {

RetryBudget::RetryBudget(const RetryBudgetBounds& bounds, Instant now) noexcept
    : bounds_(bounds), asked_(now) {
  const double window = std::chrono::duration<double>(bounds.window).count();
  tokens_.add(bounds.per_second_min * window, Duration::zero(), bounds.window);
}

bool RetryBudget::take(Instant now, std::uint64_t sent) noexcept {
  const Duration passed = std::max(now - asked_, Duration::zero());
  const double seconds = std::chrono::duration<double>(passed).count();
  const auto fresh = static_cast<double>(sent - std::min(sent, sent_));
  tokens_.add(bounds_.ratio * fresh + bounds_.per_second_min * seconds, passed, bounds_.window);
  used_.add(0, passed, bounds_.window);
  asked_ = now;
  sent_ = sent;
  if (tokens() < 1) return false;
  used_.add(1, Duration::zero(), bounds_.window);
  return true;
}

}  // namespace homeostat::rules
