#include "runtime/tier/behind_queue.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "runtime/tier/data_match.hpp"

namespace homeostat::tier {
namespace {

/// Of the list's node, the map's node and its bucket.
constexpr std::size_t overhead = 160;

}  // namespace

std::size_t BehindQueue::bytes_of(const Write& write) {
  std::size_t bytes = overhead + sizeof(Item) + write.key.capacity() + write.value.capacity();
  for (const std::string& tag : write.tags) bytes += sizeof(tag) + tag.capacity();
  return bytes;
}

BehindQueue::Items::iterator BehindQueue::leave(Items::iterator waiting) {
  bytes_ -= waiting->bytes;
  by_key_.erase(waiting->write.key);
  return waiting_.erase(waiting);
}

BehindQueue::Items::iterator BehindQueue::forget(Items::iterator on_way) {
  bytes_ -= on_way->bytes;
  return on_way_.erase(on_way);
}

BehindQueue::Added BehindQueue::add(Write write) {
  const std::lock_guard lock(mutex_);
  Item item{std::move(write), 0};
  item.bytes = bytes_of(item.write);
  const auto found = by_key_.find(item.write.key);
  const bool replaces = found != by_key_.end();
  const std::size_t bytes_before = replaces ? bytes_ - found->second->bytes : bytes_;
  const std::size_t entries = waiting_.size() + on_way_.size() + (replaces ? 0 : 1);
  if (entries > entries_max_ || item.bytes > bytes_max_ || bytes_before > bytes_max_ - item.bytes) {
    return Added::refused;
  }
  bytes_ = bytes_before + item.bytes;
  if (replaces) {
    const Items::iterator place = found->second;
    by_key_.erase(found);
    item.write.accepted = place->write.accepted;
    *place = std::move(item);
    by_key_.emplace(place->write.key, place);
    return Added::replaces;
  }
  waiting_.push_back(std::move(item));
  by_key_.emplace(waiting_.back().write.key, std::prev(waiting_.end()));
  return Added::waits;
}

std::optional<BehindQueue::Write> BehindQueue::find(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  if (const auto found = by_key_.find(key); found != by_key_.end()) return found->second->write;
  for (const Item& item : on_way_) {
    if (item.write.key == key) return item.write;
  }
  return std::nullopt;
}

bool BehindQueue::waits(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  return by_key_.contains(key);
}

template <class Named>
std::size_t BehindQueue::drop_all(const Named& named) {
  std::size_t dropped = 0;
  for (auto item = waiting_.begin(); item != waiting_.end();) {
    const bool gone = named(item->write);
    dropped += gone ? 1 : 0;
    item = gone ? leave(item) : std::next(item);
  }
  for (auto item = on_way_.begin(); item != on_way_.end();) {
    const bool gone = named(item->write);
    dropped += gone ? 1 : 0;
    item = gone ? forget(item) : std::next(item);
  }
  return dropped;
}

std::size_t BehindQueue::drop(const std::string& key) {
  const std::lock_guard lock(mutex_);
  std::size_t dropped = 0;
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    leave(found->second);
    ++dropped;
  }
  const auto on_way = std::find_if(on_way_.begin(), on_way_.end(),
                                   [&](const Item& item) { return item.write.key == key; });
  if (on_way != on_way_.end()) {
    forget(on_way);
    ++dropped;
  }
  return dropped;
}

std::size_t BehindQueue::purge(const PurgeRequest& request) {
  const std::lock_guard lock(mutex_);
  if (waiting_.empty() && on_way_.empty()) return 0;
  const DataMatch match(request);
  return drop_all([&](const Write& write) {
    return match.of(write.key, write.tags) != DataMatch::By::nothing;
  });
}

std::vector<std::string> BehindQueue::take(std::size_t count_max, std::size_t bytes_max) {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> keys;
  std::size_t bytes = 0;
  while (!waiting_.empty() && keys.size() < count_max) {
    const Items::iterator item = waiting_.begin();
    bytes += item->bytes;
    if (!keys.empty() && bytes > bytes_max) break;
    keys.push_back(item->write.key);
    by_key_.erase(item->write.key);
    on_way_.splice(on_way_.end(), waiting_, item);
  }
  return keys;
}

std::vector<BehindQueue::Write> BehindQueue::on_the_way() const {
  const std::lock_guard lock(mutex_);
  std::vector<Write> writes;
  for (const Item& item : on_way_) writes.push_back(item.write);
  return writes;
}

void BehindQueue::end_way(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto item = std::find_if(on_way_.begin(), on_way_.end(),
                                 [&](const Item& one) { return one.write.key == key; });
  if (item != on_way_.end()) forget(item);
}

void BehindQueue::put_back() {
  const std::lock_guard lock(mutex_);
  while (!on_way_.empty()) {
    const Items::iterator item = std::prev(on_way_.end());
    if (by_key_.contains(item->write.key)) {
      forget(item);
      continue;
    }
    waiting_.splice(waiting_.begin(), on_way_, item);
    by_key_.emplace(item->write.key, item);
  }
}

std::optional<Instant> BehindQueue::oldest() const {
  const std::lock_guard lock(mutex_);
  if (waiting_.empty()) return std::nullopt;
  return waiting_.front().write.accepted;
}

BehindFigures BehindQueue::figures(Instant now) const {
  const std::lock_guard lock(mutex_);
  BehindFigures figures{waiting_.size() + on_way_.size(), bytes_, {}};
  const Items& first = on_way_.empty() ? waiting_ : on_way_;
  if (!first.empty()) figures.oldest = now - first.front().write.accepted;
  return figures;
}

}  // namespace homeostat::tier
