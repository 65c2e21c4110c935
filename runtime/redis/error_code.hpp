// What kind of trouble an error reply of Redis tells of, by its code.
//
// Thread safety: pure functions. Errors: none; what is not known is `other`.
// Source: the codes of Redis 6 and 7 (server.c, createSharedObjects).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace homeostat::redis {

enum class ErrorCode : std::uint8_t {
  other,
  busy,          ///< BUSY: a script runs longer than busy-reply-threshold
  cluster_down,  ///< CLUSTERDOWN: slots without a server
  loading,       ///< LOADING: it reads its dump
  master_down,   ///< MASTERDOWN: a replica without its master
  misconf,       ///< MISCONF: it cannot save, and takes no writes
  no_auth,       ///< NOAUTH: the connection is not logged in (any more)
  no_perm,       ///< NOPERM: the user may not do that
  no_replicas,   ///< NOREPLICAS: too few replicas to take writes
  oom,           ///< OOM: maxmemory is reached, and nothing may be evicted
  read_only,     ///< READONLY: a replica
  redirect,      ///< MOVED, ASK, TRYAGAIN: a slot of a cluster is elsewhere, or moves
};
inline constexpr std::size_t error_code_count = 12;

/// As Redis writes it; "redirect" and "other" are no codes.
[[nodiscard]] std::string_view to_string(ErrorCode code) noexcept;

/// Every read is answered like that, until it passes by itself.
[[nodiscard]] bool refuses_for_now(ErrorCode code) noexcept;

/// Of the text of an error reply. Before Redis 7 a script's error names the script first, and
/// what a script's user may not do has no code of its own.
[[nodiscard]] ErrorCode error_code_of(std::string_view text) noexcept;

}  // namespace homeostat::redis
