#include "runtime/cache/tag_index.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "runtime/cache/allocation.hpp"
#include "runtime/cache/shard.hpp"

namespace homeostat::cache {
namespace {

// A node of the map and its share of the table.
constexpr std::size_t node_overhead = 48 + 16;

}  // namespace

// -- TagSlot, TagMarks ----------------------------------------------------------

void TagSlot::link(TagMark& mark) noexcept {
  mark.previous = last;
  mark.next = nullptr;
  (last != nullptr ? last->next : first) = &mark;
  last = &mark;
  ++size;
}

void TagSlot::unlink(TagMark& mark) noexcept {
  (mark.previous != nullptr ? mark.previous->next : first) = mark.next;
  (mark.next != nullptr ? mark.next->previous : last) = mark.previous;
  mark.previous = mark.next = nullptr;
  --size;
}

TagMarks::TagMarks(Entry& entry, std::size_t count, PurgeNumber since)
    : entry_(entry),
      since_(since),
      count_(count),
      marks_(std::make_unique<TagMark[]>(count)),
      checked_(since) {}

// -- looking up -----------------------------------------------------------------

TagSlot* TagIndex::find(std::string_view identity) const {
  const auto found = slots_.find(identity);
  return found == slots_.end() ? nullptr : found->second.get();
}

TagSlot& TagIndex::bucket(std::string_view identity) const {
  return buckets_[std::hash<std::string_view>{}(identity) % bucket_count];
}

std::size_t TagIndex::memory_of(const TagSlot& slot) noexcept {
  return allocated_bytes(&slot) + allocated_bytes(slot.identity) + node_overhead;
}

TagSlot& TagIndex::slot_for(std::string_view identity, std::size_t& new_bytes) {
  if (TagSlot* known = find(identity)) return *known;
  TagSlot& shared = bucket(identity);
  if (slots_.size() >= slots_max_) {
    overflows_.fetch_add(1, std::memory_order_relaxed);
    return shared;
  }
  auto slot = std::make_unique<TagSlot>();
  slot->identity = identity;
  // What was purged before this tag was known here still concerns fetches that
  // are under way.
  slot->hard.store(shared.hard.load(std::memory_order_relaxed), std::memory_order_relaxed);
  slot->soft.store(shared.soft.load(std::memory_order_relaxed), std::memory_order_relaxed);
  slot->soft_at.store(shared.soft_at.load(std::memory_order_relaxed), std::memory_order_relaxed);
  new_bytes += memory_of(*slot);
  TagSlot& made = *slot;
  slots_.emplace(made.identity, std::move(slot));
  return made;
}

bool TagIndex::purged(const TagSet& tags, PurgeNumber since, bool hard_only) const {
  if (since == current()) return false;
  const std::lock_guard lock(mutex_);
  bool found = false;
  tags.for_each([&](std::string_view identity) {
    const TagSlot* known = find(identity);
    const TagSlot& slot = known != nullptr ? *known : bucket(identity);
    found = found || slot.hard.load(std::memory_order_relaxed) > since ||
            (!hard_only && slot.soft.load(std::memory_order_relaxed) > since);
  });
  return found;
}

std::size_t TagIndex::slots() const {
  const std::lock_guard lock(mutex_);
  return slots_.size();
}

std::vector<TagIndex::TagSize> TagIndex::largest(TagKind kind, std::size_t count_max,
                                                 std::size_t& known) const {
  constexpr std::size_t buckets_per_lock = 1024;
  const auto larger = [](const TagSize& a, const TagSize& b) {
    return a.entries != b.entries ? a.entries > b.entries : a.name < b.name;
  };
  std::vector<TagSize> found;  // a heap with the smallest on top
  known = 0;
  for (std::size_t begin = 0, end = 1; begin < end; begin += buckets_per_lock) {
    const std::lock_guard lock(mutex_);
    end = slots_.bucket_count();
    for (std::size_t i = begin; i < std::min(begin + buckets_per_lock, end); ++i) {
      for (auto slot = slots_.begin(i); slot != slots_.end(i); ++slot) {
        if (!is_of_kind(slot->first, kind)) continue;
        ++known;
        found.push_back({std::string(slot->first.substr(1)), slot->second->size});
        std::push_heap(found.begin(), found.end(), larger);
        if (found.size() <= count_max) continue;
        std::pop_heap(found.begin(), found.end(), larger);
        found.pop_back();
      }
    }
  }
  std::sort_heap(found.begin(), found.end(), larger);
  return found;
}

// -- entries come and go --------------------------------------------------------

std::size_t TagIndex::attach(TagMarks& marks, const TagSet& tags) {
  const std::lock_guard lock(mutex_);
  std::size_t new_bytes = 0;
  TagMark* mark = marks.marks_.get();
  tags.for_each([&](std::string_view identity) {
    TagSlot& slot = slot_for(identity, new_bytes);
    slot.link(*mark);
    mark->slot = &slot;  // only here: readers look at it without the lock
    mark->owner = &marks;
    ++mark;
  });
  marks.sequence_ = &sequence_;
  return new_bytes;
}

std::size_t TagIndex::detach(TagMarks& marks, Garbage& garbage) {
  const std::lock_guard lock(mutex_);
  std::size_t freed = 0;
  for (std::size_t i = 0; i < marks.count_; ++i) {
    // mark.slot stays: a reader that still sees the entry may look at it.
    TagSlot& slot = *marks.marks_[i].slot;
    slot.unlink(marks.marks_[i]);
    if (slot.size > 0) continue;
    unswept_.erase(&slot);
    if (slot.identity.empty()) continue;
    freed += memory_of(slot);
    raise(bucket(slot.identity), slot.hard.load(std::memory_order_relaxed),
          slot.soft.load(std::memory_order_relaxed), slot.soft_at.load(std::memory_order_relaxed));
    const auto found = slots_.find(slot.identity);
    std::unique_ptr<TagSlot> emptied = std::move(found->second);
    slots_.erase(found);
    garbage.retire(std::move(emptied));
  }
  return freed;
}

// -- purging --------------------------------------------------------------------

void TagIndex::raise(TagSlot& slot, PurgeNumber hard, PurgeNumber soft, Instant::rep soft_at) {
  if (hard > slot.hard.load(std::memory_order_relaxed)) {
    slot.hard.store(hard, std::memory_order_relaxed);
    slot.unchecked = slot.size;
    if (slot.size > 0) unswept_.insert(&slot);
  }
  if (soft > slot.soft.load(std::memory_order_relaxed)) {
    slot.soft_at.store(soft_at, std::memory_order_relaxed);
    slot.soft.store(soft, std::memory_order_relaxed);
  }
}

std::size_t TagIndex::purge(std::string_view identity, PurgeMode mode, Instant now) {
  const std::lock_guard lock(mutex_);
  const PurgeNumber number = sequence_.load(std::memory_order_relaxed) + 1;
  const PurgeNumber hard = mode == PurgeMode::hard ? number : 0;
  const PurgeNumber soft = mode != PurgeMode::hard ? number : 0;
  const Instant::rep soft_at = now.time_since_epoch().count();
  std::size_t entries = 0;
  TagSlot* known = find(identity);
  if (known != nullptr) {
    raise(*known, hard, soft, soft_at);
    entries += known->size;
  }
  // The bucket: for fetches under way if the tag is unknown, and for entries
  // that had to share it.
  TagSlot& shared = bucket(identity);
  if (known == nullptr || shared.size > 0) {
    raise(shared, hard, soft, soft_at);
    entries += shared.size;
  }
  // Last, so that whoever reads the number also sees the slots.
  sequence_.store(number, std::memory_order_release);
  return entries;
}

void TagIndex::collect_from(TagSlot& slot, std::size_t count_max, std::vector<Entry*>& dead) {
  slot.unchecked = std::min(slot.unchecked, slot.size);
  while (slot.unchecked > 0 && dead.size() < count_max) {
    --slot.unchecked;
    TagMark& mark = *slot.first;
    slot.unlink(mark);
    slot.link(mark);  // to the end
    if (mark.owner->since_ < slot.hard.load(std::memory_order_relaxed)) {
      dead.push_back(&mark.owner->entry_);
    }
  }
  if (slot.unchecked == 0) unswept_.erase(&slot);
}

bool TagIndex::collect(std::string_view identity, std::size_t count_max,
                       std::vector<Entry*>& dead) {
  const std::lock_guard lock(mutex_);
  if (identity.empty()) {
    while (!unswept_.empty() && dead.size() < count_max) {
      collect_from(**unswept_.begin(), count_max, dead);
    }
    return !unswept_.empty();
  }
  bool more = false;
  for (TagSlot* slot : {find(identity), &bucket(identity)}) {
    if (slot == nullptr) continue;
    collect_from(*slot, count_max, dead);
    more = more || slot->unchecked > 0;
  }
  return more;
}

TagIndex::Softened TagIndex::soften(std::string_view identity, std::size_t count_max,
                                    std::size_t& position, Instant now) {
  const std::lock_guard lock(mutex_);
  Softened result;
  std::size_t first = 0;  // entries of the slots before this one
  for (TagSlot* slot : {find(identity), &bucket(identity)}) {
    if (slot == nullptr) continue;
    for (; position < first + slot->size && count_max > 0; ++position, --count_max) {
      TagMark& mark = *slot->first;
      slot->unlink(mark);
      slot->link(mark);
      const TagMarks& marks = *mark.owner;
      const bool concerned = marks.since_ < slot->soft.load(std::memory_order_relaxed) &&
                             marks.since_ >= slot->hard.load(std::memory_order_relaxed);
      if (concerned && marks.entry_.object->soften(now)) ++result.count;
    }
    first += slot->size;
  }
  result.more = position < first;
  return result;
}

}  // namespace homeostat::cache
