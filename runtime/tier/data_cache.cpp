#include "runtime/tier/data_cache.hpp"

#include <utility>

#include "runtime/redis/command.hpp"
#include "runtime/tier/tier.hpp"

namespace homeostat::tier {
namespace {

using redis::CallError;
using redis::CallResult;
using std::chrono::milliseconds;

constexpr Duration read_max = std::chrono::seconds(1);

// An entry's position lies in bytes 16 to 31: epoch and number, little endian. What was
// written under a higher number of the same log stays.
// KEYS[1] entry; ARGV: bytes, ttl.
constexpr std::string_view set_script = R"(
local function number(text)
  local value = 0
  for i = 16, 9, -1 do value = value * 256 + string.byte(text, i) end
  return value
end
local old = redis.call('GETRANGE', KEYS[1], 16, 31)
local new = string.sub(ARGV[1], 17, 32)
if #old == 16 and string.sub(old, 1, 8) == string.sub(new, 1, 8) and number(old) > number(new) then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
)";

cache::TagSet tags_of(const std::vector<std::string>& names) {
  cache::TagSet tags;
  for (const std::string& name : names) tags.add(cache::TagKind::tag, name);
  return tags;
}

}  // namespace

struct DataCache::Put {
  explicit Put(boost::asio::io_context& context) : timer(context) {}
  void answer(DataLevel level) {
    timer.cancel();
    if (auto told = std::exchange(stored, nullptr)) told(level);
  }

  Entry entry;
  std::string key;
  Instant expires{};
  bool in_memory = false;
  std::function<void(DataLevel)> stored;  // empty: answered
  redis::Timer timer;
  [[nodiscard]] DataLevel without_tier() const {
    return in_memory ? DataLevel::memory : DataLevel::none;
  }
};

DataCache::DataCache(boost::asio::io_context& context, const Clock& clock,
                     const config::CacheSettings& settings, Tier* tier)
    : context_(context),
      clock_(clock),
      prefix_(settings.key_prefix + ":" + settings.key_namespace),
      tier_(tier),
      store_(settings.entries.memory) {}

bool DataCache::shared_up() const {
  return tier_ != nullptr && tier_->client().up() && tier_->in_step();
}

std::string DataCache::shared_key(const std::string& key) const { return prefix_ + ":data:" + key; }

void DataCache::get(const std::string& key, std::function<void(std::optional<DataEntry>)> found) {
  const Instant now = clock_.now();
  if (auto value = store_.get(key, now)) {
    DataCounters::add(counters_.hits_memory);
    found(DataEntry{key, std::move(value->bytes), std::move(value->tags), value->expires - now,
                    DataLevel::memory});
    return;
  }
  if (!shared_up()) {
    DataCounters::add(counters_.misses);
    return found(std::nullopt);
  }
  const std::string name = shared_key(key);
  auto told = std::make_shared<decltype(found)>(std::move(found));
  const std::uint64_t generation = store_.generation();
  const CallError refused = tier_->client().call(
      name, redis::make_command({"GET", name}), read_max,
      [this, key, told, generation](const CallResult& result) {
        std::optional<DataEntry> entry = read(key, result);
        DataCounters::add(entry ? counters_.hits_shared : counters_.misses);
        if (entry && generation == store_.generation()) {
          const Instant read_at = clock_.now();
          store_.set(key, {entry->value, entry->tags, read_at + entry->ttl}, read_at);
        }
        (*told)(std::move(entry));
      });
  if (refused == CallError::none) return;
  DataCounters::add(counters_.misses);
  (*told)(std::nullopt);
}

std::optional<DataEntry> DataCache::read(const std::string& key, const CallResult& result) const {
  Entry entry;
  if (!result.ok() || !result.reply.is(redis::Reply::Type::text) ||
      decode(result.reply.text, entry) != EntryError::none || entry.key != shared_key(key) ||
      entry.kind != Entry::Kind::response || entry.coding != rules::Coding::identity) {
    return std::nullopt;
  }
  const auto left =
      std::chrono::duration_cast<Duration>(entry.created + entry.ttl - clock_.wall_now());
  const cache::TagSet tags = tags_of(entry.tags);
  if (left <= Duration::zero() || !tier_->in_step() ||
      !tier_->ledger().usable({tags, key, key, key, 0}, entry.since)) {
    return std::nullopt;
  }
  return DataEntry{key, std::move(entry.body), std::move(entry.tags), left, DataLevel::shared};
}

void DataCache::put(DataEntry entry, std::function<void(DataLevel)> stored) {
  const Instant now = clock_.now();
  DataCounters::add(counters_.sets);
  auto put = std::make_shared<Put>(context_);
  put->key = entry.key;
  put->expires = now + entry.ttl;
  put->in_memory = store_.set(entry.key, {entry.value, entry.tags, put->expires}, now);
  if (tier_ == nullptr) return stored(put->without_tier());
  Entry& written = put->entry;
  written.key = shared_key(entry.key);
  written.created = clock_.wall_now();
  written.soft_ttl = written.ttl = std::chrono::duration_cast<milliseconds>(entry.ttl);
  written.status = 200;
  written.tags = std::move(entry.tags);
  written.body_bytes = entry.value.size();
  written.body = std::move(entry.value);
  Invalidation before;
  before.data.push_back(entry.key);
  if (!shared_up()) {
    tier_->publish(std::move(before));
    return stored(put->without_tier());
  }
  put->stored = std::move(stored);
  put->timer.expires_after(answer_max);
  put->timer.async_wait([put](boost::system::error_code error) {
    if (!error) put->answer(put->without_tier());
  });
  tier_->publish(std::move(before), [this, put](std::optional<LogPosition> position) {
    if (!position) return put->answer(put->without_tier());
    put->entry.since = *position;
    write_shared(put);
  });
}

void DataCache::write_shared(const std::shared_ptr<Put>& put) {
  const auto left = std::chrono::duration_cast<milliseconds>(put->expires - clock_.now());
  if (left <= milliseconds::zero()) return put->answer(put->without_tier());
  const CallError refused =
      tier_->client().call(put->entry.key,
                           redis::make_command({"EVAL", set_script, "1", put->entry.key,
                                                encode(put->entry), std::to_string(left.count())}),
                           read_max, [put](const CallResult& result) {
                             put->answer(result.ok() ? DataLevel::shared : put->without_tier());
                           });
  if (refused != CallError::none) put->answer(put->without_tier());
}

void DataCache::erase(const std::string& key, std::function<void(DataErased)> erased) {
  DataCounters::add(counters_.erases);
  DataErased result;
  result.found = store_.erase(key);
  result.level = DataLevel::memory;
  if (tier_ == nullptr) return erased(result);
  Invalidation gone;
  gone.data.push_back(key);
  tier_->publish(std::move(gone));
  const std::string name = shared_key(key);
  auto told = std::make_shared<decltype(erased)>(std::move(erased));
  const CallError refused =
      tier_->client().call(name, redis::make_command({"UNLINK", name}), read_max,
                           [result, told](const CallResult& answer) mutable {
                             if (answer.ok()) {
                               result.found = result.found || answer.reply.integer > 0;
                               result.level = DataLevel::shared;
                             }
                             (*told)(result);
                           });
  if (refused != CallError::none) (*told)(result);
}

}  // namespace homeostat::tier
