// Listing what is stored, page by page, in the order of shard and hash: an order
// that entries which come and go do not change. Read without a lock.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "runtime/cache/cache.hpp"
#include "runtime/cache/key_pattern.hpp"

namespace homeostat::cache {
namespace {

struct Cursor {
  std::size_t shard = 0;
  std::uint64_t hash = 0;  // of the last entry shown; all above it follow
  bool inside = false;     // false: the shard begins
  std::uint64_t total = 0;
};

template <class Number>
bool read_hex(std::string_view& rest, Number& value) {
  const char* const end = rest.data() + rest.size();
  const auto [stop, error] = std::from_chars(rest.data(), end, value, 16);
  if (error != std::errc{}) return false;
  rest.remove_prefix(static_cast<std::size_t>(stop - rest.data()));
  if (rest.starts_with('-')) rest.remove_prefix(1);
  return true;
}

std::optional<Cursor> parse_cursor(std::string_view text) {
  Cursor cursor;
  cursor.inside = true;
  if (!read_hex(text, cursor.shard) || !read_hex(text, cursor.hash) ||
      !read_hex(text, cursor.total) || !text.empty() || cursor.shard >= Cache::shard_count) {
    return std::nullopt;
  }
  return cursor;
}

CacheKey describe(const Entry& entry, Instant now) {
  const Freshness freshness = entry.object->freshness();
  CacheKey key;
  key.key = entry.key;
  key.ttl = freshness.remaining(now);
  key.expires = freshness.received_wall + std::chrono::duration_cast<WallTime::duration>(
                                              freshness.lifetime - freshness.initial_age);
  key.bytes = entry.bytes();
  key.tags = entry.object->head().tags.names();
  return key;
}

}  // namespace

std::optional<CacheKeyPage> Cache::keys(const CacheKeyQuery& query) {
  const std::lock_guard control(control_mutex_);
  const KeyPattern pattern{query.pattern};
  const Instant now = clock_.now();
  Cursor cursor;
  if (!query.cursor.empty()) {
    const std::optional<Cursor> parsed = parse_cursor(query.cursor);
    if (!parsed) return std::nullopt;
    cursor = *parsed;
  }
  const bool counting = query.cursor.empty();
  CacheKeyPage page;
  std::optional<Cursor> next;
  for (std::size_t index = cursor.shard; index < shard_count && (counting || !next); ++index) {
    const EpochGuard guard(control_slot_);
    std::vector<const Entry*> found;
    shards_[index].for_each([&](const Entry& entry) {
      if (!entry.object || !entry.alive() || !pattern.matches(entry.path, entry.key)) return;
      if (index == cursor.shard && cursor.inside && entry.hash <= cursor.hash) return;
      found.push_back(&entry);
    });
    if (counting) cursor.total += found.size();
    if (next) continue;
    std::sort(found.begin(), found.end(),
              [](const Entry* a, const Entry* b) { return a->hash < b->hash; });
    for (const Entry* entry : found) {
      if (page.keys.size() == query.limit) break;
      page.keys.push_back(describe(*entry, now));
      if (page.keys.size() == query.limit) next = Cursor{index, entry->hash, true, 0};
    }
  }
  page.total_found = cursor.total;
  if (next) {
    page.next_cursor = fmt::format("{:x}-{:x}-{:x}", next->shard, next->hash, cursor.total);
  }
  return page;
}

}  // namespace homeostat::cache
