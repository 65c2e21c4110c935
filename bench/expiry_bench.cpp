// What ordering objects by expiry costs: the indexed heap the cache uses, beside a
// hierarchical timer wheel (Varghese and Lauck, SOSP 1987; four levels of 64 slots,
// one second the finest) written for this bench.
//
//   expiry_bench --objects 100000 --objects 1000000
//
// A step is what a store does to the order: what is due leaves (one at a time, as the
// cache asks for it), one object is evicted before its time, one comes in. Lifetimes
// follow the table of trace_replay --ttl. Decision 8 is about the figures.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <random>
#include <vector>

#include "runtime/cache/indexed_heap.hpp"

namespace {

using Stopwatch = std::chrono::steady_clock;
using homeostat::cache::IndexedHeap;
using homeostat::cache::not_in_heap;

struct Item {
  std::int64_t expires = 0;  // nanoseconds, as an Instant
  std::uint32_t index = not_in_heap;
  // Of the wheel.
  Item* older = nullptr;
  Item** link = nullptr;  // what points here
  // An entry of the cache is a cache line or two away from the next.
  std::array<char, 96> rest{};
};

class Heap {
 public:
  static constexpr const char* name = "indexed heap";
  void insert(Item& item, std::int64_t) { heap_.push(item); }
  void remove(Item& item) { heap_.remove(item); }
  Item* due(std::int64_t now) {
    if (heap_.empty() || heap_.top()->expires > now) return nullptr;
    return heap_.pop();
  }

 private:
  IndexedHeap<Item, &Item::expires, &Item::index> heap_;
};

class Wheel {
 public:
  static constexpr const char* name = "timer wheel";
  void insert(Item& item, std::int64_t now) {
    if (tick_ < 0) tick_ = now / resolution;
    place(item);
  }
  void remove(Item& item) { unlink(item); }
  Item* due(std::int64_t now) {
    const std::int64_t last = now / resolution - 1;
    while (ready_ == nullptr && tick_ < last) advance();
    if (ready_ == nullptr) return nullptr;
    Item* item = ready_;
    unlink(*item);
    return item;
  }

 private:
  static constexpr std::int64_t resolution = 1'000'000'000;
  static constexpr int bits = 6, levels = 4;
  static constexpr std::int64_t slots = 1 << bits;

  static void push(Item*& head, Item& item) {
    item.older = head;
    item.link = &head;
    if (head != nullptr) head->link = &item.older;
    head = &item;
  }
  static void unlink(Item& item) {
    *item.link = item.older;
    if (item.older != nullptr) item.older->link = item.link;
  }
  void place(Item& item) {
    const std::int64_t at = item.expires / resolution;
    if (at <= tick_) return push(ready_, item);
    int level = 0;
    while (level < levels - 1 && (at - tick_) >> (bits * (level + 1)) != 0) ++level;
    push(wheel_[static_cast<std::size_t>(level)]
               [static_cast<std::size_t>((at >> (bits * level)) % slots)],
         item);
  }
  /// One tick: a slot comes due; at the turn of a level the next one cascades.
  void advance() {
    ++tick_;
    for (int level = levels - 1; level >= 0; --level) {
      if (tick_ % (std::int64_t{1} << (bits * level)) != 0) continue;
      Item*& head = wheel_[static_cast<std::size_t>(level)]
                          [static_cast<std::size_t>((tick_ >> (bits * level)) % slots)];
      while (head != nullptr) {
        Item& item = *head;
        unlink(item);
        place(item);
      }
    }
  }

  std::array<std::array<Item*, slots>, levels> wheel_{};
  Item* ready_ = nullptr;
  std::int64_t tick_ = -1;
};

template <class Order>
void measure(std::size_t objects, std::size_t steps, double stores_per_second) {
  std::mt19937_64 random(7);
  std::discrete_distribution<int> kind({.10, .15, .20, .20, .15, .10, .10});
  static constexpr std::array<std::int64_t, 7> seconds{5, 30, 60, 300, 3600, 43200, 86400};
  std::vector<Item> items(objects);
  std::vector<Item*> inside, outside;
  for (Item& item : items) outside.push_back(&item);
  std::vector<std::size_t> place(objects);
  Order order;
  std::int64_t now = 1'000'000'000'000;
  const auto spacing = static_cast<std::int64_t>(1e9 / stores_per_second);
  const auto index_of = [&](const Item* item) {
    return static_cast<std::size_t>(item - items.data());
  };
  const auto leave = [&](Item* item) {
    const std::size_t at = place[index_of(item)];
    inside[at] = inside.back();
    place[index_of(inside[at])] = at;
    inside.pop_back();
    outside.push_back(item);
  };
  std::vector<float> times;
  times.reserve(steps);
  double total = 0;
  for (std::size_t step = 0; step < objects + steps; ++step) {
    now += spacing;
    Item* evicted = nullptr;
    if (outside.size() < 2) evicted = inside[random() % inside.size()];
    const std::int64_t lifetime = seconds[static_cast<std::size_t>(kind(random))] * 1'000'000'000;
    const auto began = Stopwatch::now();
    std::array<Item*, 4> due{};
    std::size_t count = 0;
    while (count < due.size() && (due[count] = order.due(now)) != nullptr) ++count;
    const bool gone = std::find(due.begin(), due.begin() + static_cast<std::ptrdiff_t>(count),
                                evicted) != due.begin() + static_cast<std::ptrdiff_t>(count);
    if (evicted != nullptr && !gone) order.remove(*evicted);
    Item* fresh = outside.empty() ? nullptr : outside.back();
    if (fresh != nullptr) {
      fresh->expires = now + lifetime;
      order.insert(*fresh, now);
    }
    const double took = std::chrono::duration<double, std::nano>(Stopwatch::now() - began).count();
    if (fresh != nullptr) {
      outside.pop_back();
      place[index_of(fresh)] = inside.size();
      inside.push_back(fresh);
    }
    for (std::size_t i = 0; i < count; ++i) leave(due[i]);
    if (evicted != nullptr && !gone) leave(evicted);
    if (step < objects) continue;  // filling up
    total += took;
    times.push_back(static_cast<float>(took));
  }
  std::sort(times.begin(), times.end());
  const auto at = [&](double share) {
    return static_cast<double>(
        times[static_cast<std::size_t>(share * static_cast<double>(times.size() - 1))]);
  };
  std::printf(
      "%8zu objects, %6.0f stores/s  %-13s mean %5.0f ns  p99 %6.0f  p99.99 %8.0f  "
      "slowest %9.0f\n",
      objects, stores_per_second, Order::name, total / static_cast<double>(steps), at(0.99),
      at(0.9999), at(1));
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Expiry by an indexed heap and by a timer wheel.", "expiry_bench"};
  std::vector<std::size_t> objects{10'000, 100'000, 1'000'000};
  std::size_t steps = 2'000'000;
  double rate = 1000;
  app.add_option("--objects", objects, "in the order at a time")->check(CLI::PositiveNumber);
  app.add_option("--steps", steps, "measured")->check(CLI::PositiveNumber);
  app.add_option("--rate", rate, "stores per second")->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  for (const std::size_t count : objects) {
    measure<Heap>(count, steps, rate);
    measure<Wheel>(count, steps, rate);
  }
}
