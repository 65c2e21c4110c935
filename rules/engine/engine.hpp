// Evaluates a rule set tick by tick and says what should be in force, and why.
//
// Each rule (and for endpoint scope each rule x endpoint) is a state machine
//
//   inactive --when--> pending --for--> firing --until--> holding --hold--> inactive
//                 ^------!when---'                ^--when--'
//
// after Prometheus' alert states (`hold` is its keep_firing_for): once `until`
// is true a rule stays for `hold` more, so never less than that in all. While
// `when` is true `until` is not asked. Timing, missing data and conflicts in
// full: docs/rule_language.md. Several rules on one actuator: the most
// restrictive wins and the provenance is kept.
//
// Pure: no clock, thread or IO; the same frames give the same decisions. A tick
// in which no rule changes its state, no memory is to be released and no trial moves
// on allocates nothing, however many actions are in force.
// Every tick also goes into the history that window functions look back over
// (rules/history); it outlives reloads and belongs to no rule.
//
// Thread safety: none; owned by one actor. Memory: bounded by
// rules x endpoints in the frames of the last `endpoint_forget`; what is still
// active of an endpoint unseen for that long leaves then. History: about 1 MB
// for global signals, 28 KB for each selected one, at most `history_bytes` for
// endpoints.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rules/engine/frame.hpp"
#include "rules/engine/rule.hpp"
#include "rules/expr/selector.hpp"
#include "rules/history/series_group.hpp"

namespace homeostat::rules {

/// State of an endpoint that no frame mentioned for this long is given up.
inline constexpr std::chrono::minutes endpoint_forget{10};

/// Of each rule: endpoints at which it is inactive but an effect is remembered,
/// in Engine::status().
inline constexpr std::size_t last_effects_max = 20;

inline constexpr std::size_t history_bytes_default = std::size_t{16} * 1024 * 1024;

enum class RuleState : std::uint8_t { inactive, pending, firing, holding };
inline constexpr std::size_t rule_state_count = 4;

[[nodiscard]] std::string_view to_string(RuleState state) noexcept;

/// One change of state, with everything needed to explain it afterwards.
struct Transition {
  std::string rule;
  std::optional<EndpointId> endpoint;
  std::string endpoint_name;  ///< empty for global scope
  RuleState from = RuleState::inactive;
  RuleState to = RuleState::inactive;
  Instant at{};
  std::string reason;  ///< "endpoint.latency_p95 = 2.31s > 2s for 30s"
  bool dry_run = false;
  bool injected = false;  ///< an injected signal took part
};

/// An action in force now (its rule is firing or holding and not dry_run).
struct ActiveAction {
  std::string rule;
  std::optional<EndpointId> endpoint;
  std::string endpoint_name;
  Action action;
  Instant since{};
  std::string reason;
  bool overruled = false;    ///< another rule's stricter action decides this actuator
  std::string overruled_by;  ///< that rule; one of them where they differ by endpoint
  double share = 1;          ///< of the endpoint's requests
  bool measured = false;     ///< its trial compares those requests with the others
  std::optional<TrialReport> trial;
};

/// The state of one rule instance, for status and explain.
struct RuleStatus {
  std::string rule;
  std::optional<EndpointId> endpoint;
  std::string endpoint_name;
  RuleState state = RuleState::inactive;
  Instant since{};
  std::string values;  ///< last values of the signals it reads, human-readable
  bool enabled = true;
  bool active_at_level = true;
  bool dry_run = false;
  Duration hold{};                   ///< in force: the rule's own, longer after relapses
  std::optional<TrialReport> trial;  ///< of this activation
  /// Of the activation before, for effect_remember.
  std::optional<EndedTrial> last_effect;
  std::optional<Instant> retry_at;        ///< its action was undone: does not act before this
  Instant pending_clock{};                ///< pending: `for` counts from here
  std::optional<Instant> cooldown_until;  ///< does not fire before this; unset: no cooldown runs
};

/// A trial that began or came to another verdict.
struct TrialStep {
  std::string rule;
  std::string endpoint_name;  ///< empty for global scope
  TrialReport report;
};

/// What the actuators should do, after conflicts were settled.
struct EndpointOutcome {
  EndpointId id = 0;
  double ttl_multiplier = 1;
  std::chrono::seconds ttl_max{0};  ///< 0 = no bound beyond the rule's own
  std::optional<bool> compress;     ///< unset: as configured
  int compress_level = 0;           ///< 0 = as configured
  Coding compress_algorithm = Coding::identity;
  /// Of the requests, those that get the multiplier, and those that get the
  /// compression; the smaller share is a part of the larger.
  double ttl_share = 1, compress_share = 1;
  /// Set: requests are to be told apart by whether they are in this share.
  std::optional<double> measured_share;
};

struct MemoryRequest {
  std::string rule;
  ReleaseMemory action;
};

struct Outcome {
  std::vector<EndpointOutcome> endpoints;  ///< only those that differ from the default
  double throttle_to = 1;                  ///< smallest of all Throttle actions
  bool emergency = false;                  ///< some EnterEmergency is in force
  std::vector<MemoryRequest> release_now;  ///< due in this tick
  double shrink_cache_to = 1;              ///< smallest in force; 1 when none
};

struct TickResult {
  std::vector<Transition> transitions;
  std::vector<ActiveAction> active;
  std::vector<TrialStep> trials;
  /// Rule and endpoint (or empty) whose trial has its actions off, to compare.
  std::vector<std::pair<std::string, std::string>> off_phases;
  Outcome outcome;
  /// Activations in this tick: transitions into firing from inactive or pending, not dry_run.
  std::uint64_t triggers = 0;
};

class Engine {
 public:
  /// REQUIRES: unique names, no null `when`, at most rules_max rules; throws
  /// std::invalid_argument otherwise (the config loader has checked them).
  explicit Engine(RuleSet rules, Level level = Level::balanced,
                  std::size_t history_bytes = history_bytes_default);
  ~Engine();
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;

