#include "runtime/admin/recent_totals.hpp"

#include <algorithm>
#include <utility>

namespace homeostat::admin {
namespace {

/// What was counted for one endpoint and may now be another's is no less than nothing.
template <class Count>
void take_off(Count& total, Count before) noexcept {
  total = total > before ? total - before : Count{};
}

void take_off(RequestPatterns& total, const RequestPatterns& before) noexcept {
  for (const auto count :
       {&RequestPatterns::requests, &RequestPatterns::fetched, &RequestPatterns::in_runs,
        &RequestPatterns::deep_pages, &RequestPatterns::large_lists,
        &RequestPatterns::tracking_splits, &RequestPatterns::retries, &RequestPatterns::refetched,
        &RequestPatterns::unchanged}) {
    take_off(total.*count, before.*count);
  }
  for (const auto sum :
       {&RequestPatterns::fetched_seconds, &RequestPatterns::deep_page_seconds,
        &RequestPatterns::large_list_bytes, &RequestPatterns::unchanged_lifetime_seconds}) {
    take_off(total.*sum, before.*sum);
  }
}

}  // namespace

void RecentTotals::keep(Instant now, std::vector<RequestPatterns> patterns,
                        const CacheFigures& cache) {
  while (kept_.size() > 1 && now - kept_[1].at >= reach) kept_.pop_front();
  kept_.push_back({now, std::move(patterns), cache});
}

const RecentTotals::Kept* RecentTotals::base(Instant now) const noexcept {
  const Kept* found = nullptr;
  for (const Kept& one : kept_) {
    if (now - one.at >= reach) found = &one;
  }
  return found;
}

std::vector<RequestPatterns> RecentTotals::patterns(Instant now,
                                                    std::vector<RequestPatterns> totals) const {
  const Kept* const before = base(now);
  if (before == nullptr) return totals;
  for (RequestPatterns& total : totals) {
    const auto known =
        std::ranges::find(before->patterns, total.endpoint, &RequestPatterns::endpoint);
    if (known != before->patterns.end()) take_off(total, *known);
  }
  return totals;
}

CacheFigures RecentTotals::cache(Instant now, CacheFigures totals) const {
  const Kept* const before = base(now);
  if (before == nullptr) return totals;
  for (const auto count :
       {&CacheFigures::hits, &CacheFigures::misses, &CacheFigures::stores, &CacheFigures::evictions,
        &CacheFigures::expirations, &CacheFigures::bypasses, &CacheFigures::deletes,
        &CacheFigures::collapsed, &CacheFigures::errors}) {
    take_off(totals.*count, before->cache.*count);
  }
  return totals;
}

}  // namespace homeostat::admin
