#include "rules/engine/conflicts.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace homeostat::rules {
namespace {

// Strictness as a sortable key: the smaller, the more restrictive.
auto strictness(const Throttle& a) { return std::tuple(a.to); }
auto strictness(const ScaleTtl& a) { return std::tuple(a.by, a.max); }
/// A level that is named beats "as configured".
auto strictness(const Compress& a) { return std::tuple(a.enabled, a.level == 0 ? 10 : a.level); }

void scale(EndpointOutcome& endpoint, const ActiveAction& entry) {
  const auto& action = std::get<ScaleTtl>(entry.action);
  endpoint.ttl_share = entry.share;
  endpoint.ttl_multiplier = action.by;
  endpoint.ttl_max = action.max;
}

void compress(EndpointOutcome& endpoint, const ActiveAction& entry) {
  const auto& action = std::get<Compress>(entry.action);
  endpoint.compress_share = entry.share;
  endpoint.compress = action.enabled;
  endpoint.compress_level = action.level;
  endpoint.compress_algorithm = action.algorithm;
}

}  // namespace

template <class Kind>
bool Conflicts::stricter(std::size_t a, std::size_t b) const {
  const auto& active = contest_.active;
  const auto key_a = strictness(std::get<Kind>(active[a].action));
  const auto key_b = strictness(std::get<Kind>(active[b].action));
  if (key_a != key_b) return key_a < key_b;
  if (contest_.priorities[a] != contest_.priorities[b]) {
    return contest_.priorities[a] > contest_.priorities[b];
  }
  if (active[a].rule != active[b].rule) return active[a].rule < active[b].rule;
  return a < b;
}

template <class Kind>
std::size_t Conflicts::stricter_of(std::size_t a, std::size_t b) const {
  if (a == none || b == none) return a == none ? b : a;
  return stricter<Kind>(b, a) ? b : a;
}

std::size_t Conflicts::place_of(EndpointId id) const noexcept {
  const auto found = std::ranges::lower_bound(ids_, id);
  return found != ids_.end() && *found == id ? static_cast<std::size_t>(found - ids_.begin())
                                             : none;
}

void Conflicts::settle_throttle(Outcome& outcome) const {
  const auto& active = contest_.active;
  std::size_t winner = none;
  for (std::size_t i = 0; i < active.size(); ++i) {
    if (!std::holds_alternative<Throttle>(active[i].action)) continue;
    active[i].overruled = true;
    winner = stricter_of<Throttle>(winner, i);
  }
  if (winner == none) return;
  active[winner].overruled = false;
  for (ActiveAction& entry : active) {
    if (entry.overruled && std::holds_alternative<Throttle>(entry.action)) {
      entry.overruled_by = active[winner].rule;
    }
  }
  outcome.throttle_to = std::min(1.0, std::get<Throttle>(active[winner].action).to);
}

template <class Kind, class Apply>
void Conflicts::settle_endpoints(const Apply& apply) {
  const auto& active = contest_.active;
  std::size_t global = none;
  bool any = false;
  winners_.assign(ids_.size(), none);
  for (std::size_t i = 0; i < active.size(); ++i) {
    if (!std::holds_alternative<Kind>(active[i].action)) continue;
    any = true;
    active[i].overruled = true;
    const std::size_t place = active[i].endpoint ? place_of(*active[i].endpoint) : none;
    if (active[i].endpoint && place == none) continue;
    std::size_t& best = active[i].endpoint ? winners_[place] : global;
    best = stricter_of<Kind>(best, i);
  }
  if (!any) return;
  for (std::size_t place = 0; place < ids_.size(); ++place) {
    const std::size_t winner = stricter_of<Kind>(winners_[place], global);
    if (winner == none) continue;
    active[winner].overruled = false;
    winners_[place] = winner;
    EndpointOutcome& endpoint = touched_[place];
    apply(endpoint, active[winner]);
    if (active[winner].measured) endpoint.measured_share = active[winner].share;
  }
  // With no endpoint known yet, the strictest global action still stands.
  if (ids_.empty() && global != none) active[global].overruled = false;
  name_winners<Kind>(global);
}

/// Of each overruled action of this kind, the rule that decides instead.
template <class Kind>
void Conflicts::name_winners(std::size_t global) const {
  const auto& active = contest_.active;
  const auto first =
      std::ranges::find_if(winners_, [](std::size_t winner) { return winner != none; });
  for (std::size_t i = 0; i < active.size(); ++i) {
    ActiveAction& entry = active[i];
    if (!entry.overruled || !std::holds_alternative<Kind>(entry.action)) continue;
    const std::size_t place = entry.endpoint ? place_of(*entry.endpoint) : none;
    std::size_t winner = place == none ? none : winners_[place];
    // Stricter than all global ones, yet overruled: at every endpoint by its own.
    if (global == i && first != winners_.end()) winner = *first;
    if (winner == none) winner = global;
    if (winner != none) entry.overruled_by = active[winner].rule;
  }
}

void Conflicts::settle(const Contest& contest, Outcome& outcome) {
  contest_ = contest;
  ids_.assign(contest.endpoints.begin(), contest.endpoints.end());
  std::ranges::sort(ids_);
  touched_.assign(ids_.size(), EndpointOutcome{});
  for (std::size_t place = 0; place < ids_.size(); ++place) touched_[place].id = ids_[place];
  settle_throttle(outcome);
  settle_endpoints<ScaleTtl>(scale);
  settle_endpoints<Compress>(compress);
  for (const ActiveAction& entry : contest.active) {
    if (std::holds_alternative<EnterEmergency>(entry.action)) outcome.emergency = true;
    if (const auto* release = std::get_if<ReleaseMemory>(&entry.action)) {
      outcome.shrink_cache_to = std::min(outcome.shrink_cache_to, release->shrink_cache_to);
    }
  }
  for (const EndpointOutcome& endpoint : touched_) {
    if (endpoint.ttl_multiplier != 1 || endpoint.compress) outcome.endpoints.push_back(endpoint);
  }
  contest_ = {};
}

}  // namespace homeostat::rules
