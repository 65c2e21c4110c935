#include "rules/laws/fading_sum.hpp"

#include <cmath>

namespace homeostat::rules {

void FadingSum::add(double fresh, Duration passed, Duration window) noexcept {
  if (passed <= Duration::zero()) {
    sum_ += fresh;
    return;
  }
  const double periods = static_cast<double>(passed.count()) / static_cast<double>(window.count());
  const double kept = std::exp(-periods);
  sum_ = sum_ * kept + fresh * (1 - kept) / periods;
}

}  // namespace homeostat::rules
