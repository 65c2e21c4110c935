// The supervised actors in virtual time: one scheduler that runs only when
// told, one clock that moves with it.
#pragma once

#include <gtest/gtest.h>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/send.hpp>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "actors/supervisor.hpp"
#include "rules/expr/expression.hpp"
#include "tests/support/fake_ports.hpp"

namespace homeostat::actors {

using namespace std::chrono_literals;
using rules::SignalId;

inline std::shared_ptr<const rules::Expression> condition(const std::string& text,
                                                          bool endpoint = false) {
  auto parsed = rules::Expression::parse_condition(text, endpoint);
  if (const auto* error = std::get_if<rules::ExpressionError>(&parsed)) {
    throw std::invalid_argument(text + ": " + error->message);
  }
  return std::get<0>(parsed);
}

/// Fires at once and stays only as long as its condition unless told otherwise.
inline rules::Rule make_rule(const std::string& name, const std::string& when, rules::Action action,
                             rules::Scope scope = rules::Scope::global) {
  rules::Rule rule;
  rule.name = name;
  rule.scope = scope;
  rule.level = rules::Level::conservative;
  rule.when = condition(when, scope == rules::Scope::endpoint);
  rule.then = {std::move(action)};
  return rule;
}

/// What the log callback received.
class CapturedLog {
 public:
  void add(LogLevel level, std::string text) {
    const std::lock_guard lock(mutex_);
    lines_.emplace_back(level, std::move(text));
  }
  [[nodiscard]] bool contains(const std::string& part) {
    const std::lock_guard lock(mutex_);
    for (const auto& line : lines_) {
      if (line.second.find(part) != std::string::npos) return true;
    }
    return false;
  }

 private:
  std::mutex mutex_;
  std::vector<std::pair<LogLevel, std::string>> lines_;
};

/// All ports faked, with settings a test may change before it starts.
struct FakePorts {
  ControlDependencies dependencies(const Clock& with_clock) {
    return {std::make_shared<const config::Settings>(settings),
            with_clock,
            sensor,
            real_traffic != nullptr ? *real_traffic : traffic,
            gate,
            cache,
            memory,
            alerts,
            policies,
            board,
            [this](LogLevel level, std::string text) { log.add(level, std::move(text)); },
            &labelled,
            &events};
  }

  ManualClock clock;
  config::Settings settings;
  test::FakeResourceSensor sensor;
  test::FakeTrafficSource traffic;
  TrafficSource* real_traffic = nullptr;  ///< instead of the fake one
  test::FakeGateSource gate;
  test::FakeCacheControl cache;
  test::FakeMemoryControl memory;
  test::FakeAlertSink alerts;
  test::FakeLabelledSource labelled;
  PolicyStore policies{clock, std::chrono::seconds(10)};
  ControlBoard board;
  CapturedLog log;
  EventLog events{"test"};
};

class ActorFixture : public testing::Test, protected FakePorts {
 protected:
  ActorFixture() {
    settings.optimization.rules.rules.clear();
    config_.set("scheduler.policy", caf::atom("testing"));
    system_ = std::make_unique<caf::actor_system>(config_);
    scheduler_ = dynamic_cast<caf::scheduler::test_coordinator*>(&system_->scheduler());
  }

  ~ActorFixture() override {
    if (supervisor) {
      caf::anon_send(supervisor, StopAtom::value);
      scheduler_->run();
      EXPECT_TRUE(living->wait_until_empty(std::chrono::milliseconds(0)))
          << "an actor outlived the supervisor";
    }
    supervisor = nullptr;
    system_.reset();
  }

  void start() {
    supervisor = spawn_supervisor(*system_, dependencies(clock), living, legacy);
    scheduler_->run();
  }

  /// Moves both clocks and runs what became due, in steps no longer than the
  /// shortest period that matters.
  void run_for(Duration total, Duration step = std::chrono::milliseconds(50)) {
    for (Duration done{}; done < total; done += step) {
      clock.advance(step);
      scheduler_->advance_time(step);
      scheduler_->run();
    }
  }

  template <class... Parts>
  void send(Parts&&... parts) {
    caf::anon_send(supervisor, std::forward<Parts>(parts)...);
    scheduler_->run();
  }

  void crash(const std::string& actor) { send(CrashAtom::value, actor); }
  void set_level(rules::LevelSetting level) {
    send(Shared<LevelCommand>(std::make_shared<const LevelCommand>(LevelCommand{level, "test"})));
  }
  void switch_rule(const std::string& rule, std::optional<bool> enabled) {
    send(Shared<RuleCommand>(std::make_shared<const RuleCommand>(RuleCommand{rule, enabled})));
  }
  void override_rule(const std::string& rule, const rules::RuleOverride& terms) {
    send(Shared<RuleCommand>(std::make_shared<const RuleCommand>(RuleCommand{rule, terms})));
  }
  void inject(SignalId signal, double value, Duration for_) {
    send(Shared<InjectCommand>(
        std::make_shared<const InjectCommand>(InjectCommand{signal, value, for_})));
  }
  void reload() { send(std::make_shared<const config::Settings>(settings)); }

  [[nodiscard]] ActorHealth health_of(const std::string& actor) const {
    for (const ActorHealth& health : board.current()->actors) {
      if (health.name == actor) return health;
    }
    return {"missing: " + actor, 0, false, ""};
  }
  [[nodiscard]] Policy policy() const { return *policies.current(); }

  SupervisorActor supervisor;
  std::shared_ptr<LifeCount> living = std::make_shared<LifeCount>();
  std::shared_ptr<Legacy> legacy = std::make_shared<Legacy>();

 private:
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  caf::scheduler::test_coordinator* scheduler_ = nullptr;
};

}  // namespace homeostat::actors
