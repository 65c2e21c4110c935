// A binary min-heap of pointers whose elements know their own position, so
// that any element can be removed or re-ordered in O(log n).
//
// Thread safety: none. Ownership: none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace homeostat::cache {

inline constexpr std::uint32_t not_in_heap = std::numeric_limits<std::uint32_t>::max();

/// `Rank` is a member holding the order, `Index` one holding the position.
template <class Item, auto Rank, auto Index>
class IndexedHeap {
 public:
  [[nodiscard]] bool empty() const noexcept { return items_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
  [[nodiscard]] Item* top() const noexcept { return items_.front(); }
  [[nodiscard]] static bool contains(const Item& item) noexcept {
    return item.*Index != not_in_heap;
  }

  void push(Item& item) {
    items_.push_back(&item);
    place(items_.size() - 1, item);
    up(items_.size() - 1);
  }
  void remove(Item& item) noexcept {
    const std::size_t hole = item.*Index;
    item.*Index = not_in_heap;
    Item* last = items_.back();
    items_.pop_back();
    if (last == &item) return;
    place(hole, *last);
    reorder(*last);
  }
  Item* pop() noexcept {
    Item* item = top();
    remove(*item);
    return item;
  }
  /// After the rank of an element changed.
  void reorder(Item& item) noexcept { down(up(item.*Index)); }

  [[nodiscard]] std::size_t memory() const noexcept { return items_.capacity() * sizeof(Item*); }

 private:
  void place(std::size_t at, Item& item) noexcept {
    items_[at] = &item;
    item.*Index = static_cast<std::uint32_t>(at);
  }
  std::size_t up(std::size_t at) noexcept {
    Item* item = items_[at];
    while (at > 0) {
      const std::size_t parent = (at - 1) / 2;
      if (!(item->*Rank < items_[parent]->*Rank)) break;
      place(at, *items_[parent]);
      at = parent;
    }
    place(at, *item);
    return at;
  }
  void down(std::size_t at) noexcept {
    Item* item = items_[at];
    for (;;) {
      std::size_t child = 2 * at + 1;
      if (child >= items_.size()) break;
      if (child + 1 < items_.size() && items_[child + 1]->*Rank < items_[child]->*Rank) ++child;
      if (!(items_[child]->*Rank < item->*Rank)) break;
      place(at, *items_[child]);
      at = child;
    }
    place(at, *item);
  }

  std::vector<Item*> items_;
};

}  // namespace homeostat::cache
