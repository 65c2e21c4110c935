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
      buckets_(static_cast<Bucket*>(std::calloc(sets_ * places, sizeof(Bucket)))),
      spares_(static_cast<std::int64_t*>(std::calloc(sets_ * spares, sizeof(std::int64_t)))) {
  if (!buckets_ || !spares_) throw std::bad_alloc();
}

BucketTable::Bucket* BucketTable::find(std::uint64_t key) const noexcept {
  Bucket* const set = set_of(key);
  for (std::size_t place = 0; place < places; ++place) {
    if (shared(set[place].key).load(std::memory_order_relaxed) == key) return &set[place];
  }
  return nullptr;
}

BucketTable::Bucket* BucketTable::claim(std::uint64_t key, std::int64_t now) noexcept {
  Bucket* const set = set_of(key);
  for (std::size_t place = 0; place < places; ++place) {
    Bucket& bucket = set[place];
    std::uint64_t owner = shared(bucket.key).load(std::memory_order_relaxed);
    if (owner != 0 && shared(bucket.full_at).load(std::memory_order_relaxed) > now) continue;
    if (shared(bucket.key).compare_exchange_strong(owner, key, std::memory_order_relaxed)) {
      return &bucket;
    }
    if (owner == key) return &bucket;  // another worker had the same thought
  }
  return nullptr;
}

/// The first is for buckets that fill within four seconds, each further one for eight times that.
std::int64_t& BucketTable::spare(std::uint64_t key, const rules::RequestRate& rate) const noexcept {
  constexpr int shortest = 32, step = 3;  // binary digits of nanoseconds
  const auto fill_time = static_cast<std::uint64_t>(rate.interval.count() * rate.burst);
  const int digits = std::max(static_cast<int>(std::bit_width(fill_time)) - shortest, 0);
  const std::size_t kind =
      std::min<std::size_t>(static_cast<std::size_t>((digits + step - 1) / step), spares - 1);
  return spares_.get()[(key & (sets_ - 1)) * spares + kind];
}

rules::RateVerdict BucketTable::take(std::uint64_t key, const rules::RequestRate& rate,
                                     Instant at) noexcept {
  key = valid(key);
  const std::int64_t now = nanoseconds(at);
  Bucket* bucket = find(key);
  if (bucket == nullptr) bucket = claim(key, now);
  if (bucket == nullptr) crowded_.fetch_add(1, std::memory_order_relaxed);
  std::int64_t& state = bucket != nullptr ? bucket->full_at : spare(key, rate);
  std::int64_t full_at = shared(state).load(std::memory_order_relaxed);
  for (;;) {
    const rules::RateVerdict verdict = rules::judge_rate(rate, full_at, now);
    if (!verdict.allowed ||
        shared(state).compare_exchange_weak(full_at, verdict.full_at, std::memory_order_relaxed)) {
      return verdict;
    }
  }
}

void BucketTable::raise(std::uint64_t key, Duration until_full, Instant at) noexcept {
  key = valid(key);
  const std::int64_t now = nanoseconds(at), wanted = nanoseconds(at + until_full);
  Bucket* bucket = find(key);
  if (bucket == nullptr) bucket = claim(key, now);
  // A spare one belongs to many: what one of them used elsewhere is not theirs.
  if (bucket == nullptr) return;
  std::int64_t full_at = shared(bucket->full_at).load(std::memory_order_relaxed);
  while (
      full_at < wanted &&
      !shared(bucket->full_at).compare_exchange_weak(full_at, wanted, std::memory_order_relaxed)) {
  }
}

void BucketTable::give_back(std::uint64_t key, const rules::RequestRate& rate) noexcept {
  key = valid(key);
  Bucket* const bucket = find(key);
  std::int64_t& state = bucket != nullptr ? bucket->full_at : spare(key, rate);
  std::int64_t full_at = shared(state).load(std::memory_order_relaxed);
  while (!shared(state).compare_exchange_weak(full_at, rules::rate_returned(rate, full_at),
                                              std::memory_order_relaxed)) {
  }
}

}  // namespace homeostat::gate
