#include "runtime/tier/log_script.hpp"

#include <charconv>

#include "runtime/redis/command.hpp"

namespace homeostat::tier {
namespace {

using redis::Reply;

// KEYS: stream, ancestors; ARGV: length, epoch, number and nonce seen, ancestors_max, fresh,
// bytes_max, texts...
// Ancestors are a list, the latest first: the epoch they are of, then `epoch:number` each.
constexpr std::string_view script = R"(
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
local number, epoch, nonce, bytes = 0, '', '', 0
local seen_epoch, seen_number = ARGV[2], tonumber(ARGV[3])
local ancestors = {}
if #newest > 0 then
  number = tonumber(string.match(newest[1][1], '^%d+'))
  epoch, nonce = newest[1][2][2], newest[1][2][4]
  bytes = tonumber(newest[1][2][8] or 0)
  local kept = redis.call('LRANGE', KEYS[2], 0, -1)
  if kept[1] == epoch then
    for i = 2, #kept do
      local of, to = string.match(kept[i], '^(%d+):(%d+)$')
      ancestors[#ancestors + 1] = {of, tonumber(to)}
    end
  end
end
local contained = number > 0
if contained and epoch == seen_epoch then
  local seen = redis.call('XRANGE', KEYS[1], ARGV[3] .. '-0', ARGV[3] .. '-0')
  contained = number >= seen_number and (#seen == 0 or seen[1][2][4] == ARGV[4])
elseif contained and seen_epoch ~= '0' then
  contained = false
  for _, ancestor in ipairs(ancestors) do
    if ancestor[1] == seen_epoch and ancestor[2] >= seen_number then contained = true end
  end
end
if not contained then
  local known, list = {}, {ARGV[6]}
  local function add(of, to)
    if of == '0' or of == '' or #list > tonumber(ARGV[5]) then return end
    if known[of] then return end  -- what the caller saw counts
    known[of] = true
    list[#list + 1] = of .. ':' .. string.format('%d', to)
  end
  add(seen_epoch, seen_number)
  add(epoch, number)
  for _, ancestor in ipairs(ancestors) do add(ancestor[1], ancestor[2]) end
  redis.call('DEL', KEYS[1], KEYS[2])
  redis.call('RPUSH', KEYS[2], unpack(list))
  number, epoch, nonce, bytes = 1, ARGV[6], ARGV[6], 0
  redis.call('XADD', KEYS[1], '1-0', 'e', epoch, 'n', nonce, 'p', '', 'b', 0)
end
for i = 8, #ARGV do
  local before = nonce
  number, nonce, bytes = number + 1, ARGV[6], bytes + #ARGV[i]
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], string.format('%d-0', number),
             'e', epoch, 'n', nonce, 'p', ARGV[i], 'b', string.format('%.0f', bytes),
             'q', before)
end
local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)
if bytes - tonumber(oldest[1][2][8] or 0) > tonumber(ARGV[7]) then
  local first = tonumber(string.match(oldest[1][1], '^%d+'))
  redis.call('XTRIM', KEYS[1], 'MAXLEN', math.ceil((number - first) / 2))
  oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)
end
return {epoch, number, tonumber(string.match(oldest[1][1], '^%d+')), nonce}
)";

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc{}) return std::nullopt;
  return value;
}

/// [id, [name, value, ...]] of a stream.
std::optional<LogEntry> read_entry(const Reply& reply) {
  if (reply.elements.size() != 2) return std::nullopt;
  LogEntry entry;
  const auto number = parse_number(reply.elements[0].text);
  if (!number) return std::nullopt;
  entry.position.number = *number;
  const std::vector<Reply>& pairs = reply.elements[1].elements;
  for (std::size_t i = 0; i + 1 < pairs.size(); i += 2) {
    if (pairs[i].text == "e") {
      const auto epoch = parse_number(pairs[i + 1].text);
      if (epoch) entry.position.epoch = *epoch;
    } else if (pairs[i].text == "n") {
      entry.nonce = parse_number(pairs[i + 1].text).value_or(0);
    } else if (pairs[i].text == "q") {
      entry.before = parse_number(pairs[i + 1].text).value_or(0);
    } else if (pairs[i].text == "p") {
      entry.text = pairs[i + 1].text;
    }
  }
  if (entry.position.epoch == 0) return std::nullopt;
  return entry;
}

}  // namespace

std::string log_key(std::string_view key_prefix, std::string_view key_namespace) {
  std::string key = "{" + std::string(key_prefix) + ":" + std::string(key_namespace);
  return key + "}:invalidations";
}

std::string ancestors_key(const std::string& log) { return log + ":ancestors"; }

std::string log_command(const std::string& key, std::size_t length_max, const LogMark& seen,
                        std::uint64_t fresh, std::span<const std::string> texts,
                        std::size_t bytes_max) {
  const std::string length = std::to_string(length_max);
  const std::string epoch = std::to_string(seen.position.epoch);
  const std::string number = std::to_string(seen.position.number);
  const std::string nonce = std::to_string(seen.nonce);
  const std::string kept = std::to_string(log_ancestors_max);
  const std::string made = std::to_string(fresh);
  const std::string most = std::to_string(bytes_max);
  const std::string ancestors = ancestors_key(key);
  std::vector<std::string_view> arguments = {"EVAL", script, "2",   key,  ancestors, length,
                                             epoch,  number, nonce, kept, made,      most};
  arguments.insert(arguments.end(), texts.begin(), texts.end());
  return redis::make_command(arguments);
}

std::optional<LogState> read_log_state(const Reply& reply) {
  if (!reply.is(Reply::Type::array) || reply.elements.size() != 4) return std::nullopt;
  const auto epoch = parse_number(reply.elements[0].text);
  const auto nonce = parse_number(reply.elements[3].text);
  if (!epoch || *epoch == 0 || !nonce) return std::nullopt;
  LogState state;
  state.nonce = *nonce;
  state.last = {*epoch, static_cast<std::uint64_t>(reply.elements[1].integer)};
  state.first = static_cast<std::uint64_t>(reply.elements[2].integer);
  if (state.first == 0 || state.last.number < state.first) return std::nullopt;
  return state;
}

std::string read_command(const std::string& key, std::uint64_t after, std::size_t count_max,
                         std::chrono::milliseconds wait) {
  return redis::make_command({"XREAD", "COUNT", std::to_string(count_max), "BLOCK",
                              std::to_string(wait.count()), "STREAMS", key,
                              std::to_string(after) + "-0"});
}

std::optional<std::vector<LogEntry>> read_log_entries(const Reply& reply) {
  std::vector<LogEntry> entries;
  if (reply.is(Reply::Type::nil)) return entries;
  if (!reply.is(Reply::Type::array) || reply.elements.size() != 1 ||
      reply.elements[0].elements.size() != 2) {
    return std::nullopt;
  }
  for (const Reply& row : reply.elements[0].elements[1].elements) {
    auto entry = read_entry(row);
    if (!entry) return std::nullopt;
    entries.push_back(std::move(*entry));
  }
  return entries;
}

}  // namespace homeostat::tier