  /// Evaluates every rule once. `labelled` brings what selectors() asked for;
  /// what it lacks is missing. The result lasts until the next tick.
  /// REQUIRES: frame.now does not go backwards.
  [[nodiscard]] const TickResult& tick(const Frame& frame,
                                       std::span<const LabelledReading> labelled = {});

  /// Only remembers the frame: for while no rule is evaluated.
  void observe(const Frame& frame, std::span<const LabelledReading> labelled = {});

  /// Rules above the level leave (their actions are undone) in the next tick.
  void set_level(Level level) noexcept;
  [[nodiscard]] Level level() const noexcept;

  /// Swaps the rule set. State of rules that did not change is kept (where a
  /// rule stands in its file and `enabled` do not count); active rules that
  /// changed or vanished leave in the next tick.
  /// REQUIRES and throws as the constructor; the old set then stays.
  void reload(RuleSet rules);

  /// Forgets every rule's state, but not the history, and takes these rules.
  void restart(RuleSet rules);

  /// Takes times, level, priority, no_data, dry_run and `enabled` of a rule over from
  /// one of the same name and otherwise the same definition. Its states stay; what no
  /// longer may act leaves in the next tick. False if there is no such rule.
  bool adjust(const Rule& rule);

  [[nodiscard]] const RuleSet& rules() const noexcept;
  /// Every instance that is not inactive, up to last_effects_max inactive ones
  /// of each rule that remember an effect, newest first, and one row per rule
  /// without any of these.
  [[nodiscard]] std::vector<RuleStatus> status() const;

  /// The selected signals that some rule reads, each once; ticks should bring
  /// them. At most LabelledSignals::signals_max, the others stay unknown.
  [[nodiscard]] const std::vector<Selector>& selectors() const noexcept;
  /// Of the global signals, by SignalId.
  [[nodiscard]] const SeriesGroup& history() const noexcept;
  /// Of the endpoints' histories.
  [[nodiscard]] const HistoryBudget& history_budget() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace homeostat::rules
