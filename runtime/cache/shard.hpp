// One part of the cache's table: a chained hash table that is read without a
// lock, and what writers keep beside it (fills in flight, hit-for-miss marks).
//
// Resizing builds a second chain through the other `next` pointer of every
// entry, so that readers of the old table still see a whole one; the next
// resize waits until the old table is gone.
//
// Thread safety: find() and for_each() under an EpochGuard from any thread;
// everything else under mutex(). Ownership: the shard owns its entries until they are removed,
// the garbage list afterwards.
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
#include <vector>

#include "runtime/cache/epoch.hpp"
#include "runtime/cache/eviction_policy.hpp"
#include "runtime/cache/fill.hpp"
#include "runtime/cache/key.hpp"
#include "runtime/cache/object.hpp"
#include "runtime/cache/search_list.hpp"
#include "runtime/cache/tag_index.hpp"
#include "runtime/cache/vary.hpp"

namespace homeostat::cache {

/// A stored object, or (`spec` set) the list of a resource's variants, or
/// (`search` set) what is known about the queries of a path.
struct Entry final : PolicyItem, Retirable {
  std::string key;
  std::string path;
  std::uint64_t location = 0;
  ObjectPtr object;  ///< null if spec or search is set
  VarySpecPtr spec;
  SearchListPtr search;
  std::unique_ptr<TagMarks> tags;  ///< null: no tags
  bool keyed = false;              ///< key holds more than method, URL and variant
  std::array<std::atomic<Entry*>, 2> next{};
  // Guarded by the shard's mutex.
  bool linked = false;
  Entry* keyed_previous = nullptr;  // of those with `keyed` at the same location
  Entry* keyed_next = nullptr;
  Entry* parent = nullptr;       // of a variant: its list
  std::vector<Entry*> variants;  // of a list, oldest first

  /// Everything this entry keeps alive, allocator overhead included.
  /// REQUIRES: made by `new`.
  [[nodiscard]] std::size_t bytes() const noexcept;
  /// Under a guard: not taken by a purge of one of its tags. REQUIRES: object.
  [[nodiscard]] bool alive() const noexcept { return !tags || tags->alive(*object); }
};

/// Marks for ranges of a key are kept beside those for the whole.
[[nodiscard]] constexpr std::uint64_t range_mark(std::uint64_t hash) noexcept {
  return hash ^ 0x9e3779b97f4a7c15ULL;
}

/// And so is that its responses are stored, but answer only the request that fetched
/// them: nobody need wait for another's.
[[nodiscard]] constexpr std::uint64_t alone_mark(std::uint64_t hash) noexcept {
  return hash ^ 0xc2b2ae3d27d4eb4fULL;
}

class Shard {
 public:
  Shard();
  ~Shard();

  /// Null if absent. The entry stays valid as long as the caller's guard.
  [[nodiscard]] Entry* find(KeyView key) const noexcept;
  [[nodiscard]] Entry* find(std::uint64_t hash, const Object& object) const noexcept;
  [[nodiscard]] std::mutex& mutex() noexcept { return mutex_; }

  // -- under mutex() --------------------------------------------------------------
  void insert(std::unique_ptr<Entry> entry, Garbage& garbage);
  /// Readers may still see it: it is the caller's to retire, once nothing it leads to can be
  /// retired any more. REQUIRES: linked; a list has no variants left.
  [[nodiscard]] std::unique_ptr<Entry> unlink(Entry& entry, Garbage& garbage);
  /// Unlinks and retires.
  void remove(Entry& entry, Garbage& garbage) { garbage.retire(unlink(entry, garbage)); }
  [[nodiscard]] std::size_t entries() const noexcept { return entries_; }
  /// Calls `visit(Entry&)` for each entry with `keyed` at the location: their keys cannot be
  /// computed from a URI. `visit` must not insert or remove.
  template <class Visit>
  void for_each_keyed(std::uint64_t location, Visit&& visit) const;
  /// Calls `visit(Entry&)` for each entry; `visit` must not insert or remove.
  template <class Visit>
  void for_each(Visit&& visit);

  [[nodiscard]] Fill* find_fill(KeyView key) const noexcept;
  void add_fill(FillPtr fill);
  void remove_fill(const Fill& fill) noexcept;
  template <class Visit>
  void for_each_fill(Visit&& visit) {
    for (const ListedFill& listed : fills_) visit(*listed.fill);
  }

  /// Remembers an uncacheable key until `until`. A full table forgets the mark
  /// that shared its place.
  void mark_uncacheable(std::uint64_t hash, Instant until);
  /// Unless it was forgotten meanwhile.
  void renew_uncacheable(std::uint64_t hash, Instant until) noexcept;
  [[nodiscard]] bool uncacheable(std::uint64_t hash, Instant now) const noexcept;
  void forget_uncacheable(std::uint64_t hash) noexcept;
  void set_marks_max(std::size_t count) { marks_max_ = count; }

 private:
  struct Table final : Retirable {
    Table(std::size_t buckets, unsigned chain, std::shared_ptr<std::atomic<bool>> alive_flag);
    ~Table() override;
    std::size_t mask;
    unsigned parity;
    std::unique_ptr<std::atomic<Entry*>[]> heads;
    std::shared_ptr<std::atomic<bool>> alive;
  };
  struct Mark {
    std::uint64_t hash = 0;
    Instant until{};
  };
  /// The hash beside it, so that a search looks at none but those it may be after; of what
  /// nobody joins there can be thousands.
  struct ListedFill {
    std::uint64_t hash = 0;  // 0 if nobody may join
    FillPtr fill;
  };
  static constexpr std::size_t buckets_min = 16;

  void resize(std::size_t buckets, Garbage& garbage);
  void maybe_resize(Garbage& garbage);
  void link_keyed(Entry& entry);
  void unlink_keyed(Entry& entry);

  std::mutex mutex_;
  std::atomic<Table*> table_;
  std::shared_ptr<std::atomic<bool>> previous_alive_;  // the table before this one
  std::size_t entries_ = 0;
  std::unordered_map<std::uint64_t, Entry*> keyed_;  // by location, the newest
  std::vector<ListedFill> fills_;
  std::vector<Mark> marks_;
  std::size_t marks_max_ = 0;
};

template <class Visit>
void Shard::for_each(Visit&& visit) {
  Table* table = table_.load();
  for (std::size_t i = 0; i <= table->mask; ++i) {
    Entry* entry = table->heads[i].load();
    while (entry != nullptr) {
      Entry* following = entry->next[table->parity].load();
      visit(*entry);
      entry = following;
    }
  }
}

template <class Visit>
void Shard::for_each_keyed(std::uint64_t location, Visit&& visit) const {
  const auto found = keyed_.find(location);
  Entry* entry = found != keyed_.end() ? found->second : nullptr;
  for (; entry != nullptr; entry = entry->keyed_next) visit(*entry);
}

}  // namespace homeostat::cache
