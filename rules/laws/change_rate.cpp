#include "rules/laws/change_rate.hpp"

#include <algorithm>
#include <cmath>

namespace homeostat::rules {
namespace {

constexpr double remembered = 39.0 / 40.0;
constexpr double changes_max = 5;  // that one fetch may stand for
constexpr double lived_share = 0.5;

double in_seconds(Duration duration) noexcept {
  return std::max(0.0, std::chrono::duration<double>(duration).count());
}

/// The changes to be expected where at least one is certain.
double changes_behind(double expected) noexcept {
  if (expected < 1e-6) return 1;
  return std::min(changes_max, expected / -std::expm1(-expected));
}

}  // namespace

double changes_per_second(const ChangeEvidence& evidence) noexcept {
  return evidence.exposure > 0 ? evidence.changes / evidence.exposure : 0;
}

ChangeEvidence after(ChangeEvidence evidence, const Refetch& refetch) noexcept {
  const double lived = in_seconds(refetch.lived);
  if (lived <= 0) return evidence;  // nothing had time to change
  const double rate = changes_per_second(evidence);
  evidence.changes *= remembered;
  evidence.exposure = evidence.exposure * remembered + lived;
  evidence.fetches = evidence.fetches * remembered + 1;
  if (refetch.changed) evidence.changes += changes_behind(rate * lived);
  return evidence;
}

Duration lifetime_bound(const ChangeEvidence& evidence) noexcept {
  if (evidence.fetches < change_fetches_min) return unbounded_lifetime;
  constexpr double longest = 10.0 * 365 * 86400;  // beyond any lifetime, and no overflow
  const double seconds = lived_share / changes_per_second(evidence);
  if (!(seconds < longest)) return unbounded_lifetime;
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

Duration LifetimeBound::cut(Duration given) const noexcept {
  if (given <= at_most) return given;
  const Duration part = std::chrono::duration_cast<Duration>(given * std::clamp(lowest, 0.0, 1.0));
  const Duration least = std::max<Duration>(std::chrono::seconds(1), part);
  return std::min(given, std::max(at_most, least));
}

}  // namespace homeostat::rules
