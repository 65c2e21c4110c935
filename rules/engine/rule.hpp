// A rule as data: what the YAML says after it was parsed and type-checked.
//
// Rules are immutable after loading and may be shared between threads.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "rules/engine/effect.hpp"
#include "rules/engine/frame.hpp"
#include "rules/laws/coding.hpp"

namespace homeostat::rules {

class Expression;  // rules/expr/expression.hpp

/// Effective optimization level. A rule is active at its own level and above.
enum class Level : std::uint8_t { conservative, balanced, aggressive };

/// What the operator asks for; `adaptive` lets the level follow the load.
enum class LevelSetting : std::uint8_t { conservative, balanced, aggressive, adaptive };

enum class Scope : std::uint8_t { global, endpoint };

/// What a condition is taken for while one of its signals is not usable:
/// hold keeps the current answer, clear means false, fire means true.
enum class NoData : std::uint8_t { hold, clear, fire };

// -- actions ----------------------------------------------------------------

/// Multiplies the endpoint's rule-given TTLs. by in [0.1, 10]; result <= max.
struct ScaleTtl {
  double by = 2.0;
  std::chrono::seconds max{3600};
  bool operator==(const ScaleTtl&) const = default;
};

/// Compresses the endpoint's responses, or stops it.
struct Compress {
  bool enabled = true;
  int level = 0;  ///< 1..9; 0 = as configured
  /// Preferred where the client takes it; identity = as configured.
  Coding algorithm = Coding::identity;
  bool operator==(const Compress&) const = default;
};

/// Lowers the admission ceiling to `to` (0.05..1) of the limiter's own limit.
struct Throttle {
  double to = 0.7;
  bool operator==(const Throttle&) const = default;
};

/// Frees memory, once on firing and again every `every` while it holds.
struct ReleaseMemory {
  bool expired = true;         ///< drop expired entries
  double shrink_cache_to = 1;  ///< ratio of the configured L1 bytes kept; 1 = no shrink
  bool allocator = false;      ///< return free heap pages to the system
  bool hook = false;           ///< call optimization.memory_hook
  std::chrono::seconds every{30};
  bool operator==(const ReleaseMemory&) const = default;
};

/// Asks for emergency mode while the rule holds.
struct EnterEmergency {
  bool operator==(const EnterEmergency&) const = default;
};

enum class Severity : std::uint8_t { info, warning, critical };

/// Raises an alert while the rule holds.
struct RaiseAlert {
  Severity severity = Severity::warning;
  std::string summary;
  bool operator==(const RaiseAlert&) const = default;
};

using Action =
    std::variant<ScaleTtl, Compress, Throttle, ReleaseMemory, EnterEmergency, RaiseAlert>;

/// "scale_ttl", "compress", ... as written in YAML.
[[nodiscard]] std::string_view action_name(const Action& action) noexcept;
/// Whether an action applies to single requests, so that some may go without:
/// not scale_ttl below 1, which counts when a response is stored, for everyone
/// who is answered from it.
[[nodiscard]] bool divides_by_request(const Action& action) noexcept;
/// Whether an action can be turned off and on again, to see what it does.
[[nodiscard]] bool can_alternate(const Action& action) noexcept;

/// "scale_ttl(by 2, max 1h)".
[[nodiscard]] std::string describe(const Action& action);

[[nodiscard]] std::string_view to_string(Level level) noexcept;
[[nodiscard]] std::string_view to_string(LevelSetting level) noexcept;
[[nodiscard]] std::string_view to_string(Scope scope) noexcept;
[[nodiscard]] std::string_view to_string(Severity severity) noexcept;
[[nodiscard]] std::optional<LevelSetting> parse_level(std::string_view text) noexcept;

// -- rule ---------------------------------------------------------------------

struct SourceLocation {
  std::string file;  ///< "builtin/safety.yaml" for built-in rules
  int line = 0;
  int column = 0;
};

struct Rule {
  std::string name;
  std::string description;
  Level level = Level::balanced;
  Scope scope = Scope::global;
  std::shared_ptr<const Expression> when;   ///< boolean; never null
  std::shared_ptr<const Expression> until;  ///< boolean; null: negated `when` with a 10 % margin
  Duration for_{};                          ///< `when` must hold this long
  Duration hold{};                          ///< stays at least this long
  Duration cooldown{};                      ///< not again before this has passed
  NoData no_data = NoData::hold;
  int priority = 0;  ///< ties between equal restrictions; larger wins
  bool enabled = true;
  bool dry_run = false;      ///< evaluates and explains, does not act
  bool every_level = false;  ///< emergency protection: active whatever the level
  double rollout = 1;        ///< share of an endpoint's requests that get the action at first
  std::optional<EffectGoal> effect;  ///< unset: acts without a trial
  std::vector<Action> then;
  SourceLocation where;
};

struct RuleSet {
  std::vector<Rule> rules;  ///< unique names, at most rules_max
};

inline constexpr std::size_t rules_max = 500;

}  // namespace homeostat::rules
