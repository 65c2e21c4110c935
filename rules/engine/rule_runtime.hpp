// What the engine remembers about one rule between ticks.
//
// Thread safety: none.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "rules/engine/engine.hpp"
#include "rules/engine/instance.hpp"

namespace homeostat::rules {

/// When the release_memory action of a rule is due. One per action of the
/// rule, not per endpoint: memory is freed once, however many endpoints fire.
class Pulse {
 public:
  /// Whether to release now, given that the rule is in force.
  [[nodiscard]] bool due(Instant now, std::chrono::seconds every);
  void stop() noexcept { next_.reset(); }

 private:
  std::optional<Instant> next_;
};

struct RuleRuntime {
  std::shared_ptr<const Expression> until;  ///< the rule's own or the default; never null
  /// One per endpoint slot, or exactly one for a global rule. Null: inactive
  /// with nothing to remember, so that a quiescent instance costs a pointer.
  std::vector<std::unique_ptr<Instance>> instances;
  std::vector<Pulse> pulses;  ///< parallel to the rule's actions
  Instant inactive_since{};
};

/// What the rules read by name and labels, each once, bounded.
[[nodiscard]] std::vector<Selector> selectors_of(const RuleSet& set);
/// Whether an injected signal takes part.
[[nodiscard]] bool reads_injected(const Expression& expression, const Scene& scene);

[[nodiscard]] RuleRuntime make_runtime(const Rule& rule);

/// Throws std::invalid_argument unless names are unique, every rule has a
/// `when` and there are at most rules_max.
void require_valid(const RuleSet& rules);

}  // namespace homeostat::rules
