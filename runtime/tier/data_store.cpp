#include "runtime/tier/data_store.hpp"

#include <iterator>

#include "runtime/tier/data_match.hpp"

namespace homeostat::tier {
namespace {

/// Of the list's node, the map's node and its bucket.
constexpr std::size_t overhead = 160;

}  // namespace

std::size_t DataStore::bytes_of(const std::string& key, const Value& value) {
  std::size_t bytes = overhead + sizeof(Item) + key.capacity() + value.bytes.capacity();
  for (const std::string& tag : value.tags) bytes += sizeof(tag) + tag.capacity();
  return bytes;
}

void DataStore::drop(Items::iterator item) {
  bytes_ -= item->bytes;
  by_key_.erase(item->key);
  items_.erase(item);
}

bool DataStore::set(const std::string& key, Value value, Instant now) {
  const std::lock_guard lock(mutex_);
  ++generation_;
  if (const auto found = by_key_.find(key); found != by_key_.end()) drop(found->second);
  Item item{key, std::move(value), 0};
  item.bytes = bytes_of(item.key, item.value);
  if (item.bytes > bytes_max_ / 4 || item.value.expires <= now) return false;
  while (bytes_ + item.bytes > bytes_max_ || items_.size() >= entries_max) {
    drop(std::prev(items_.end()));
    ++evictions_;
  }
  bytes_ += item.bytes;
  items_.push_front(std::move(item));
  by_key_.emplace(items_.front().key, items_.begin());
  return true;
}

std::optional<DataStore::Value> DataStore::get(const std::string& key, Instant now) {
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return std::nullopt;
  const Items::iterator item = found->second;
  if (item->value.expires <= now) {
    drop(item);
    return std::nullopt;
  }
  items_.splice(items_.begin(), items_, item);
  return item->value;
}

bool DataStore::erase(const std::string& key) {
  const std::lock_guard lock(mutex_);
  ++generation_;
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return false;
  drop(found->second);
  return true;
}

PurgeResult DataStore::purge(const PurgeRequest& request) {
  const std::lock_guard lock(mutex_);
  ++generation_;
  PurgeResult result;
  const DataMatch match(request);
  for (auto item = items_.begin(); item != items_.end();) {
    const auto here = item++;
    switch (match.of(here->key, here->value.tags)) {
      case DataMatch::By::nothing: continue;
      case DataMatch::By::tag: ++result.by_tags; break;
      case DataMatch::By::pattern: ++result.by_patterns; break;
      case DataMatch::By::key: ++result.by_keys; break;
    }
    result.bytes += here->bytes;
    drop(here);
  }
  return result;
}

std::uint64_t DataStore::generation() const {
  const std::lock_guard lock(mutex_);
  return generation_;
}

DataFigures DataStore::figures() const {
  const std::lock_guard lock(mutex_);
  return {items_.size(), bytes_, bytes_max_, evictions_};
}

}  // namespace homeostat::tier
