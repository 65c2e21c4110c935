// What is known about the queries of one path: the No-Vary-Search values its
// responses came with.
//
// A rule is learned from a response that was stored under its own query. From
// then on a request for the path is looked up by its canonical query under each
// rule, then by its own; its fill is joined by, and stored under, the canonical
// query of the newest rule if the response says the same again, and else under
// its own query. So a stored response answers exactly the queries that it says
// it does itself, on its own host and path.
//
// Every rule has an identifier of its own that is part of the keys made with
// it: what was stored under a rule that was forgotten cannot come back with a
// later one that looks alike.
//
// Thread safety: immutable, but for `forgotten`. Bounds: `rules_max` a path,
// CacheSettings::no_vary_search_max paths.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>
#include <vector>

#include "runtime/cache/ref.hpp"
#include "runtime/http/search_variance.hpp"

namespace homeostat::cache {

struct SearchRule final : RefCounted<SearchRule> {
  SearchRule(std::uint64_t number, http::SearchVariance rule)
      : id(number), variance(std::move(rule)) {}
  const std::uint64_t id;
  const http::SearchVariance variance;
  /// Set before fills that used it are looked for; a fill that sees it must not
  /// be stored.
  mutable std::atomic<bool> forgotten{false};
};
using SearchRulePtr = Ref<const SearchRule>;

struct SearchList final : RefCounted<SearchList> {
  static constexpr std::size_t rules_max = 4;
  explicit SearchList(std::vector<SearchRulePtr> list) : rules(std::move(list)) {}
  const std::vector<SearchRulePtr> rules;  ///< newest first; never empty

  [[nodiscard]] std::size_t memory() const noexcept {
    std::size_t bytes = sizeof(*this) + rules.capacity() * sizeof(SearchRulePtr);
    for (const SearchRulePtr& rule : rules) {
      bytes += sizeof(SearchRule) + rule->variance.memory();
    }
    return bytes;
  }
};
using SearchListPtr = Ref<const SearchList>;

}  // namespace homeostat::cache
