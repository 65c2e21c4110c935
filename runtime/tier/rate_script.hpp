// Buckets of rate limits as they lie in Redis: a key for each bucket that holds the
// instant at which it will be full again and that of the last use, by Redis' clock, and
// expires when it is full. What several agents let through adds up there.
//
// Names of buckets are hashes with a secret that all agents of a fleet share and nobody
// outside knows; the first one to come puts it into Redis.
//
// Thread safety: pure functions.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/redis/reply.hpp"

namespace homeostat::tier {

[[nodiscard]] std::string rate_secret_key(std::string_view key_prefix,
                                          std::string_view key_namespace);
/// Puts `proposed` there unless there is one already; answers the one in force.
[[nodiscard]] std::string rate_secret_command(const std::string& key, std::uint64_t proposed);
[[nodiscard]] std::optional<std::uint64_t> read_rate_secret(const redis::Reply& reply);

/// Begins like no entry's key, so that listings of those leave it out; each has its own slot
/// of a cluster.
[[nodiscard]] std::string rate_bucket_key(std::string_view key_prefix,
                                          std::string_view key_namespace, std::uint64_t name);
/// Takes so much time to fill out of a bucket; answers how long it now takes to be full, which
/// the script keeps within `until_full_max`.
[[nodiscard]] std::string rate_take_command(const std::string& key, std::chrono::microseconds used,
                                            std::chrono::microseconds until_full_max);
/// Nothing if that is not what the script answers: more than `until_full_max`, for example.
[[nodiscard]] std::optional<std::chrono::microseconds> read_rate_taken(
    const redis::Reply& reply, std::chrono::microseconds until_full_max);

}  // namespace homeostat::tier
