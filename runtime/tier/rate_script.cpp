#include "runtime/tier/rate_script.hpp"

#include <fmt/format.h>

#include <charconv>

#include "runtime/redis/command.hpp"

namespace homeostat::tier {
namespace {

using redis::Reply;

// KEYS: secret; ARGV: proposed.
constexpr std::string_view secret_script = R"(
redis.call('SET', KEYS[1], ARGV[1], 'NX')
return redis.call('GET', KEYS[1])
)";

// KEYS: bucket; ARGV: microseconds used, and at most. The clock is Redis', so that agents need
// not agree about the time. A failover may put it back: then the bucket is as it was left.
constexpr std::string_view take_script = R"(
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local text = redis.pcall('GET', KEYS[1])
local full_at, left_at = string.match(type(text) == 'string' and text or '', '^(%d+) (%d+)$')
local until_full = 0
if full_at then until_full = tonumber(full_at) - math.max(now, tonumber(left_at)) end
until_full = math.min(math.max(until_full, 0) + tonumber(ARGV[1]), tonumber(ARGV[2]))
redis.call('SET', KEYS[1], string.format('%.0f %.0f', now + until_full, now),
           'PX', math.ceil(until_full / 1000) + 1)
return until_full
)";

}  // namespace

std::string rate_secret_key(std::string_view key_prefix, std::string_view key_namespace) {
  return fmt::format("{{{}:{}}}:rate-secret", key_prefix, key_namespace);
}

std::string rate_secret_command(const std::string& key, std::uint64_t proposed) {
  return redis::make_command({"EVAL", secret_script, "1", key, fmt::format("{:016x}", proposed)});
}

std::optional<std::uint64_t> read_rate_secret(const Reply& reply) {
  if (!reply.is(Reply::Type::text) || reply.text.size() != 16) return std::nullopt;
  std::uint64_t secret = 0;
  const char* const end = reply.text.data() + reply.text.size();
  const auto [stop, error] = std::from_chars(reply.text.data(), end, secret, 16);
  return error == std::errc{} && stop == end ? std::optional(secret) : std::nullopt;
}

std::string rate_bucket_key(std::string_view key_prefix, std::string_view key_namespace,
                            std::uint64_t name) {
  return fmt::format("{{{}:{}:rate:{:016x}}}", key_prefix, key_namespace, name);
}

std::string rate_take_command(const std::string& key, std::chrono::microseconds used,
                              std::chrono::microseconds until_full_max) {
  return redis::make_command({"EVAL", take_script, "1", key, std::to_string(used.count()),
                              std::to_string(until_full_max.count())});
}

std::optional<std::chrono::microseconds> read_rate_taken(const Reply& reply,
                                                         std::chrono::microseconds until_full_max) {
  if (!reply.is(Reply::Type::integer) || reply.integer < 0 ||
      reply.integer > until_full_max.count()) {
    return std::nullopt;
  }
  return std::chrono::microseconds(reply.integer);
}

}  // namespace homeostat::tier
