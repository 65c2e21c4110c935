// Invalidation by tag in O(1): purges are numbered, nothing is searched.
//
// Every purge takes the next number of one sequence and writes it into the slot
// of its tag. A stored response remembers `since`, the number in force when its
// fetch began, and the slots of its tags. It is purged if one of them holds a
// higher number. Because `since` is taken before the request goes upstream, a
// fetch that began before a purge cannot bring back what was purged, whatever
// tags its response turns out to carry. (FusionCache checks tags lazily by time
// in the same way; a number cannot be equal for two moments.)
//
//   hard: the response is gone at once. soft: it is stale from that moment.
//
// A hit with tags costs one load while no purge happened since its last check,
// else one or two loads per tag. Memory is given back later: each slot lists
// the entries that carry its tag, and collect() hands out the dead ones.
//
// Bounds: `slots_max` tags told apart. Further ones share `bucket_count` slots by
// hash: purging one of them also takes what shares its slot, which is safe, and
// counted (overflows). A bucket also keeps the numbers of tags that left memory
// or were never seen, so that fetches in flight meet them.
//
// Thread safety: TagMarks::alive under an EpochGuard from any thread; current()
// from any thread; everything else takes the index's mutex, a leaf lock but for
// Garbage's. Ownership: slots belong to the index until they are empty, then to
// the garbage list. Errors: none.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "runtime/cache/allocation.hpp"
#include "runtime/cache/epoch.hpp"
#include "runtime/cache/object.hpp"
#include "runtime/cache/tags.hpp"
#include "runtime/ports/clock.hpp"

namespace homeostat::cache {

struct Entry;
class TagMarks;
class TagIndex;

using PurgeNumber = std::uint64_t;

/// `doubt`: soft, and stale answers are not for what is in doubt.
enum class PurgeMode : std::uint8_t { hard, soft, doubt };

/// One tag of one entry: a place in the list of its slot.
struct TagMark {
  struct TagSlot* slot = nullptr;
  TagMark* previous = nullptr;
  TagMark* next = nullptr;
  TagMarks* owner = nullptr;
};

/// What is known about one tag. Internal to the index and TagMarks.
struct TagSlot final : Retirable {
  std::atomic<PurgeNumber> hard{0}, soft{0};
  std::atomic<Instant::rep> soft_at{0};
  std::string identity;  // empty: a bucket
  // Guarded by the index's mutex.
  TagMark* first = nullptr;
  TagMark* last = nullptr;
  std::size_t size = 0;
  std::size_t unchecked = 0;  // entries collect() has not looked at since the last hard purge

  void link(TagMark& mark) noexcept;
  void unlink(TagMark& mark) noexcept;
};

/// The tags of one stored entry.
class TagMarks {
 public:
  /// `since`: TagIndex::current() when the fetch began.
  TagMarks(Entry& entry, std::size_t count, PurgeNumber since);

  /// False if a hard purge took the entry; a soft one makes `object` stale.
  /// REQUIRES: attached.
  [[nodiscard]] bool alive(const Object& object) const noexcept;
  /// REQUIRES: made by `new`.
  [[nodiscard]] std::size_t memory() const noexcept {
    return allocated_bytes(this) + allocated_bytes(marks_.get());
  }

 private:
  friend class TagIndex;
  Entry& entry_;
  const PurgeNumber since_;
  const std::size_t count_;
  std::unique_ptr<TagMark[]> marks_;
  const std::atomic<PurgeNumber>* sequence_ = nullptr;
  mutable std::atomic<PurgeNumber> checked_;  // found alive when this was the last purge
};

class TagIndex {
 public:
  static constexpr std::size_t bucket_count = 512;

  explicit TagIndex(std::size_t slots_max) : slots_max_(slots_max) {}
  TagIndex(const TagIndex&) = delete;
  TagIndex& operator=(const TagIndex&) = delete;

