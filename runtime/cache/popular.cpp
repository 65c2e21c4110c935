// What is asked for most, by URL. Read without a lock.
#include <algorithm>
#include <unordered_map>
#include <utility>

#include "runtime/cache/cache.hpp"

namespace homeostat::cache {
namespace {

/// The URL in `...:GET:{host}{path}:{query}:{vary}:{body}`; empty if the key holds none,
/// or the body or credentials of a request.
std::string url_of(std::string_view key, std::string_view namespace_stem) {
  constexpr std::string_view method = "GET:", scheme = "http://";
  if (!key.starts_with(namespace_stem)) return {};
  key.remove_prefix(namespace_stem.size());
  // The rest of the namespace: `@` and a version.
  const std::size_t colon = key.find(':');
  if (colon == std::string_view::npos) return {};
  key.remove_prefix(colon + 1);
  if (!key.starts_with(method)) return {};
  key.remove_prefix(method.size());
  if (key.starts_with("sha256:")) return {};
  std::array<std::string, 4> parts;  // host and path, query, vary, body
  std::size_t part = 0;
  for (std::size_t i = 0; i < key.size(); ++i) {
    if (key[i] == ':') {
      if (++part == parts.size()) return {};
      continue;
    }
    if (key[i] == '\\' && i + 1 < key.size()) {
      ++i;
      // No escape: what a No-Vary-Search rule leaves of a query, and nobody asked for.
      if (key[i] != ':' && key[i] != '\\') return {};
    }
    parts[part] += key[i];
  }
  if (parts[0].find('/') == std::string::npos || !parts[3].empty()) return {};
  std::string url(scheme);
  url += parts[0];
  if (!parts[1].empty()) url.append("?").append(parts[1]);
  return url;
}

}  // namespace

std::vector<std::string> Cache::popular(std::size_t count_max) {
  const std::lock_guard control(control_mutex_);
  const std::string stem = settings_.key_prefix + ":" + settings_.key_namespace;
  const Instant now = clock_.now();
  std::unordered_map<std::string, std::uint64_t> uses;
  for (Shard& shard : shards_) {
    const EpochGuard guard(control_slot_);
    shard.for_each([&](const Entry& entry) {
      if (!entry.object || entry.keyed || !entry.alive()) return;
      if (entry.object->status() != 200 || !entry.object->freshness().fresh(now)) return;
      const std::uint64_t count = entry.object->refresh().hits() + entry.object->uses();
      if (count == 0) return;
      std::string url = url_of(entry.key, stem);
      if (!url.empty()) uses[std::move(url)] += count;
    });
  }
  std::vector<std::pair<std::string, std::uint64_t>> order(uses.begin(), uses.end());
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  if (order.size() > count_max) order.resize(count_max);
  std::vector<std::string> urls;
  urls.reserve(order.size());
  for (auto& [url, count] : order) urls.push_back(std::move(url));
  return urls;
}

}  // namespace homeostat::cache
