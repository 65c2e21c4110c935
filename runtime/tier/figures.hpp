// What the shared tier counts, for metrics, rules and the management API.
//
// Thread safety: TierCounters from any thread; the rest are plain values.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "runtime/redis/call.hpp"
#include "runtime/tier/entry.hpp"
#include "runtime/tier/read_times.hpp"

namespace homeostat::tier {

/// What became of one read.
enum class ReadOutcome : std::uint8_t {
  hit,
  miss,
  late,         ///< no answer within its budget
  failed,       ///< no connection, or an error reply
  unavailable,  ///< not asked: Redis is not up, or refuses all for now
  slow,         ///< not asked: Redis takes longer than the origin
  untrusted,    ///< not asked: no news of invalidations
  broken,       ///< an entry that cannot be read, see EntryError
  unsuitable,   ///< an entry that this request, or this agent's rules, may not use
  outdated,     ///< an entry that was invalidated
  expired,
};
inline constexpr std::size_t read_outcome_count = 11;
[[nodiscard]] const char* to_string(ReadOutcome outcome) noexcept;

enum class WriteOutcome : std::uint8_t {
  stored,
  failed,       ///< no answer, or an error reply (e.g. maxmemory without eviction)
  unavailable,  ///< not tried: Redis is not up, or has no room in the queue
  too_large,
  busy,       ///< the compression's queue was full
  unstamped,  ///< not tried: no news of invalidations when its fetch began
  fenced,     ///< its lease had ended, and somebody else has filled it or does
  older,      ///< what is there was made later, and stays
  outdated,   ///< not tried: it was invalidated while it was fetched
};
inline constexpr std::size_t write_outcome_count = 9;
[[nodiscard]] const char* to_string(WriteOutcome outcome) noexcept;

/// What became of one try to fetch something for the whole fleet.
enum class LeaseOutcome : std::uint8_t {
  granted,  ///< this agent fetched
  filled,   ///< another one did, and told
  gone,     ///< another one did, and nothing that can be shared came of it
  expired,  ///< another one did not within its lease, or the request's deadline
  failed,   ///< Redis did not answer in time, or not with a lease
};
inline constexpr std::size_t lease_outcome_count = 5;
[[nodiscard]] const char* to_string(LeaseOutcome outcome) noexcept;

struct TierCounters {
  using Counter = std::atomic<std::uint64_t>;
  std::array<Counter, read_outcome_count> reads{};
  std::array<Counter, write_outcome_count> writes{};
  std::array<Counter, entry_error_count> broken{};
  std::array<Counter, lease_outcome_count> leases{};
  Counter lease_wait_nanoseconds{0};
  Counter would_skip{0};  ///< reads that shadow mode would not have made
  Counter read_nanoseconds{0}, answered_reads{0};
  ReadTimes read_times;                         ///< answered reads, and late ones at their budget
  Counter body_bytes_in{0}, body_bytes_out{0};  ///< of bodies written: as they were, as stored
  Counter invalidations_sent{0}, invalidations_received{0}, invalidations_waiting{0};
  Counter log_gaps{0};         ///< the log was lost or had a gap: everything was distrusted
  Counter rates_exchanged{0};  ///< uses of rate limits that the fleet has added up
  Counter rates_unshared{0};   ///< those it has not: they count in this agent only
  Counter partitions{0};       ///< times everything was made stale because of partition_max

  void count(ReadOutcome outcome) noexcept { add(reads[static_cast<std::size_t>(outcome)]); }
  void count(WriteOutcome outcome) noexcept { add(writes[static_cast<std::size_t>(outcome)]); }
  void count(LeaseOutcome outcome) noexcept { add(leases[static_cast<std::size_t>(outcome)]); }
  void count(EntryError error) noexcept { add(broken[static_cast<std::size_t>(error)]); }
  static void add(Counter& counter, std::uint64_t by = 1) noexcept {
    counter.fetch_add(by, std::memory_order_relaxed);
  }
};

}  // namespace homeostat::tier
