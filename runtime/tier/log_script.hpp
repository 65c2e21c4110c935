// The fleet's log in Redis: one stream, and the one script that writes to it.
//
// Entry n has the id n-0, so that numbers are dense and a missing one is seen; each
// entry repeats the epoch `e` of the log beside its text `p`. The script makes the log
// if there is none (entry 1, without text), and makes it anew, with a new epoch, if the
// caller has seen higher numbers of the present one: a failover or a restart has lost
// entries, and numbers would be used twice. It appends texts and tells where the log
// stands. One key: in a cluster everything is in one slot.
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

/// `seen`: the newest entry the caller knows; if it is not there any more, or another one
/// in its place, the log is made anew. `fresh`: random, the epoch of a log that must be
/// made and the nonce of what is written. `texts` may be empty: then only the state is asked for.
[[nodiscard]] std::string log_command(const std::string& key, std::size_t length_max,
                                      const LogMark& seen, std::uint64_t fresh,
                                      std::span<const std::string> texts);

struct LogState {
  LogPosition last;         ///< the newest entry
  std::uint64_t nonce = 0;  ///< its nonce
  std::uint64_t first = 0;  ///< the oldest one that is left
};
[[nodiscard]] std::optional<LogState> read_log_state(const redis::Reply& reply);

struct LogEntry {
  LogPosition position;
  std::uint64_t nonce = 0;
  std::string text;
};
/// The entries after a position: a read that waits for up to `wait` for one.
[[nodiscard]] std::string read_command(const std::string& key, std::uint64_t after,
                                       std::size_t count_max, std::chrono::milliseconds wait);
/// Nothing if it is not what such a read answers.
[[nodiscard]] std::optional<std::vector<LogEntry>> read_log_entries(const redis::Reply& reply);

}  // namespace homeostat::tier
