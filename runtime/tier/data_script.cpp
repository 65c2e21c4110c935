#include "runtime/tier/data_script.hpp"

#include <string_view>
#include <utility>

namespace homeostat::tier {
namespace {

// An entry's position lies in bytes 16 to 31: epoch and number, little endian. What was
// written under a higher number of the same log stays.
// KEYS[1] entry; ARGV: bytes, ttl.
constexpr std::string_view set_script = R"(
local function number(text)
  local value = 0
  for i = 16, 9, -1 do value = value * 256 + string.byte(text, i) end
  return value
end
local old = redis.pcall('GETRANGE', KEYS[1], 16, 31)
local new = string.sub(ARGV[1], 17, 32)
if type(old) == 'string' and #old == 16 and string.sub(old, 1, 8) == string.sub(new, 1, 8)
    and number(old) > number(new) then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
)";

}  // namespace

Entry make_data_entry(std::string key, std::string value, std::vector<std::string> tags,
                      WallTime created, Duration ttl) {
  Entry entry;
  entry.key = std::move(key);
  entry.created = created;
  entry.soft_ttl = entry.ttl = std::chrono::duration_cast<std::chrono::milliseconds>(ttl);
  entry.status = 200;
  entry.tags = std::move(tags);
  entry.body_bytes = value.size();
  entry.body = std::move(value);
  return entry;
}

std::string data_set_command(const Entry& entry, std::chrono::milliseconds left) {
  return redis::make_command(
      {"EVAL", set_script, "1", entry.key, encode(entry), std::to_string(left.count())});
}

}  // namespace homeostat::tier
