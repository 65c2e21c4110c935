#include "runtime/tier/store_script.hpp"

#include <string_view>
#include <vector>

#include "runtime/redis/command.hpp"
#include "runtime/tier/entry.hpp"
#include "runtime/tier/fill_lease.hpp"

namespace homeostat::tier {
namespace {

using redis::Reply;

// The numbers in it are the entry's layout: magic and version in bytes 1 to 5, then, from byte
// 17 on, eight each of the log's epoch, its number, and the creation.
static_assert(entry_layout::version_end == 5 && entry_layout::epoch_at == 16 &&
              entry_layout::number_at == 24 && entry_layout::created_at == 32);

// KEYS: entry, and the lease if there is one; ARGV: bytes, ttl, alive from, believed until, token.
constexpr std::string_view script = R"(
local function number(text, first)
  local value = 0
  for i = first + 7, first, -1 do value = value * 256 + string.byte(text, i) end
  return value
end
local new = ARGV[1]
local old = redis.pcall('GETRANGE', KEYS[1], 0, 39)
local usable = type(old) == 'string' and #old == 40
    and string.sub(old, 1, 5) == string.sub(new, 1, 5)
    and string.sub(old, 17, 24) == string.sub(new, 17, 24)
    and number(old, 25) >= tonumber(ARGV[3]) and number(old, 33) <= tonumber(ARGV[4])
local older = usable and number(old, 33) > number(new, 33)
local held = #KEYS > 1 and redis.call('GET', KEYS[2])
if #KEYS > 1 then
  if held and string.sub(held, 1, 32) ~= ARGV[5] then return 0 end
  if not held and usable then return 0 end
end
if not older then redis.call('SET', KEYS[1], new, 'PX', ARGV[2]) end
if held then redis.call('DEL', KEYS[2]) end
local waited = held and #held > 32
if older then return waited and 4 or 3 end
return waited and 2 or 1
)";

}  // namespace

std::string store_command(const std::string& entry_key, const std::string& bytes,
                          const StoreTerms& terms, const LeaseTerms& lease) {
  const std::string ttl = std::to_string(terms.ttl.count());
  const std::string from = std::to_string(terms.alive_from);
  const std::string until =
      std::to_string(std::chrono::floor<std::chrono::milliseconds>(terms.believed_until)
                         .time_since_epoch()
                         .count());
  std::vector<std::string_view> arguments = {"EVAL", script, lease.held() ? "2" : "1", entry_key};
  if (lease.held()) arguments.emplace_back(lease.lease_key);
  arguments.insert(arguments.end(), {bytes, ttl, from, until});
  if (lease.held()) arguments.emplace_back(lease.token);
  return redis::make_command(arguments);
}

std::optional<StoreResult> read_stored(const Reply& reply) {
  using State = StoreResult::State;
  if (!reply.is(Reply::Type::integer)) return std::nullopt;
  switch (reply.integer) {
    case 0: return StoreResult{State::lost, false};
    case 1: return StoreResult{State::stored, false};
    case 2: return StoreResult{State::stored, true};
    case 3: return StoreResult{State::older, false};
    case 4: return StoreResult{State::older, true};
    default: return std::nullopt;
  }
}

}  // namespace homeostat::tier
