// A 4-ary min-heap of pointers whose elements know their own position, so that
// any element can be removed or re-ordered in O(log n).
//
// Ranks are kept beside the pointers, so that sifting touches no element but the
// one that moves. Storage grows by chunks: no operation copies the whole heap.
//
// Thread safety: none. Ownership: none.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <type_traits>
#include <vector>

namespace homeostat::cache {

inline constexpr std::uint32_t not_in_heap = std::numeric_limits<std::uint32_t>::max();

/// `Rank` is a member holding the order, `Index` one holding the position.
template <class Item, auto Rank, auto Index>
class IndexedHeap {
 public:
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] Item* top() const noexcept { return (*chunks_.front())[0].item; }
  [[nodiscard]] static bool contains(const Item& item) noexcept {
    return item.*Index != not_in_heap;
  }

  void push(Item& item) {
    if (size_ == chunks_.size() * chunk_size) chunks_.push_back(std::make_unique<Chunk>());
    up(size_++, {item.*Rank, &item});
  }
  void remove(Item& item) noexcept {
    const std::size_t hole = item.*Index;
    item.*Index = not_in_heap;
    const Node last = at(--size_);
    // One chunk in reserve, so that a heap at the edge does not allocate each time.
    if (chunks_.size() > size_ / chunk_size + 2) chunks_.pop_back();
    if (last.item != &item) place(hole, last);
  }
  Item* pop() noexcept {
    Item* item = top();
    remove(*item);
    return item;
  }
  /// After the rank of an element changed.
  void reorder(Item& item) noexcept { place(item.*Index, {item.*Rank, &item}); }

  [[nodiscard]] std::size_t memory() const noexcept { return chunks_.size() * sizeof(Chunk); }

 private:
  using RankValue = std::remove_cvref_t<decltype(std::declval<Item>().*Rank)>;
  struct Node {
    RankValue rank;
    Item* item;
  };
  static constexpr std::size_t arity = 4, chunk_size = 256;
  using Chunk = std::array<Node, chunk_size>;

  [[nodiscard]] Node& at(std::size_t index) noexcept {
    return (*chunks_[index / chunk_size])[index % chunk_size];
  }
  void put(std::size_t index, const Node& node) noexcept {
    at(index) = node;
    node.item->*Index = static_cast<std::uint32_t>(index);
  }
  /// Puts a node where it belongs, seen from a free place.
  void place(std::size_t hole, const Node& node) noexcept {
    if (hole > 0 && node.rank < at((hole - 1) / arity).rank) {
      up(hole, node);
    } else {
      down(hole, node);
    }
  }
  void up(std::size_t hole, const Node& node) noexcept {
    while (hole > 0) {
      const std::size_t parent = (hole - 1) / arity;
      if (!(node.rank < at(parent).rank)) break;
      put(hole, at(parent));
      hole = parent;
    }
    put(hole, node);
  }
  void down(std::size_t hole, const Node& node) noexcept {
    for (;;) {
      const std::size_t first = arity * hole + 1;
      if (first >= size_) break;
      std::size_t least = first;
      for (std::size_t i = first + 1; i < std::min(first + arity, size_); ++i) {
        if (at(i).rank < at(least).rank) least = i;
      }
      if (!(at(least).rank < node.rank)) break;
      put(hole, at(least));
      hole = least;
    }
    put(hole, node);
  }

  std::vector<std::unique_ptr<Chunk>> chunks_;
  std::size_t size_ = 0;
};

}  // namespace homeostat::cache
