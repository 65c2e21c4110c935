// The agent's clock leaps by minutes, as after the agent or its machine was paused: all
// that is under way seems to have taken as long. In the closed loop of the real laws.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "tests/sim/catalogue/catalogue.hpp"
#include "tests/sim/model/homeostat.hpp"
#include "tests/sim/model/world.hpp"

namespace homeostat::sim {
namespace {

constexpr double leap_at = 30, leap = 600;

/// Homeostat, whose clock is ahead of the world's from `leap_at` on.
class Leaping final : public Admission, private Host {
 public:
  explicit Leaping(Host& world) : world_(world), agent_(make_homeostat(*this)) {}

  void start(double now) override { agent_->start(now); }
  void arrived(double now, const Ticket& ticket) override { agent_->arrived(seen(now), ticket); }
  void answered(double now, const Answer& answer) override {
    Answer felt = answer;
    if (now >= leap_at && now - answer.latency < leap_at) felt.latency += leap;
    agent_->answered(seen(now), felt);
  }
  void called(double now, std::uint64_t token) override { agent_->called(seen(now), token); }
  [[nodiscard]] double limit() const override { return agent_->limit(); }

 private:
  static double seen(double now) { return now < leap_at ? now : now + leap; }

  bool dispatch(std::uint32_t id) override { return world_.dispatch(id); }
  void reject(std::uint32_t id) override { world_.reject(id); }
  /// What was due in the leap is due at its end.
  void call_at(double at, std::uint64_t token) override {
    world_.call_at(at < leap_at ? at : std::max(leap_at, at - leap), token);
  }
  [[nodiscard]] double cpu_used() const override { return world_.cpu_used(); }
  double random() override { return world_.random(); }

  Host& world_;
  std::unique_ptr<Admission> agent_;
};

std::unique_ptr<Admission> make_leaping(Host& world) { return std::make_unique<Leaping>(world); }

Outcome leaping(double load, std::uint64_t seed) {
  Scenario scenario = steady("leap", 16, load, plain(0.02));
  scenario.duration = 60;
  return run(scenario, seed, make_leaping);
}

TEST(ClockLeap, CostsNobodyAnythingWhereEverybodyFitsIn) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const Outcome each = leaping(0.7, seed);
    EXPECT_LE(each.reject_ratio(leap_at, 60), 0.005) << seed;
  }
}

TEST(ClockLeap, CostsNoGoodputUnderOverload) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const Outcome each = leaping(2, seed);
    EXPECT_GE(each.goodput(leap_at, leap_at + 5), 0.8) << seed;
    EXPECT_GE(each.goodput(leap_at + 5, 60), 0.95) << seed;
  }
}

}  // namespace
}  // namespace homeostat::sim
