// Cache keys: `{prefix}:{namespace}:{method}:{host}{path}:{query}:{vary}:{body}`.
// With a key version other than 0 the namespace is `{namespace}@{version}`; a request of a
// tenant asks in `{namespace}~{tenant}` (tenant.hpp), so that no tenant meets another's keys.
//
// Different requests never share a key: `:` and `\` inside a component are
// escaped by `\`, and a key above 250 characters becomes
// `{prefix}:{namespace}:{method}:sha256:{hex}` of its full text. HEAD uses the
// key of GET. The query is normalised as http/query.hpp says; path and query
// differ as bytes once equivalent percent-encodings of the query are one.
//
// Thread safety: none; one builder per worker. The buffers are reused: views
// are valid until the next call on the builder. No allocation once warm.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/settings/cache.hpp"
#include "runtime/cache/request.hpp"
#include "runtime/cache/search_list.hpp"
#include "runtime/http/query.hpp"

namespace homeostat::cache {

inline constexpr std::size_t key_text_max = 250;
/// Of hashes and locations that different processes must agree on.
inline constexpr std::uint64_t shared_key_seed = 0;

/// A key by reference. Equality is decided by the text, never by the hash.
struct KeyView {
  std::string_view text;
  std::uint64_t hash = 0;
};

/// Where parts of a primary key's text are: enough to make variants of it.
struct KeyShape {
  std::size_t stem = 0;     ///< length of `{prefix}:{namespace}:{method}:`
  std::size_t vary_at = 0;  ///< where {vary} goes; npos: the text is hashed, append
};

/// A key without variants that owns its text.
struct PrimaryKey {
  std::string text;
  std::uint64_t hash = 0;
  KeyShape shape;
  std::uint64_t location = 0;  ///< see KeyBuilder::location()
};

[[nodiscard]] std::uint64_t hash_key(std::string_view text, std::uint64_t seed) noexcept;
/// Writes the key of one variant of a primary key.
void write_variant_key(std::string_view primary, KeyShape shape, std::string_view vary,
                       std::string& out);

class KeyBuilder {
 public:
  /// `seed` makes collisions unpredictable from outside. `version` is read for
  /// every key and may change meanwhile; it outlives the builder.
  KeyBuilder(const config::CacheSettings& settings, std::uint64_t seed,
             const std::atomic<unsigned>& version);

  /// The key without variants. `authorization` is empty unless a rule allows
  /// authenticated content; its hash, never its value, enters the key. `query`
  /// is how a rule wants the query normalised; null: as configured for all.
  KeyView primary(const Request& request, std::string_view authorization = {},
                  const http::QueryNormalizer* query = nullptr);
  /// The same with the canonical query of a No-Vary-Search rule in place of the
  /// query; nothing if the query is beyond the rule's bounds. The rule's number
  /// is part of the key.
  [[nodiscard]] std::optional<KeyView> searched(const Request& request, const SearchRule& rule,
                                                std::string_view authorization = {},
                                                const http::QueryNormalizer* query = nullptr);
  /// The key by which the No-Vary-Search rules of host and path are found, and
  /// its location. Leaves the last primary as it is.
  KeyView search_path(const Request& request);
  [[nodiscard]] std::uint64_t search_location() const noexcept { return search_location_; }
  /// A copy of the last primary.
  [[nodiscard]] PrimaryKey copy() const { return {primary_, hash_, shape_, location_}; }
  /// Path and query as the key has them: what all requests that share it mean.
  [[nodiscard]] std::string target(const Request& request, const http::QueryNormalizer* query);
  /// The key of one variant of the last primary.
  KeyView variant(std::string_view vary);

  [[nodiscard]] KeyView last_primary() const noexcept { return {primary_, hash_}; }
  [[nodiscard]] KeyShape shape() const noexcept { return shape_; }
  /// How many primaries were built: tells whether the last one is still that one.
  [[nodiscard]] std::uint64_t built() const noexcept { return built_; }
  /// Hash of host, path and normalised query of the last primary: the same for
  /// every method, variant and user of one URI.
  [[nodiscard]] std::uint64_t location() const noexcept { return location_; }

 private:
  void begin(const Request& request);
  void append_path(std::string& out, std::string_view path);
  KeyView finish(const Request& request, std::string_view authorization);
  void normalise(std::string_view query, const http::QueryNormalizer* normalizer);
  void follow_version();
  void write_base();

  const std::string prefix_, namespace_;
  const std::atomic<unsigned>& version_;
  unsigned base_version_ = 0;
  std::string base_;  // "{prefix}:{namespace}"
  http::QueryNormalizer query_;
  std::uint64_t seed_;
  KeyShape shape_;
  std::uint64_t location_ = 0;
  std::uint64_t hash_ = 0;
  std::uint64_t search_location_ = 0;
  std::uint64_t built_ = 0;
  std::string equivalent_, normalised_, primary_, variant_, search_;
};

/// How queries enter keys: as configured, or as `rule` wants it if it says so.
[[nodiscard]] http::QueryNormalizer query_normalizer(const config::CacheSettings& settings,
                                                     const config::CacheRule* rule = nullptr);
/// Appends `text` with `:` and `\` escaped.
void append_escaped(std::string& out, std::string_view text);
/// Lower-case hex SHA-256.
[[nodiscard]] std::string sha256_hex(std::string_view text);

}  // namespace homeostat::cache
