#include "runtime/tier/log_script.hpp"

#include <charconv>

#include "runtime/redis/command.hpp"

namespace homeostat::tier {
namespace {

using redis::Reply;

// KEYS[1] stream; ARGV: length, epoch seen, number seen, fresh epoch, texts...
constexpr std::string_view script = R"(
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
local number, epoch = 0, ''
if #newest > 0 then
  number = tonumber(string.match(newest[1][1], '^%d+'))
  epoch = newest[1][2][2]
  if epoch == ARGV[2] and number < tonumber(ARGV[3]) then
    redis.call('DEL', KEYS[1])
    number = 0
  end
end
if number == 0 then
  number, epoch = 1, ARGV[4]
  redis.call('XADD', KEYS[1], '1-0', 'e', epoch, 'p', '')
end
for i = 5, #ARGV do
  number = number + 1
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], string.format('%d-0', number),
             'e', epoch, 'p', ARGV[i])
end
local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)
return {epoch, number, tonumber(string.match(oldest[1][1], '^%d+'))}
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

std::string log_command(const std::string& key, std::size_t length_max, LogPosition seen,
                        std::uint64_t fresh_epoch, std::span<const std::string> texts) {
  const std::string length = std::to_string(length_max);
  const std::string epoch = std::to_string(seen.epoch);
  const std::string number = std::to_string(seen.number);
  const std::string fresh = std::to_string(fresh_epoch);
  std::vector<std::string_view> arguments = {"EVAL", script, "1",    key,
                                             length, epoch,  number, fresh};
  arguments.insert(arguments.end(), texts.begin(), texts.end());
  return redis::make_command(arguments);
}

std::optional<LogState> read_log_state(const Reply& reply) {
  if (!reply.is(Reply::Type::array) || reply.elements.size() != 3) return std::nullopt;
  const auto epoch = parse_number(reply.elements[0].text);
  if (!epoch || *epoch == 0) return std::nullopt;
  LogState state;
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
