#include "runtime/tier/lease_script.hpp"

#include <fmt/format.h>

#include <charconv>

#include "runtime/cache/key.hpp"
#include "runtime/redis/command.hpp"
#include "runtime/redis/slot.hpp"

namespace homeostat::tier {
namespace {

using redis::Reply;
using std::chrono::milliseconds;

constexpr std::string_view news_length = "1024";
constexpr std::string_view stored_field = "s", gone_field = "g";

// KEYS: lease, entry; ARGV: token, length, "1" if there was no entry.
constexpr std::string_view acquire_script = R"(
if ARGV[3] == '1' and redis.call('EXISTS', KEYS[2]) == 1 then return -1 end
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 0 end
redis.call('SETRANGE', KEYS[1], 32, '+')
local left = redis.call('PTTL', KEYS[1])
if left < 1 then left = 1 end
return left
)";

// KEYS[1] lease; ARGV: token.
constexpr std::string_view release_script = R"(
local held = redis.call('GET', KEYS[1])
if not held or string.sub(held, 1, 32) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
if #held > 32 then return 2 end
return 1
)";

std::string text_of(milliseconds value) { return std::to_string(value.count()); }

/// [[id, [name, value]], ...]
bool read_rows(const Reply& rows, FillNewsPage& page) {
  if (!rows.is(Reply::Type::array)) return false;
  for (const Reply& row : rows.elements) {
    if (row.elements.size() != 2) return false;
    page.last = row.elements[0].text;
    const std::vector<Reply>& pair = row.elements[1].elements;
    if (pair.size() < 2) continue;
    FillNewsEntry entry;
    const std::string& hash = pair[1].text;
    const auto parsed = std::from_chars(hash.data(), hash.data() + hash.size(), entry.key, 16);
    if (parsed.ec != std::errc{}) continue;
    entry.kind = pair[0].text == stored_field ? FillNewsKind::stored : FillNewsKind::gone;
    page.entries.push_back(entry);
  }
  return true;
}

}  // namespace

std::string lease_key(const std::string& entry_key) {
  const unsigned slot = redis::slot_of(entry_key);
  for (std::string candidate : {"{" + entry_key + "}:fill", entry_key + ":fill"}) {
    if (redis::slot_of(candidate) == slot) return candidate;
  }
  return {};
}

std::string acquire_command(const std::string& lease, const std::string& entry_key,
                            const std::string& token, milliseconds length, bool absent) {
  return redis::make_command(
      {"EVAL", acquire_script, "2", lease, entry_key, token, text_of(length), absent ? "1" : "0"});
}

std::optional<Acquired> read_acquired(const Reply& reply) {
  if (!reply.is(Reply::Type::integer) || reply.integer < -1) return std::nullopt;
  if (reply.integer < 0) return Acquired{Acquired::State::filled, {}};
  if (reply.integer == 0) return Acquired{};
  return Acquired{Acquired::State::others, milliseconds(reply.integer)};
}

std::string release_command(const std::string& lease, const std::string& token) {
  return redis::make_command({"EVAL", release_script, "1", lease, token});
}

std::optional<LeaseUse> read_lease_use(const Reply& reply) {
  if (!reply.is(Reply::Type::integer) || reply.integer < 0 || reply.integer > 2) {
    return std::nullopt;
  }
  return static_cast<LeaseUse>(reply.integer);
}

// -- news ---------------------------------------------------------------------------

std::string fill_news_key(std::string_view key_prefix, std::string_view key_namespace) {
  return fmt::format("{{{}:{}}}:fills", key_prefix, key_namespace);
}

std::uint64_t fill_news_hash(std::string_view entry_key) noexcept {
  return cache::hash_key(entry_key, cache::shared_key_seed);
}

std::string tell_command(const std::string& stream, std::string_view entry_key, FillNewsKind kind) {
  return redis::make_command({"XADD", stream, "MAXLEN", "~", news_length, "*",
                              kind == FillNewsKind::stored ? stored_field : gone_field,
                              fmt::format("{:x}", fill_news_hash(entry_key))});
}

std::string last_news_command(const std::string& stream) {
  return redis::make_command({"XREVRANGE", stream, "+", "-", "COUNT", "1"});
}

std::string read_news_command(const std::string& stream, const std::string& after,
                              std::size_t count_max, milliseconds wait) {
  return redis::make_command({"XREAD", "COUNT", std::to_string(count_max), "BLOCK", text_of(wait),
                              "STREAMS", stream, after});
}

std::optional<FillNewsPage> read_last_news(const Reply& reply) {
  FillNewsPage page;
  return read_rows(reply, page) ? std::optional(std::move(page)) : std::nullopt;
}

std::optional<FillNewsPage> read_news(const Reply& reply) {
  FillNewsPage page;
  if (reply.is(Reply::Type::nil)) return page;
  if (!reply.is(Reply::Type::array) || reply.elements.size() != 1 ||
      reply.elements[0].elements.size() != 2) {
    return std::nullopt;
  }
  return read_rows(reply.elements[0].elements[1], page) ? std::optional(std::move(page))
                                                        : std::nullopt;
}

}  // namespace homeostat::tier