  /// The last purge that is in force. Take it before a fetch leaves.
  [[nodiscard]] PurgeNumber current() const noexcept {
    return sequence_.load(std::memory_order_acquire);
  }
  /// True if a purge above `since` concerns one of the tags; of hard ones alone if so wanted.
  [[nodiscard]] bool purged(const TagSet& tags, PurgeNumber since, bool hard_only = false) const;

  /// Enters the marks into their slots. Returns the bytes that new slots take.
  /// REQUIRES: as many tags as marks; the entry leaves by detach() before it is
  /// retired.
  std::size_t attach(TagMarks& marks, const TagSet& tags);
  /// Returns the bytes that emptied slots give back. REQUIRES: the entry is unlinked, since
  /// emptied slots are retired here and readers reach them through it.
  std::size_t detach(TagMarks& marks, Garbage& garbage);

  /// In force when it returns. Returns how many entries carry the tag.
  std::size_t purge(std::string_view identity, PurgeMode mode, Instant now);
  /// Appends up to `count_max` entries that hard purges killed, of one tag or
  /// (empty identity) of any; false once there are no more. The entries stay
  /// valid as long as a guard that was entered before. May repeat an entry.
  bool collect(std::string_view identity, std::size_t count_max, std::vector<Entry*>& dead);
  /// After a soft purge: makes up to `count_max` of the tag's entries stale one
  /// by one, so that they can be counted. `position` starts at 0.
  struct Softened {
    std::size_t count = 0;
    bool more = false;
  };
  Softened soften(std::string_view identity, std::size_t count_max, std::size_t& position,
                  Instant now);

  /// Tags told apart now.
  [[nodiscard]] std::size_t slots() const;
  struct TagSize {
    std::string name;
    std::size_t entries = 0;
  };
  /// Of one kind, those with most entries first; `known` becomes how many there are. Looks
  /// at all tags, at some of them per lock held: what comes and goes meanwhile may be missed.
  [[nodiscard]] std::vector<TagSize> largest(TagKind kind, std::size_t count_max,
                                             std::size_t& known) const;
  /// How often a tag had to share a slot for want of a free one.
  [[nodiscard]] std::uint64_t overflows() const noexcept {
    return overflows_.load(std::memory_order_relaxed);
  }

 private:
  // All under mutex_.
  [[nodiscard]] TagSlot* find(std::string_view identity) const;
  [[nodiscard]] TagSlot& bucket(std::string_view identity) const;
  [[nodiscard]] TagSlot& slot_for(std::string_view identity, std::size_t& new_bytes);
  void raise(TagSlot& slot, PurgeNumber hard, PurgeNumber soft, Instant::rep soft_at);
  void collect_from(TagSlot& slot, std::size_t count_max, std::vector<Entry*>& dead);
  [[nodiscard]] static std::size_t memory_of(const TagSlot& slot) noexcept;

  const std::size_t slots_max_;
  std::atomic<PurgeNumber> sequence_{1};
  std::atomic<std::uint64_t> overflows_{0};
  mutable std::mutex mutex_;
  std::unordered_map<std::string_view, std::unique_ptr<TagSlot>> slots_;  // views of identity
  mutable std::array<TagSlot, bucket_count> buckets_;
  std::unordered_set<TagSlot*> unswept_;  // with unchecked entries
};

// -- implementation -----------------------------------------------------------

inline bool TagMarks::alive(const Object& object) const noexcept {
  // The slots were written before the number that is read here.
  const PurgeNumber current = sequence_->load(std::memory_order_acquire);
  if (checked_.load(std::memory_order_relaxed) == current) return true;
  for (std::size_t i = 0; i < count_; ++i) {
    const TagSlot& slot = *marks_[i].slot;
    if (slot.hard.load(std::memory_order_relaxed) > since_) return false;
    if (slot.soft.load(std::memory_order_relaxed) > since_) {
      object.soften(Instant(Duration(slot.soft_at.load(std::memory_order_relaxed))));
    }
  }
  checked_.store(current, std::memory_order_relaxed);
  return true;
}

}  // namespace homeostat::cache
