#include "rules/engine/conflicts.hpp"

#include <algorithm>
#include <tuple>
#include <unordered_map>

namespace homeostat::rules {
namespace {

// Strictness as a sortable key: the smaller, the more restrictive.
auto strictness(const Throttle& a) { return std::tuple(a.to); }
auto strictness(const ScaleTtl& a) { return std::tuple(a.by, a.max); }
/// A level that is named beats "as configured".
auto strictness(const Compress& a) { return std::tuple(a.enabled, a.level == 0 ? 10 : a.level); }

class Settlement {
 public:
  Settlement(std::vector<ActiveAction>& active, std::span<const int> priorities)
      : active_(active), priorities_(priorities) {}

  Outcome run(std::span<const EndpointId> endpoints) {
    settle_throttle();
    settle_endpoints<ScaleTtl>(endpoints, [](EndpointOutcome& endpoint, const ActiveAction& entry) {
      const auto& action = std::get<ScaleTtl>(entry.action);
      endpoint.ttl_share = entry.share;
      endpoint.ttl_multiplier = action.by;
      endpoint.ttl_max = action.max;
    });
    settle_endpoints<Compress>(endpoints, [](EndpointOutcome& endpoint, const ActiveAction& entry) {
      const auto& action = std::get<Compress>(entry.action);
      endpoint.compress_share = entry.share;
      endpoint.compress = action.enabled;
      endpoint.compress_level = action.level;
      endpoint.compress_algorithm = action.algorithm;
    });
    for (const ActiveAction& entry : active_) {
      if (std::holds_alternative<EnterEmergency>(entry.action)) outcome_.emergency = true;
      if (const auto* release = std::get_if<ReleaseMemory>(&entry.action)) {
        outcome_.shrink_cache_to = std::min(outcome_.shrink_cache_to, release->shrink_cache_to);
      }
    }
    finish();
    return std::move(outcome_);
  }

 private:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  template <class Kind>
  [[nodiscard]] bool stricter(std::size_t a, std::size_t b) const {
    const auto key_a = strictness(std::get<Kind>(active_[a].action));
    const auto key_b = strictness(std::get<Kind>(active_[b].action));
    if (key_a != key_b) return key_a < key_b;
    if (priorities_[a] != priorities_[b]) return priorities_[a] > priorities_[b];
    if (active_[a].rule != active_[b].rule) return active_[a].rule < active_[b].rule;
    return a < b;
  }

  template <class Kind>
  [[nodiscard]] std::size_t stricter_of(std::size_t a, std::size_t b) const {
    if (a == none || b == none) return a == none ? b : a;
    return stricter<Kind>(b, a) ? b : a;
  }

  void settle_throttle() {
    std::size_t winner = none;
    for (std::size_t i = 0; i < active_.size(); ++i) {
      if (!std::holds_alternative<Throttle>(active_[i].action)) continue;
      active_[i].overruled = true;
      winner = stricter_of<Throttle>(winner, i);
    }
    if (winner == none) return;
    active_[winner].overruled = false;
    for (ActiveAction& entry : active_) {
      if (entry.overruled && std::holds_alternative<Throttle>(entry.action)) {
        entry.overruled_by = active_[winner].rule;
      }
    }
    outcome_.throttle_to = std::min(1.0, std::get<Throttle>(active_[winner].action).to);
  }

  template <class Kind, class Apply>
  void settle_endpoints(std::span<const EndpointId> endpoints, const Apply& apply) {
    std::size_t global = none;
    std::unordered_map<EndpointId, std::size_t> winners;
    for (std::size_t i = 0; i < active_.size(); ++i) {
      if (!std::holds_alternative<Kind>(active_[i].action)) continue;
      active_[i].overruled = true;
      std::size_t& best = active_[i].endpoint
                              ? winners.try_emplace(*active_[i].endpoint, none).first->second
                              : global;
      best = stricter_of<Kind>(best, i);
    }
    if (global == none && winners.empty()) return;
    for (const EndpointId id : endpoints) {
      const auto own = winners.find(id);
      const std::size_t winner =
          stricter_of<Kind>(own == winners.end() ? none : own->second, global);
      if (winner == none) continue;
      active_[winner].overruled = false;
      winners[id] = winner;
      EndpointOutcome& endpoint = touched_[id];
      endpoint.id = id;
      apply(endpoint, active_[winner]);
      if (active_[winner].measured) endpoint.measured_share = active_[winner].share;
    }
    // With no endpoint known yet, the strictest global action still stands.
    if (endpoints.empty() && global != none) active_[global].overruled = false;
    name_winners<Kind>(winners, global);
  }

  /// Of each overruled action of this kind, the rule that decides instead.
  template <class Kind>
  void name_winners(const std::unordered_map<EndpointId, std::size_t>& winners,
                    std::size_t global) {
    for (std::size_t i = 0; i < active_.size(); ++i) {
      ActiveAction& entry = active_[i];
      if (!entry.overruled || !std::holds_alternative<Kind>(entry.action)) continue;
      auto winner = entry.endpoint ? winners.find(*entry.endpoint) : winners.end();
      // Stricter than all global ones, yet overruled: at every endpoint by its own.
      if (global == i) winner = std::min_element(winners.begin(), winners.end());
      if (winner != winners.end()) {
        entry.overruled_by = active_[winner->second].rule;
      } else if (global != none) {
        entry.overruled_by = active_[global].rule;
      }
    }
  }

  /// Ordered by id, so that the same frames give the same result.
  void finish() {
    for (auto& [id, endpoint] : touched_) {
      if (endpoint.ttl_multiplier != 1 || endpoint.compress) {
        outcome_.endpoints.push_back(endpoint);
      }
    }
    std::sort(outcome_.endpoints.begin(), outcome_.endpoints.end(),
              [](const auto& a, const auto& b) { return a.id < b.id; });
  }

  std::vector<ActiveAction>& active_;
  std::span<const int> priorities_;
  std::unordered_map<EndpointId, EndpointOutcome> touched_;
  Outcome outcome_;
};

}  // namespace

Outcome settle(std::vector<ActiveAction>& active, std::span<const int> priorities,
               std::span<const EndpointId> endpoints) {
  return Settlement(active, priorities).run(endpoints);
}

}  // namespace homeostat::rules
