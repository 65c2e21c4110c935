// DataCache::list_shared: keys in Redis by SCAN, a bounded number per call, server by
// server.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "runtime/cache/key_pattern.hpp"
#include "runtime/redis/command.hpp"
#include "runtime/tier/data_cache.hpp"
#include "runtime/tier/tier.hpp"

namespace homeostat::tier {
namespace {

using redis::CallError;
using redis::CallResult;
using redis::Reply;

constexpr unsigned rounds_max = 20;
constexpr std::string_view round_count = "500";
constexpr Duration call_max = std::chrono::seconds(1);

/// A glob of Redis that matches just this text.
std::string literal_glob(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '*' || c == '?' || c == '[' || c == ']' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

/// The path in `{prefix}:{namespace}:{method}:{host}{path}:{query}:...`; of data the key
/// itself; empty where the key is hashed.
std::string path_of(std::string_view key, std::size_t stem) {
  // After the namespace, in which a tenant's name may hold an escaped `:`.
  std::size_t end = std::min(stem, key.size());
  while (end < key.size() && key[end] != ':') end += key[end] == '\\' ? 2U : 1U;
  key.remove_prefix(std::min(key.size(), end + 1));
  const std::size_t method = key.find(':');
  if (method == std::string_view::npos) return {};
  const bool data = key.substr(0, method) == "data";
  key.remove_prefix(method + 1);
  if (data) return std::string(key);
  std::string path;
  bool inside = false;
  for (std::size_t i = 0; i < key.size(); ++i) {
    char c = key[i];
    if (c == ':') break;
    if (c == '\\' && i + 1 < key.size()) c = key[++i];
    inside = inside || c == '/';
    if (inside) path += c;
  }
  return path;
}

}  // namespace

struct DataCache::Listing {
  cache::KeyPattern pattern{""};
  std::size_t limit = 0;
  std::size_t server = 0;
  std::string cursor = "0";
  unsigned rounds = 0;
  std::size_t missing = 1;  // answers, and one for the scan itself
  SharedKeyPage page;
  std::function<void(SharedKeyPage)> listed;
};

void DataCache::list_shared(const SharedKeyQuery& query,
                            std::function<void(SharedKeyPage)> listed) {
  auto listing = std::make_shared<Listing>();
  listing->pattern = cache::KeyPattern(query.pattern);
  listing->limit = query.limit;
  listing->listed = std::move(listed);
  if (!query.cursor.empty()) {
    const char* const end = query.cursor.data() + query.cursor.size();
    const auto server = std::from_chars(query.cursor.data(), end, listing->server);
    const bool good = server.ec == std::errc{} && server.ptr != end && *server.ptr == '-' &&
                      server.ptr + 1 != end && end - server.ptr <= 21 &&
                      std::all_of(server.ptr + 1, end, [](char c) { return c >= '0' && c <= '9'; });
    if (!good) {
      listing->page.valid_cursor = false;
      return finish(listing);
    }
    listing->cursor.assign(server.ptr + 1, end);
  }
  scan(listing);
}

void DataCache::scan(const ListingPtr& listing) {
  redis::Client& client = tier_->client();
  if (listing->server >= client.servers()) return finish(listing);
  const bool full = listing->page.keys.size() >= listing->limit || listing->rounds >= rounds_max;
  const std::string next = fmt::format("{}-{}", listing->server, listing->cursor);
  if (full) {
    listing->page.next_cursor = next;
    return finish(listing);
  }
  ++listing->rounds;
  const CallError refused = client.call_server(
      listing->server,
      redis::make_command({"SCAN", listing->cursor, "MATCH", literal_glob(prefix_) + "[:@]*",
                           "COUNT", round_count}),
      call_max, [this, listing](const CallResult& result) { scanned(listing, result); });
  if (refused == CallError::none) return;
  listing->page.complete = false;
  listing->page.next_cursor = next;
  finish(listing);
}

void DataCache::scanned(const ListingPtr& listing, const CallResult& result) {
  const std::vector<Reply>& parts = result.reply.elements;
  if (!result.ok() || parts.size() != 2 || !parts[1].is(Reply::Type::array)) {
    listing->page.complete = false;
    listing->page.next_cursor = fmt::format("{}-{}", listing->server, listing->cursor);
    return finish(listing);
  }
  for (const Reply& key : parts[1].elements) {
    if (listing->pattern.matches(path_of(key.text, prefix_.size()), key.text)) {
      describe(listing, key.text);
    }
  }
  listing->cursor = parts[0].text;
  if (listing->cursor == "0") ++listing->server;
  scan(listing);
}

void DataCache::describe(const ListingPtr& listing, const std::string& key) {
  const std::size_t place = listing->page.keys.size();
  CacheKey found;
  found.key = key;
  listing->page.keys.push_back(std::move(found));
  const auto ask = [&](const char* command, void (*take)(CacheKey&, std::int64_t, WallTime)) {
    const CallError refused = tier_->client().call_server(
        listing->server, redis::make_command({command, key}), call_max,
        [this, listing, place, take](const CallResult& result) {
          if (result.ok()) take(listing->page.keys[place], result.reply.integer, clock_.wall_now());
          finish(listing);
        });
    if (refused == CallError::none) ++listing->missing;
  };
  ask("PTTL", [](CacheKey& of, std::int64_t value, WallTime now) {
    const std::chrono::milliseconds left(std::max<std::int64_t>(value, 0));
    of.ttl = left;
    of.expires = now + left;
  });
  ask("STRLEN", [](CacheKey& of, std::int64_t value, WallTime) {
    of.bytes = static_cast<std::size_t>(std::max<std::int64_t>(value, 0));
  });
}

/// Once for the scan and once for each answer about a key.
void DataCache::finish(const ListingPtr& listing) {
  if (--listing->missing == 0) listing->listed(std::move(listing->page));
}

}  // namespace homeostat::tier
