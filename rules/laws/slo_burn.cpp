#include "rules/laws/slo_burn.hpp"

#include <algorithm>

namespace homeostat::rules {

void SloBurn::update(Instant now, const ObjectiveTotals& totals) {
  const std::int64_t minute =
      std::chrono::floor<std::chrono::minutes>(now.time_since_epoch()).count();
  if (minute < minute_) return;
  minute_ = minute;
  Bucket& bucket = buckets_[static_cast<std::size_t>(minute) % buckets];
  if (bucket.minute != minute) bucket = {minute, 0, 0};
  if (started_ && totals.requests >= last_.requests && totals.bad >= last_.bad) {
    bucket.requests += totals.requests - last_.requests;
    bucket.bad += totals.bad - last_.bad;
  }
  last_ = totals;
  started_ = true;
}

double SloBurn::burn(std::chrono::minutes window) const noexcept {
  std::uint64_t requests = 0, bad = 0;
  for (const Bucket& bucket : buckets_) {
    // The open minute comes on top, so that a window is never shorter than asked.
    if (bucket.minute < 0 || minute_ - bucket.minute > window.count()) continue;
    requests += bucket.requests;
    bad += bucket.bad;
  }
  if (requests == 0) return 0;
  return static_cast<double>(bad) / static_cast<double>(requests) / allowed_;
}

double SloBurn::fast() const noexcept {
  return std::min(burn(std::chrono::hours(1)), burn(std::chrono::minutes(5)));
}

double SloBurn::slow() const noexcept {
  return std::min(burn(std::chrono::hours(6)), burn(std::chrono::minutes(30)));
}

}  // namespace homeostat::rules
