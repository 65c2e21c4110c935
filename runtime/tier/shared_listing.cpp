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
constexpr std::size_t round_max = 500;     // what one SCAN looks at, more or less
constexpr std::size_t described_max = 64;  // keys that are asked about at once
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
  std::size_t skip = 0;  // of the cursor's matches, which were on the page before
  unsigned rounds = 0;
  std::size_t described = 0;  // of the page's keys
  std::size_t missing = 0;    // answers about them
  SharedKeyPage page;
  std::vector<std::size_t> servers;  // of the page's keys
  [[nodiscard]] std::string here() const {
    return fmt::format("{}-{}", server, cursor) + (skip > 0 ? fmt::format("-{}", skip) : "");
  }
  std::function<void(SharedKeyPage)> listed;
};

/// `server-cursor` or `server-cursor-skip`.
bool DataCache::read_cursor(std::string_view text, Listing& listing) {
  std::uint64_t cursor = 0;
  const auto read = [&text](auto& number) {
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
    return error == std::errc{};
  };
  const auto dash = [&text] {
    if (!text.starts_with('-')) return false;
    text.remove_prefix(1);
    return true;
  };
  if (!read(listing.server) || !dash() || !read(cursor)) return false;
  if (!text.empty() && (!dash() || !read(listing.skip))) return false;
  listing.cursor = std::to_string(cursor);
  return text.empty();
}

void DataCache::list_shared(const SharedKeyQuery& query,
                            std::function<void(SharedKeyPage)> listed) {
  auto listing = std::make_shared<Listing>();
  listing->pattern = cache::KeyPattern(query.pattern);
  listing->limit = query.limit;
  listing->listed = std::move(listed);
  if (!query.cursor.empty() && !read_cursor(query.cursor, *listing)) {
    listing->page.valid_cursor = false;
    return listing->listed(std::move(listing->page));
  }
  scan(listing);
}

void DataCache::scan(const ListingPtr& listing) {
  redis::Client& client = tier_->client();
  if (listing->server >= client.servers()) {
    if (client.servers() == 0) listing->page.complete = false;  // a cluster without a map
    return describe(listing);
  }
  const std::size_t room = listing->limit - listing->page.keys.size();
  if (room == 0 || listing->rounds >= rounds_max) {
    listing->page.next_cursor = listing->here();
    return describe(listing);
  }
  ++listing->rounds;
  const CallError refused = client.call_server(
      listing->server,
      redis::make_command({"SCAN", listing->cursor, "MATCH", literal_glob(prefix_) + "[:@~]*",
                           "COUNT", std::to_string(std::min(room + listing->skip, round_max))}),
      call_max, [this, listing](const CallResult& result) { scanned(listing, result); });
  if (refused == CallError::none) return;
  listing->page.complete = false;
  listing->page.next_cursor = listing->here();
  describe(listing);
}

void DataCache::scanned(const ListingPtr& listing, const CallResult& result) {
  const std::vector<Reply>& parts = result.reply.elements;
  if (!result.ok() || parts.size() != 2 || !parts[1].is(Reply::Type::array)) {
    listing->page.complete = false;
    listing->page.next_cursor = listing->here();
    return describe(listing);
  }
  std::size_t matches = 0;
  for (const Reply& key : parts[1].elements) {
    if (!listing->pattern.matches(path_of(key.text, prefix_.size()), key.text)) continue;
    if (++matches <= listing->skip) continue;
    if (listing->page.keys.size() == listing->limit) {
      // The next page begins with the same cursor, behind what is on this one.
      listing->skip = matches - 1;
      listing->page.next_cursor = listing->here();
      return describe(listing);
    }
    CacheKey found;
    found.key = key.text;
    listing->page.keys.push_back(std::move(found));
    listing->servers.push_back(listing->server);
  }
  listing->skip -= std::min(listing->skip, matches);
  listing->cursor = parts[0].text;
  if (listing->cursor == "0") {
    ++listing->server;
    listing->skip = 0;
  }
  scan(listing);
}

/// What there is to say of the page's keys, some at a time; then the page is told.
void DataCache::describe(const ListingPtr& listing) {
  const std::size_t count = listing->page.keys.size();
  if (listing->described == count) return listing->listed(std::move(listing->page));
  const std::size_t end = std::min(count, listing->described + described_max);
  listing->missing = 1;  // the loop itself
  for (; listing->described < end; ++listing->described) describe_one(listing, listing->described);
  described(listing);
}

void DataCache::describe_one(const ListingPtr& listing, std::size_t place) {
  const auto ask = [&](const char* command, void (*take)(CacheKey&, std::int64_t, WallTime)) {
    const CallError refused = tier_->client().call_server(
        listing->servers[place], redis::make_command({command, listing->page.keys[place].key}),
        call_max, [this, listing, place, take](const CallResult& result) {
          if (result.ok()) {
            take(listing->page.keys[place], result.reply.integer, clock_.wall_now());
          } else {
            listing->page.complete = false;
          }
          described(listing);
        });
    if (refused == CallError::none) {
      ++listing->missing;
    } else {
      listing->page.complete = false;
    }
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

void DataCache::described(const ListingPtr& listing) {
  if (--listing->missing == 0) describe(listing);
}

}  // namespace homeostat::tier
