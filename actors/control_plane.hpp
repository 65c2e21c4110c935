// The control plane: senses, decides and acts in a few actors beside the data
// plane. This facade hides the actor library from the rest of the program.
//
// Ownership: owns its actor system and two threads. References in
// ControlDependencies must outlive it.
// Thread safety: all methods may be called from any thread, `start`, `stop` and
// the destructor by one thread at a time. Commands only enqueue and return.
// Errors: the constructor throws std::invalid_argument when settings are null.
//
// Failure: an actor that dies is restarted by the supervisor (at once, and
// after five deaths in a minute only every ten seconds). A restarted rule
// engine starts with fresh rule states; the operator's level and the rules
// switched on or off by command survive, counters carry on from the board. A
// supervisor that dies takes the others with it: its owner looks after it by
// calling `revive` again and again.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "actors/dependencies.hpp"

namespace homeostat::actors {

class ControlPlane final : public ControlCommands {
 public:
  /// How long `stop` waits for the actors; default 5 s.
  static constexpr std::chrono::milliseconds stop_deadline{5000};

  explicit ControlPlane(ControlDependencies dependencies);
  ~ControlPlane() override;  ///< stops
  ControlPlane(const ControlPlane&) = delete;
  ControlPlane& operator=(const ControlPlane&) = delete;

  /// Starts the actors. Does nothing when already running.
  void start();

  /// Ends the actors in order: sensors, rule engine, actuators, alerter.
  /// Returns true when all have ended. Returns false when one is stuck in a
  /// port beyond the deadline: its threads are then abandoned, and the ports
  /// must stay alive until the process ends, which should then be by
  /// std::_Exit: static destructors would race with those threads. Never waits
  /// longer than `deadline`.
  bool stop(std::chrono::milliseconds deadline = stop_deadline);

  /// True between start and stop, while the supervisor lives.
  [[nodiscard]] bool running() const noexcept;

  /// Starts the actors anew if the supervisor has died; true if it did. What operators
  /// chose survives. Not before the last of the old ones has ended (two generations must
  /// never act together, and one that is stuck in a port cannot be ended), and no more
  /// often than any other actor. Does not wait. Call it where start and stop are called.
  bool revive();

  // -- commands; dropped when not running -------------------------------------

  void set_level(rules::LevelSetting level, const std::string& reason) override;
  void force_emergency(bool on, const std::string& reason) override;
  void set_rule_enabled(const std::string& rule, std::optional<bool> enabled) override;
  void override_rule(const std::string& rule, const rules::RuleOverride& terms) override;
  void reload_rules(rules::RuleSet rules) override;
  void inject(rules::SignalId signal, double value, Duration for_) override;

  /// Takes new settings: intervals, modes, bounds and rules. A level set by command
  /// stays, and so does what was said about rules that still exist. Null is ignored.
  void reload(std::shared_ptr<const config::Settings> settings);

  /// Fault injection for tests: makes one actor ("supervisor", "rule_engine",
  /// ...) throw. Reachable from C++ only, never from the network.
  void crash(std::string_view actor);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace homeostat::actors
