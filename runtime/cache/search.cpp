// Learning and forgetting No-Vary-Search values. See search_list.hpp.
#include <algorithm>
#include <utility>

#include "runtime/cache/cache.hpp"

namespace homeostat::cache {

std::vector<SearchRulePtr> Cache::with_newest(const SearchList* known,
                                              const http::SearchVariance& variance) {
  std::vector<SearchRulePtr> rules;
  if (known != nullptr) rules = known->rules;
  const auto same = std::find_if(rules.begin(), rules.end(), [&](const SearchRulePtr& rule) {
    return rule->variance == variance;
  });
  if (same == rules.end()) {
    rules.insert(rules.begin(), SearchRulePtr(new SearchRule(++search_rules_made_, variance)));
  } else {
    std::rotate(rules.begin(), same, same + 1);
  }
  return rules;
}

void Cache::learn_search(KeyView path, std::uint64_t location,
                         const http::SearchVariance& variance) {
  const std::lock_guard learning(search_mutex_);
  std::vector<SearchRulePtr> gone;
  {
    Shard& shard = shard_of(location);
    const std::lock_guard lock(shard.mutex());
    Entry* known = shard.find(path);
    if (known != nullptr && known->search->rules.front()->variance == variance) return;
    std::vector<SearchRulePtr> rules =
        with_newest(known != nullptr ? known->search.get() : nullptr, variance);
    for (; rules.size() > SearchList::rules_max; rules.pop_back()) gone.push_back(rules.back());
    auto entry = std::make_unique<Entry>();
    entry->key = path.text;
    entry->hash = path.hash;
    entry->location = location;
    entry->search = SearchListPtr(new SearchList(std::move(rules)));
    Entry& made = *entry;
    // In before out: no reader sees the path without a list.
    shard.insert(std::move(entry), garbage_);
    recharge(made);
    if (known != nullptr) {
      remove_search(shard, *known);
    } else {
      search_paths_.push_back({std::string(path.text), path.hash, location});
    }
  }
  while (search_paths_.size() > settings_.no_vary_search_max) forget_oldest_search(gone);
  search_paths_known_.store(search_paths_.size());
  invalidate_fills(gone);
}

void Cache::remove_search(Shard& shard, Entry& entry) {
  {
    const std::lock_guard lock(policy_mutex_);
    policy_.discharge(entry.weight);
  }
  shard.remove(entry, garbage_);
}

void Cache::forget_oldest_search(std::vector<SearchRulePtr>& gone) {
  const SearchPath path = std::move(search_paths_.front());
  search_paths_.pop_front();
  Shard& shard = shard_of(path.location);
  const std::lock_guard lock(shard.mutex());
  Entry* entry = shard.find({path.key, path.hash});
  if (entry == nullptr) return;
  gone.insert(gone.end(), entry->search->rules.begin(), entry->search->rules.end());
  remove_search(shard, *entry);
}

void Cache::invalidate_fills(const std::vector<SearchRulePtr>& gone) {
  if (gone.empty()) return;
  for (const SearchRulePtr& rule : gone) rule->forgotten.store(true);
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex());
    shard.for_each_fill([&](Fill& fill) {
      const SearchRulePtr& used = fill.identity().search;
      if (!used || std::find(gone.begin(), gone.end(), used) == gone.end()) return;
      fill.joinable_ = false;
      const std::lock_guard fill_lock(fill.mutex_);
      fill.invalidated_ = true;
    });
  }
}

SearchListPtr Cache::search_of(EpochSlot& slot, KeyView path, std::uint64_t location) {
  const EpochGuard guard(slot);
  const Entry* entry = shard_of(location).find(path);
  return entry != nullptr ? entry->search : SearchListPtr();
}

}  // namespace homeostat::cache
