// The lease of a fill as it lies in Redis: a key beside the entry's, in the same slot of
// a cluster, that holds its owner's token (32 bytes) and expires by itself; a `+` behind
// the token says that somebody waits. What became of leased fills is told in a stream.
// What is fetched under a lease is written by store_script.hpp, which ends it.
//
// Thread safety: pure functions.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/redis/reply.hpp"

namespace homeostat::tier {

inline constexpr std::size_t lease_token_bytes = 32;

/// Empty: the entry's key is so odd that no other one is sure to be in its slot.
[[nodiscard]] std::string lease_key(const std::string& entry_key);

/// `absent`: a moment ago there was no entry. If there is one now, no lease is given.
[[nodiscard]] std::string acquire_command(const std::string& lease, const std::string& entry_key,
                                          const std::string& token,
                                          std::chrono::milliseconds length, bool absent);
struct Acquired {
  enum class State : std::uint8_t { ours, others, filled };
  State state = State::ours;
  std::chrono::milliseconds left{};  ///< of the others'
};
/// Nothing: no such answer.
[[nodiscard]] std::optional<Acquired> read_acquired(const redis::Reply& reply);

/// Ends a lease if it is still the token's.
[[nodiscard]] std::string release_command(const std::string& lease, const std::string& token);
enum class LeaseUse : std::uint8_t {
  lost,       ///< it was another's: nothing was done
  alone,      ///< done; nobody waits
  waited_for  ///< done; somebody waits for news of it
};
[[nodiscard]] std::optional<LeaseUse> read_lease_use(const redis::Reply& reply);

// -- news of leased fills -----------------------------------------------------------

enum class FillNewsKind : std::uint8_t {
  stored,  ///< the entry is there
  gone,    ///< nothing came of it that could be shared
};
struct FillNewsEntry {
  std::uint64_t key = 0;  ///< hash of the entry's key
  FillNewsKind kind = FillNewsKind::gone;
};
struct FillNewsPage {
  std::string last;  ///< id of the last entry; empty: there is none
  std::vector<FillNewsEntry> entries;
};

[[nodiscard]] std::string fill_news_key(std::string_view key_prefix,
                                        std::string_view key_namespace);
[[nodiscard]] std::uint64_t fill_news_hash(std::string_view entry_key) noexcept;
[[nodiscard]] std::string tell_command(const std::string& stream, std::string_view entry_key,
                                       FillNewsKind kind);
/// Where the stream ends now.
[[nodiscard]] std::string last_news_command(const std::string& stream);
[[nodiscard]] std::string read_news_command(const std::string& stream, const std::string& after,
                                            std::size_t count_max, std::chrono::milliseconds wait);
/// Of either. Entries nobody can read are skipped.
[[nodiscard]] std::optional<FillNewsPage> read_last_news(const redis::Reply& reply);
[[nodiscard]] std::optional<FillNewsPage> read_news(const redis::Reply& reply);

}  // namespace homeostat::tier
