// Turns what the rule engine decided in a tick into events for those who watch.
//
// Events: `rule` for each change of state, `action` for each action that
// starts, ends or is overruled, `effect` for each trial that begins or comes to
// a verdict, `level`, `emergency`. In shadow and for dry
// runs they say so; then no action starts. What follows from an injected signal
// says so, too.
//
// Pure: time comes in. Thread safety: none; owned by the control loop. Bounds:
// rule_events_max changes of state and as many actions per tick; what is left
// out is counted in one event.
#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "rules/engine/engine.hpp"
#include "runtime/ports/control.hpp"
#include "runtime/ports/events.hpp"

namespace homeostat::actors {

class EventDiary {
 public:
  static constexpr std::size_t rule_events_max = 200;

  /// A rule and an endpoint, or an empty text.
  using Place = std::pair<std::string, std::string>;
  /// Activations in which an injected signal took part.
  using Injected = std::set<Place>;
  /// What a tick's events have in common. `shadow`: nothing acts.
  struct Marks {
    bool shadow = false;
    bool injected = false;
  };

  /// `shadow`: nothing acts.
  void transitions(const std::vector<rules::Transition>& transitions, bool shadow, WallTime at);
  /// What acted until now, as another diary told: it is told as ended unless it goes on.
  void resume(const std::vector<ActiveOptimization>& active);
  /// What acts now; differences to the last call become events. What a trial has turned
  /// off to compare goes on: `off_phases` says where.
  void actions(const std::vector<rules::ActiveAction>& active, const std::vector<Place>& off_phases,
               const Injected& injected, WallTime at);
  /// A move of the effective level. `setting`: what the operator asked for.
  void level(rules::LevelSetting setting, rules::Level from, rules::Level to,
             const std::string& reason, Marks marks, WallTime at);
  /// Trials that began or came to a verdict.
  void trials(const std::vector<rules::TrialStep>& steps, const Injected& injected, bool shadow,
              WallTime at);
  void emergency(bool entered, const std::string& reason, bool shadow, bool injected, WallTime at);
  void add(Event event) { pending_.push_back(std::move(event)); }

  /// What came together since the last call.
  [[nodiscard]] std::vector<Event> take() { return std::exchange(pending_, {}); }

 private:
  /// Rule, endpoint, action: one that acts.
  using Key = std::tuple<std::string, std::string, std::string>;
  struct Acting {
    bool overruled = false;
    bool seen = false;
    bool injected = false;
  };
  void action(const Key& key, const char* change, const std::string& reason, bool injected,
              WallTime at);
  void left_out(const char* what, std::size_t count, WallTime at);

  std::map<Key, Acting> acting_;
  std::vector<Event> pending_;
  std::size_t actions_told_ = 0;
};

}  // namespace homeostat::actors
