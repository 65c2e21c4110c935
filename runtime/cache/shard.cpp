#include "runtime/cache/shard.hpp"

#include <utility>

#include "runtime/cache/allocation.hpp"

namespace homeostat::cache {
namespace {

// An entry's share of the table: at most two buckets while it grows.
constexpr std::size_t table_share = 2 * sizeof(void*);
// A node of the map by location, for those that are in it.
constexpr std::size_t keyed_overhead = 48;

}  // namespace

std::size_t Entry::bytes() const noexcept {
  std::size_t bytes =
      allocated_bytes(this) + allocated_bytes(key) + allocated_bytes(path) + table_share;
  if (keyed) bytes += keyed_overhead;
  if (object) bytes += object->memory() + object->variants_memory();
  if (search) bytes += search->memory();
  if (tags) bytes += tags->memory();
  if (spec) bytes += spec->memory() + allocated_bytes(variants.data());
  return bytes;
}

Shard::Table::Table(std::size_t buckets, unsigned chain,
                    std::shared_ptr<std::atomic<bool>> alive_flag)
    : mask(buckets - 1),
      parity(chain),
      heads(std::make_unique<std::atomic<Entry*>[]>(buckets)),
      alive(std::move(alive_flag)) {}

Shard::Table::~Table() { alive->store(false); }

Shard::Shard()
    : table_(new Table(buckets_min, 0, std::make_shared<std::atomic<bool>>(true))),
      previous_alive_(std::make_shared<std::atomic<bool>>(false)) {}

Shard::~Shard() {
  for_each([](Entry& entry) { delete &entry; });
  delete table_.load();
}

Entry* Shard::find(KeyView key) const noexcept {
  const Table* table = table_.load();
  Entry* entry = table->heads[key.hash & table->mask].load();
  while (entry != nullptr && (entry->hash != key.hash || entry->key != key.text)) {
    entry = entry->next[table->parity].load();
  }
  return entry;
}

Entry* Shard::find(std::uint64_t hash, const Object& object) const noexcept {
  const Table* table = table_.load();
  Entry* entry = table->heads[hash & table->mask].load();
  while (entry != nullptr && entry->object.get() != &object) {
    entry = entry->next[table->parity].load();
  }
  return entry;
}

void Shard::insert(std::unique_ptr<Entry> entry, Garbage& garbage) {
  Table* table = table_.load();
  std::atomic<Entry*>& head = table->heads[entry->hash & table->mask];
  entry->next[table->parity].store(head.load(), std::memory_order_relaxed);
  entry->linked = true;
  if (entry->keyed) link_keyed(*entry);
  head.store(entry.release());
  ++entries_;
  maybe_resize(garbage);
}

std::unique_ptr<Entry> Shard::unlink(Entry& entry, Garbage& garbage) {
  Table* table = table_.load();
  std::atomic<Entry*>* link = &table->heads[entry.hash & table->mask];
  while (link->load() != &entry) link = &link->load()->next[table->parity];
  link->store(entry.next[table->parity].load());
  entry.linked = false;
  --entries_;
  if (entry.keyed) unlink_keyed(entry);
  maybe_resize(garbage);
  return std::unique_ptr<Entry>(&entry);
}

void Shard::link_keyed(Entry& entry) {
  Entry*& newest = keyed_[entry.location];
  entry.keyed_next = newest;
  if (newest != nullptr) newest->keyed_previous = &entry;
  newest = &entry;
}

void Shard::unlink_keyed(Entry& entry) {
  if (entry.keyed_next != nullptr) entry.keyed_next->keyed_previous = entry.keyed_previous;
  if (entry.keyed_previous != nullptr) {
    entry.keyed_previous->keyed_next = entry.keyed_next;
  } else if (entry.keyed_next != nullptr) {
    keyed_[entry.location] = entry.keyed_next;
  } else {
    keyed_.erase(entry.location);
  }
}

void Shard::maybe_resize(Garbage& garbage) {
  const std::size_t buckets = table_.load()->mask + 1;
  if (entries_ > buckets) {
    resize(buckets * 2, garbage);
  } else if (buckets > buckets_min && entries_ < buckets / 8) {
    resize(buckets / 2, garbage);
  }
}

void Shard::resize(std::size_t buckets, Garbage& garbage) {
  // The chain to be rebuilt may still be walked by readers of the table before.
  if (previous_alive_->load()) return;
  Table* old = table_.load();
  auto fresh =
      std::make_unique<Table>(buckets, old->parity ^ 1U, std::make_shared<std::atomic<bool>>(true));
  for_each([&](Entry& entry) {
    std::atomic<Entry*>& head = fresh->heads[entry.hash & fresh->mask];
    entry.next[fresh->parity].store(head.load(std::memory_order_relaxed),
                                    std::memory_order_relaxed);
    head.store(&entry, std::memory_order_relaxed);
  });
  previous_alive_ = old->alive;
  table_.store(fresh.release());
  garbage.retire(std::unique_ptr<Retirable>(old));
}

Fill* Shard::find_fill(KeyView key) const noexcept {
  for (const ListedFill& listed : fills_) {
    if (listed.hash != key.hash) continue;
    Fill& fill = *listed.fill;
    if (fill.joinable_ && fill.identity().key == key.text) return &fill;
  }
  return nullptr;
}

void Shard::add_fill(FillPtr fill) {
  fill->place_ = fills_.size();
  const std::uint64_t hash = fill->joinable_ ? fill->identity().hash : 0;
  fills_.push_back({hash, std::move(fill)});
}

void Shard::remove_fill(const Fill& fill) noexcept {
  const std::size_t place = fill.place_;
  if (place >= fills_.size() || fills_[place].fill.get() != &fill) return;
  std::swap(fills_[place], fills_.back());
  fills_[place].fill->place_ = place;
  fills_.pop_back();
}

void Shard::mark_uncacheable(std::uint64_t hash, Instant until) {
  if (marks_max_ == 0) return;
  if (marks_.empty()) marks_.resize(marks_max_);
  marks_[hash % marks_.size()] = {hash, until};
}

void Shard::renew_uncacheable(std::uint64_t hash, Instant until) noexcept {
  if (marks_.empty()) return;
  Mark& mark = marks_[hash % marks_.size()];
  if (mark.hash == hash) mark.until = until;
}

bool Shard::uncacheable(std::uint64_t hash, Instant now) const noexcept {
  if (marks_.empty()) return false;
  const Mark& mark = marks_[hash % marks_.size()];
  return mark.hash == hash && mark.until > now;
}

void Shard::forget_uncacheable(std::uint64_t hash) noexcept {
  if (marks_.empty()) return;
  Mark& mark = marks_[hash % marks_.size()];
  if (mark.hash == hash) mark = {};
}

}  // namespace homeostat::cache
