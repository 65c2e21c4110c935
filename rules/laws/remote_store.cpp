#include "rules/laws/remote_store.hpp"

#include <algorithm>
#include <cmath>

namespace homeostat::rules {

void LatencyEstimate::add(Duration sample) noexcept {
  const double seconds = std::max(0.0, std::chrono::duration<double>(sample).count());
  if (!known_) {
    mean_ = seconds;
    deviation_ = seconds / 2;
    known_ = true;
    return;
  }
  deviation_ += (std::abs(seconds - mean_) - deviation_) / 4;
  mean_ += (seconds - mean_) / 8;
}

void StoreBreaker::succeeded() noexcept {
  failures_ = 0;
  if (!open_) return;
  if (++successes_ >= closes_after) connected();
}

void StoreBreaker::failed(Instant made, Instant now) noexcept {
  successes_ = 0;
  const bool known = failed_at_ && made <= *failed_at_;
  if (open_ || known) return;
  failed_at_ = now;
  if (++failures_ >= opens_after) lost();
}

void StoreBreaker::lost() noexcept {
  open_ = true;
  failures_ = successes_ = 0;
}

void StoreBreaker::connected() noexcept {
  open_ = false;
  failures_ = successes_ = 0;
}

Duration read_budget(const LatencyEstimate& store, const LatencyEstimate& origin,
                     Duration longest) noexcept {
  Duration budget = longest;
  if (store.known()) budget = std::min(budget, 3 * (store.mean() + 4 * store.deviation()));
  if (origin.known()) budget = std::min(budget, origin.mean());
  return std::min(std::max(budget, budget_min), longest);
}

Worth ReadGovernor::worth_asking(const LatencyEstimate& origin, Instant now) noexcept {
  if (!store_.known() || !origin.known() || store_.mean() <= origin.mean()) return Worth::yes;
  if (now - probed_ < learning_interval) return Worth::no;
  probed_ = now;
  return Worth::to_learn;
}

bool ReadGovernor::worth_a_rejection(const HitShare& hits, Instant now) noexcept {
  if (hits.share() >= hit_share_min) return true;
  if (now - tried_ < probe_interval) return false;
  tried_ = now;
  return true;
}

}  // namespace homeostat::rules
