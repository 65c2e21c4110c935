#include "rules/laws/effect_test.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace homeostat::rules {

EffectVerdict EffectTest::add(double difference) {
  if (!std::isfinite(difference)) return verdict_;
  ++samples_;
  const double step = difference - mean_;
  mean_ += step / static_cast<double>(samples_);
  spread_ += step * (difference - mean_);
  const auto n = static_cast<double>(samples_);
  const double c = bounds_.prior;
  const double squares = spread_ + n * mean_ * mean_;  // V
  if (squares > 0) {
    // log M(n); the rest is V - S^2 / (n + c), never 0 while V is not.
    const double rest = squares - n * n * mean_ * mean_ / (n + c);
    const double log_ratio = 0.5 * std::log(c / (n + c)) + n / 2 * std::log(squares / rest);
    p_ = std::min(p_, std::exp(-log_ratio));
  }
  if (verdict_ == EffectVerdict::undecided && samples_ >= bounds_.samples_min) {
    const EffectEstimate now = estimate();
    if (now.low > 0) verdict_ = EffectVerdict::better;
    if (now.high < 0) verdict_ = EffectVerdict::worse;
  }
  return verdict_;
}

EffectEstimate EffectTest::estimate() const {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  EffectEstimate estimate{samples_, mean_, -infinity, infinity, 1 - p_};
  if (samples_ == 0) return estimate;
  const auto n = static_cast<double>(samples_);
  const double c = bounds_.prior;
  // M(n) of the differences to a mean m stays below 1/error as long as
  // (mean - m)^2 < s^2 (k - 1) / (1 - k c / (n + c)).
  const double k = std::exp(2 / n * (0.5 * std::log((n + c) / c) - std::log(bounds_.error)));
  const double divisor = 1 - k * c / (n + c);
  if (divisor <= 0) return estimate;
  const double half = std::sqrt(spread_ / n * (k - 1) / divisor);
  estimate.low = mean_ - half;
  estimate.high = mean_ + half;
  return estimate;
}

}  // namespace homeostat::rules
