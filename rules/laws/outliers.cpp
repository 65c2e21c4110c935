#include "rules/laws/outliers.hpp"

#include <algorithm>
#include <cmath>

namespace homeostat::rules {
namespace {

struct Sum {
  double calls = 0, failures = 0;
  [[nodiscard]] double success() const noexcept { return calls > 0 ? 1 - failures / calls : 1; }
};

/// 0 when the target does not stand out.
double badness(const Sum& one, const Sum& others, const OutlierBounds& bounds) noexcept {
  const double least = std::max<double>(static_cast<double>(bounds.calls_min), 1);
  if (one.calls < least || others.calls < least) return 0;
  const double gap = others.success() - one.success();
  if (gap < bounds.gap_min || gap <= 0) return 0;
  const double all = (one.failures + others.failures) / (one.calls + others.calls);
  const double error = std::sqrt(all * (1 - all) * (1 / one.calls + 1 / others.calls));
  // Everything failed here and nothing elsewhere leaves no doubt at any volume.
  const double deviations = error > 0 ? gap / error : bounds.deviations;
  return deviations >= bounds.deviations ? gap : 0;
}

}  // namespace

std::vector<std::size_t> find_outliers(std::span<const OutlierView> targets,
                                       const OutlierBounds& bounds) {
  std::vector<std::size_t> found;
  std::vector<bool> out;
  for (const OutlierView& target : targets) out.push_back(target.out);
  const std::size_t count = targets.size();
  const auto share = static_cast<std::size_t>(bounds.ejected_max * static_cast<double>(count));
  const std::size_t most =
      std::min(std::max<std::size_t>(share, 1), count - std::min<std::size_t>(count, 1));
  auto already = static_cast<std::size_t>(std::count(out.begin(), out.end(), true));
  for (; already < most; ++already) {
    Sum all;
    for (std::size_t i = 0; i < count; ++i) {
      if (out[i]) continue;
      all.calls += static_cast<double>(targets[i].calls);
      all.failures += static_cast<double>(targets[i].failures);
    }
    std::size_t worst = count;
    double worst_gap = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (out[i]) continue;
      const Sum one{static_cast<double>(targets[i].calls),
                    static_cast<double>(targets[i].failures)};
      const Sum others{all.calls - one.calls, all.failures - one.failures};
      const double gap = badness(one, others, bounds);
      if (gap > worst_gap) {
        worst = i;
        worst_gap = gap;
      }
    }
    if (worst == count) break;
    out[worst] = true;
    found.push_back(worst);
  }
  return found;
}

Duration ejection_time(unsigned times, const OutlierBounds& bounds) noexcept {
  const Duration most = bounds.ejection_max;
  if (bounds.ejection.count() <= 0) return Duration::zero();
  if (times >= most / bounds.ejection) return std::max(most, bounds.ejection);
  return bounds.ejection * std::max(times, 1U);
}

}  // namespace homeostat::rules
