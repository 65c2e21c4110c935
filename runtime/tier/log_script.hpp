// The fleet's log in Redis: one stream, and the one script that writes to it.
//
// Entry n has the id n-0, so that numbers are dense and a missing one is seen; each entry repeats
// the epoch `e` of the log beside its text `p`, names in `q` the nonce of the one before, and
// counts in `b` the bytes of all until then.
// The script makes the log if there is none (entry 1, without text), appends texts, drops the
// oldest beyond `length_max` entries, or half of them beyond `log_bytes_max` bytes, and tells where
// the log stands. In a cluster its keys are in one slot.
//
// It makes the log anew, with a new epoch, if what the caller has seen is not in it: a failover
// or a restart has lost entries, or has brought back an older log, or one that others went on
// with meanwhile. Numbers would be used twice, and what agents stored under this epoch may have
// been invalidated under one it knows nothing of. A list beside the log keeps its ancestors: the
// epochs that were left for it, and how far each had come. What the caller saw is in the log if
//
//   it is of its epoch, and that number is there, under the same nonce if it is still kept
//   it is of an ancestor, and was left at this number or later: everything invalidated until
//     then was before the first thing stored under the present epoch
//
// Beyond `log_ancestors_max` the oldest are forgotten: who comes from one of them makes the log
// anew once more than it must, and nothing is trusted that should not be.
//
// Thread safety: pure functions.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/redis/reply.hpp"
#include "runtime/tier/position.hpp"

namespace homeostat::tier {

/// The stream of a cache's fleet.
[[nodiscard]] std::string log_key(std::string_view key_prefix, std::string_view key_namespace);

inline constexpr std::size_t log_ancestors_max = 64;
inline constexpr std::size_t log_bytes_max = std::size_t{64} << 20;
/// Where a log's ancestors are.
[[nodiscard]] std::string ancestors_key(const std::string& log);

/// `seen`: the newest entry the caller knows, of whatever log; if it is not in this one, the log
/// is made anew. `fresh`: random, the epoch of a log that must be
/// made and the nonce of what is written. `texts` may be empty: then only the state is asked for.
[[nodiscard]] std::string log_command(const std::string& key, std::size_t length_max,
                                      const LogMark& seen, std::uint64_t fresh,
                                      std::span<const std::string> texts,
                                      std::size_t bytes_max = log_bytes_max);

struct LogState {
  LogPosition last;         ///< the newest entry
  std::uint64_t nonce = 0;  ///< its nonce
  std::uint64_t first = 0;  ///< the oldest one that is left
};
[[nodiscard]] std::optional<LogState> read_log_state(const redis::Reply& reply);

struct LogEntry {
  LogPosition position;
  std::uint64_t nonce = 0;
  std::uint64_t before = 0;  ///< the nonce of the entry before; 0: of the first, or not known
  std::string text;
};
/// The entries after a position: a read that waits for up to `wait` for one.
[[nodiscard]] std::string read_command(const std::string& key, std::uint64_t after,
                                       std::size_t count_max, std::chrono::milliseconds wait);
/// Nothing if it is not what such a read answers.
[[nodiscard]] std::optional<std::vector<LogEntry>> read_log_entries(const redis::Reply& reply);

}  // namespace homeostat::tier
