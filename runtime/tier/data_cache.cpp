#include "runtime/tier/data_cache.hpp"

#include <utility>

#include "runtime/redis/command.hpp"
#include "runtime/tier/data_script.hpp"
#include "runtime/tier/tier.hpp"

namespace homeostat::tier {
namespace {

using redis::CallError;
using redis::CallResult;
using std::chrono::milliseconds;

constexpr Duration read_max = std::chrono::seconds(1);

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
      store_(settings.entries.memory),
      behind_(tier == nullptr ? nullptr
                              : std::make_unique<BehindWriter>(context, clock, settings.entries,
                                                               prefix_ + ":data:", *tier)) {}

bool DataCache::shared_up() const {
  return tier_ != nullptr && tier_->client().up() && tier_->in_step();
}

std::string DataCache::shared_key(const std::string& key) const { return prefix_ + ":data:" + key; }

void DataCache::get(const std::string& key, std::function<void(DataFound)> found) {
  const Instant now = clock_.now();
  if (auto value = store_.get(key, now)) {
    DataCounters::add(counters_.hits_memory);
    found({DataEntry{key, std::move(value->bytes), std::move(value->tags), value->expires - now,
                     DataLevel::memory}});
    return;
  }
  if (behind_) {
    auto write = behind_->find(key);  // there may have been no room for it in memory
    if (write && write->expires > now) {
      DataCounters::add(counters_.hits_memory);
      return found({DataEntry{key, std::move(write->value), std::move(write->tags),
                              write->expires - now, DataLevel::memory}});
    }
  }
  if (tier_ == nullptr) {
    DataCounters::add(counters_.misses);
    return found({});
  }
  const auto unknown = [this](const auto& tell) {
    DataCounters::add(counters_.unknown);
    tell({std::nullopt, false});
  };
  if (!shared_up()) return unknown(found);
  const std::string name = shared_key(key);
  auto told = std::make_shared<decltype(found)>(std::move(found));
  const std::uint64_t generation = store_.generation();
  const CallError refused = tier_->client().call(
      name, redis::make_command({"GET", name}), read_max,
      [this, key, told, generation](const CallResult& result) {
        DataFound answer = read(key, result);
        const std::optional<DataEntry>& entry = answer.entry;
        DataCounters::add(entry          ? counters_.hits_shared
                          : answer.known ? counters_.misses
                                         : counters_.unknown);
        if (entry && generation == store_.generation()) {
          const Instant read_at = clock_.now();
          store_.set(key, {entry->value, entry->tags, read_at + entry->ttl}, read_at);
        }
        (*told)(std::move(answer));
      });
  if (refused != CallError::none) unknown(*told);
}

DataFound DataCache::read(const std::string& key, const CallResult& result) {
  const bool another_type = result.reply.is_error("WRONGTYPE");
  if (!tier_->in_step() || (!result.ok() && !another_type)) return {std::nullopt, false};
  if (!another_type && !result.reply.is(redis::Reply::Type::text)) return {};
  Entry entry;
  EntryError error = another_type ? EntryError::foreign : decode(result.reply.text, entry);
  if (error == EntryError::none &&
      (entry.key != shared_key(key) || entry.kind != Entry::Kind::response ||
       entry.coding != rules::Coding::identity)) {
    error = EntryError::malformed;
  }
  if (error != EntryError::none) {
    drop_broken(key, error);
    return {std::nullopt, error != EntryError::version};
  }
  const auto left =
      std::chrono::duration_cast<Duration>(entry.created + entry.ttl - clock_.wall_now());
  const cache::TagSet tags = tags_of(entry.tags);
  if (left <= Duration::zero() || !tier_->ledger().usable({tags, key, key, key, 0}, entry.since)) {
    return {};
  }
  return {DataEntry{key, std::move(entry.body), std::move(entry.tags), left, DataLevel::shared}};
}

/// One of another version of the format stays: others may read it.
void DataCache::drop_broken(const std::string& key, EntryError error) {
  tier_->count_broken(error);
  if (error == EntryError::version) return;
  const std::string name = shared_key(key);
  static_cast<void>(tier_->client().call(name, redis::make_command({"UNLINK", name}), read_max,
                                         [](const CallResult&) {}));
}

void DataCache::put(DataEntry entry, DataWrite when, std::function<void(DataLevel)> stored) {
  const Instant now = clock_.now();
  DataCounters::add(counters_.sets);
  if (when == DataWrite::behind && behind_) {
    if (const auto level = put_behind(entry, now)) return stored(*level);
  }
  put_through(std::move(entry), now, std::move(stored));
}

/// Nothing: it is to be written through.
std::optional<DataLevel> DataCache::put_behind(const DataEntry& entry, Instant now) {
  BehindCounters& counters = behind_->counters();
  const Instant expires = now + entry.ttl;
  if (!behind_->accept({entry.key, entry.value, entry.tags, expires, now})) {
    const bool up = shared_up();
    BehindCounters::add(up ? counters.through : counters.refused);
    return up ? std::nullopt : std::optional(DataLevel::refused);
  }
  store_.set(entry.key, {entry.value, entry.tags, expires}, now);
  // Purged in between: nobody may find it here either.
  if (!behind_->waits(entry.key)) store_.erase(entry.key);
  return DataLevel::behind;
}

void DataCache::put_through(DataEntry entry, Instant now, std::function<void(DataLevel)> stored) {
  auto put = std::make_shared<Put>(context_);
  put->expires = now + entry.ttl;
  if (behind_) behind_->drop(entry.key);
  put->in_memory = store_.set(entry.key, {entry.value, entry.tags, put->expires}, now);
  if (tier_ == nullptr) return stored(put->without_tier());
  put->entry = make_data_entry(shared_key(entry.key), std::move(entry.value), std::move(entry.tags),
                               clock_.wall_now(), entry.ttl);
  Invalidation before;
  before.data.push_back(entry.key);
  if (!shared_up()) {
    tier_->publish(std::move(before));
    return stored(put->without_tier());
  }
  put->stored = std::move(stored);
  put->timer.expires_after(answer_max);
  put->timer.async_wait([put](boost::system::error_code error) {
    if (error) return;
    put->answer(put->without_tier());
    put->entry = {};  // the log may take the rest for as long as it likes
  });
  tier_->publish(std::move(before), [this, put](std::optional<LogPosition> position) {
    if (!put->stored) return;  // answered: it is this agent's only
    if (!position) return put->answer(put->without_tier());
    put->entry.since = *position;
    write_shared(put);
  });
}

void DataCache::write_shared(const std::shared_ptr<Put>& put) {
  const auto left = std::chrono::duration_cast<milliseconds>(put->expires - clock_.now());
  if (left <= milliseconds::zero()) return put->answer(put->without_tier());
  const CallError refused =
      tier_->client().call(put->entry.key, data_set_command(put->entry, left), read_max,
                           [put](const CallResult& result) {
                             put->answer(result.ok() ? DataLevel::shared : put->without_tier());
                           });
  if (refused != CallError::none) put->answer(put->without_tier());
}

void DataCache::erase(const std::string& key, std::function<void(DataErased)> erased) {
  DataCounters::add(counters_.erases);
  DataErased result;
  if (behind_) behind_->drop(key);
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

void DataCache::drain(std::function<void(std::size_t)> done) {
  if (!behind_) return done(0);
  behind_->drain(std::move(done));
}

}  // namespace homeostat::tier
