#include "runtime/gate/bucket_table.hpp"

#include <algorithm>
#include <bit>
#include <new>

namespace homeostat::gate {

namespace {

std::atomic_ref<std::uint64_t> shared(std::uint64_t& value) noexcept {
  return std::atomic_ref<std::uint64_t>(value);
}
std::atomic_ref<std::int64_t> shared(std::int64_t& value) noexcept {
  return std::atomic_ref<std::int64_t>(value);
}

std::int64_t nanoseconds(Instant instant) noexcept {
  return std::chrono::nanoseconds(instant.time_since_epoch()).count();
}

/// 0 marks a place that was never used.
constexpr std::uint64_t valid(std::uint64_t key) noexcept { return key == 0 ? 1 : key; }

}  // namespace

// Zeroed pages of the kernel's, which cost nothing until they are used.
BucketTable::BucketTable(std::size_t buckets)
    : sets_(std::bit_ceil(std::max<std::size_t>(buckets, places)) / places),
      buckets_(static_cast<Bucket*>(std::calloc(sets_ * places, sizeof(Bucket)))) {
  if (!buckets_) throw std::bad_alloc();
}

BucketTable::Bucket& BucketTable::find(std::uint64_t key) const noexcept {
  Bucket* const set = set_of(key);
  for (std::size_t place = 0; place + 1 < places; ++place) {
    if (shared(set[place].key).load(std::memory_order_relaxed) == key) return set[place];
  }
  return set[places - 1];
}

BucketTable::Bucket& BucketTable::claim(std::uint64_t key, std::int64_t now) noexcept {
  Bucket* const set = set_of(key);
  for (std::size_t place = 0; place + 1 < places; ++place) {
    Bucket& bucket = set[place];
    std::uint64_t owner = shared(bucket.key).load(std::memory_order_relaxed);
    if (owner != 0 && shared(bucket.full_at).load(std::memory_order_relaxed) > now) continue;
    if (shared(bucket.key).compare_exchange_strong(owner, key, std::memory_order_relaxed)) {
      return bucket;
    }
    if (owner == key) return bucket;  // another worker had the same thought
  }
  crowded_.fetch_add(1, std::memory_order_relaxed);
  return set[places - 1];
}

rules::RateVerdict BucketTable::take(std::uint64_t key, const rules::RequestRate& rate,
                                     Instant at) noexcept {
  key = valid(key);
  const std::int64_t now = nanoseconds(at);
  Bucket* bucket = &find(key);
  if (shared(bucket->key).load(std::memory_order_relaxed) != key) bucket = &claim(key, now);
  std::int64_t full_at = shared(bucket->full_at).load(std::memory_order_relaxed);
  for (;;) {
    const rules::RateVerdict verdict = rules::judge_rate(rate, full_at, now);
    if (!verdict.allowed ||
        shared(bucket->full_at)
            .compare_exchange_weak(full_at, verdict.full_at, std::memory_order_relaxed)) {
      return verdict;
    }
  }
}

void BucketTable::raise(std::uint64_t key, Duration until_full, Instant at) noexcept {
  key = valid(key);
  const std::int64_t now = nanoseconds(at), wanted = nanoseconds(at + until_full);
  Bucket* bucket = &find(key);
  if (shared(bucket->key).load(std::memory_order_relaxed) != key) {
    bucket = &claim(key, now);
    // The spare one belongs to many: what one of them used elsewhere is not theirs.
    if (shared(bucket->key).load(std::memory_order_relaxed) != key) return;
  }
  std::int64_t full_at = shared(bucket->full_at).load(std::memory_order_relaxed);
  while (
      full_at < wanted &&
      !shared(bucket->full_at).compare_exchange_weak(full_at, wanted, std::memory_order_relaxed)) {
  }
}

void BucketTable::give_back(std::uint64_t key, const rules::RequestRate& rate) noexcept {
  Bucket& bucket = find(valid(key));
  std::int64_t full_at = shared(bucket.full_at).load(std::memory_order_relaxed);
  while (!shared(bucket.full_at)
              .compare_exchange_weak(full_at, rules::rate_returned(rate, full_at),
                                     std::memory_order_relaxed)) {
  }
}

}  // namespace homeostat::gate
