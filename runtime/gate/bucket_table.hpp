// A bounded table of rate limit buckets, shared by all workers without a lock.
//
// Set-associative: a key hashes to one set of two cache lines with seven places
// and a spare one. A place may be taken over only while its bucket is full
// (rules/laws/request_rate.hpp): such a bucket remembers nothing, so no flood of
// new keys can make the table forget what anybody has used. A key that finds no
// such place in its set shares the set's spare bucket with others of its kind:
// the rate then holds for all of them together, and crowded() counts it.
//
// Two workers that meet a new key at the same instant may give it two places;
// the second one is never found again and fills up by itself. The key then gets
// at most one extra burst.
//
// Thread safety: all methods from any thread; compare-and-swap on the key's own
// bucket only. Bounds: `buckets` places, rounded up to a power of two and at
// least 8; 16 bytes each, touched only when used. Keys must be hashes with a
// secret seed, or a client could choose whose set it fills.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "rules/laws/request_rate.hpp"
#include "runtime/ports/clock.hpp"

namespace homeostat::gate {

class BucketTable {
 public:
  /// Throws std::bad_alloc.
  explicit BucketTable(std::size_t buckets);

  /// One request of this key.
  [[nodiscard]] rules::RateVerdict take(std::uint64_t key, const rules::RequestRate& rate,
                                        Instant now) noexcept;
  /// Others have used this key's bucket, too: it takes at least `until_full` from now on.
  void raise(std::uint64_t key, Duration until_full, Instant now) noexcept;
  /// Undoes a take() that was allowed.
  void give_back(std::uint64_t key, const rules::RequestRate& rate) noexcept;

  /// Requests whose key found no place of its own.
  [[nodiscard]] std::uint64_t crowded() const noexcept {
    return crowded_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::size_t buckets() const noexcept { return sets_ * places; }

 private:
  static constexpr std::size_t places = 8;  ///< the last one is the spare
  struct Bucket {
    std::uint64_t key;  ///< 0: never used
    std::int64_t full_at;
  };
  struct Freed {
    void operator()(Bucket* buckets) const noexcept { std::free(buckets); }
  };

  [[nodiscard]] Bucket& find(std::uint64_t key) const noexcept;
  [[nodiscard]] Bucket& claim(std::uint64_t key, std::int64_t now) noexcept;
  [[nodiscard]] Bucket* set_of(std::uint64_t key) const noexcept {
    return buckets_.get() + (key & (sets_ - 1)) * places;
  }

  std::size_t sets_;
  std::unique_ptr<Bucket[], Freed> buckets_;
  std::atomic<std::uint64_t> crowded_{0};
};

}  // namespace homeostat::gate
