// A bounded table of rate limit buckets, shared by all workers without a lock.
//
// Set-associative: a key hashes to one set of two cache lines with eight places.
// A place may be taken over only while its bucket is full
// (rules/laws/request_rate.hpp): such a bucket remembers nothing, so no flood of
// new keys can make the table forget what anybody has used. A key that finds no
// such place in its set shares a spare bucket of the set with others whose buckets take
// about as long to fill: the rate then holds for all of them together, and crowded() counts
// it. Those of a limit per second never wait for what one per hour has used.
//
// Two workers that meet a new key at the same instant may give it two places;
// the second one is never found again and fills up by itself. The key then gets
// at most one extra burst.
//
// Thread safety: all methods from any thread; compare-and-swap on the key's own
// bucket only. Bounds: `buckets` places, rounded up to a power of two and at
// least 8; 16 bytes each, and half as much for the spare ones, touched only when used. Keys must be
// hashes with a secret seed, or a client could choose whose set it fills.
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
  static constexpr std::size_t places = 8;
  static constexpr std::size_t spares = 8;  ///< of each set, by the time to fill
  struct Bucket {
    std::uint64_t key;  ///< 0: never used
    std::int64_t full_at;
  };
  struct Freed {
    void operator()(void* memory) const noexcept { std::free(memory); }
  };

  /// Null: the key has no place, or gets none.
  [[nodiscard]] Bucket* find(std::uint64_t key) const noexcept;
  [[nodiscard]] Bucket* claim(std::uint64_t key, std::int64_t now) noexcept;
  [[nodiscard]] std::int64_t& spare(std::uint64_t key,
                                    const rules::RequestRate& rate) const noexcept;
  [[nodiscard]] Bucket* set_of(std::uint64_t key) const noexcept {
    return buckets_.get() + (key & (sets_ - 1)) * places;
  }

  std::size_t sets_;
  std::unique_ptr<Bucket[], Freed> buckets_;
  std::unique_ptr<std::int64_t[], Freed> spares_;  ///< when each will be full
  std::atomic<std::uint64_t> crowded_{0};
};

}  // namespace homeostat::gate
