// What holds for the gate whatever happens in whatever order: random schedules
// of arrivals, releases, clients that leave, limits that change, time that
// passes, and wake-ups that are delivered late and out of order. One thread plays
// all workers, so that a seed repeats a schedule exactly.
#include <algorithm>
#include <array>
#include <random>
#include <vector>

#include "tests/unit/runtime/gate/gate_fixture.hpp"

namespace homeostat::gate {
namespace {

using namespace std::chrono_literals;

constexpr unsigned workers = 3;

class Player;

class Guest final : public GateWaiter {
 public:
  Guest(Player& player, std::uint8_t rank) : priority_class(rank), player_(player) {}
  void on_admitted(Permit given) override;
  void on_rejected(const Rejection&) override { rejected = true; }

  Permit permit;
  std::uint8_t priority_class;
  bool rejected = false;

 private:
  Player& player_;
};

class Player {
 public:
  explicit Player(std::uint64_t seed, const config::AdmissionSettings& settings)
      : random_(seed), settings_(settings), gate(settings, workers, clock) {
    for (unsigned i = 0; i < workers; ++i) {
      contexts_.push_back(std::make_unique<boost::asio::io_context>(1));
      gate.worker(i).attach(contexts_.back()->get_executor());
    }
  }
  ~Player() {
    // Who leaves lets others in, who look at those that are still there.
    while (!guests_.empty()) {
      const std::unique_ptr<Guest> leaving = std::move(guests_.back());
      guests_.pop_back();
    }
    for (unsigned i = 0; i < workers; ++i) gate.worker(i).drain();
  }

  void play(int steps) {
    for (int step = 0; step < steps && !testing::Test::HasFatalFailure(); ++step) {
      act();
      check();
    }
  }

  void granted(const Guest& guest) {
    ++grants;
    trace.push_back(guest.priority_class);
    EXPECT_LE(gate.in_flight(), slots()) << "over the limit";
    std::array<bool, rules::priority_class_count> waits{};
    for (const auto& other : guests_) waits[other->priority_class] |= other->waiting();
    std::uint32_t& own = passed_over_[guest.priority_class];
    const auto better = waits.begin() + guest.priority_class;
    if (std::find(waits.begin(), better, true) != better) {
      ++inversions;
      // One that is let in as it arrives is told so after those it let in with it.
      EXPECT_GE(own + 1, rules::floor_credits) << "ahead of its floor share";
      own -= std::min(own, rules::floor_credits);
    }
    for (std::size_t rank = 0; rank < waits.size(); ++rank) {
      if (waits[rank] && rank != guest.priority_class) ++passed_over_[rank];
    }
  }

  /// Delivers every wake-up there is.
  void settle() {
    for (int round = 0; round < 100; ++round) {
      std::size_t ran = 0;
      for (auto& context : contexts_) {
        context->restart();
        ran += context->poll();
      }
      if (ran == 0) return;
    }
  }
  [[nodiscard]] std::size_t waiting() const {
    return static_cast<std::size_t>(std::count_if(guests_.begin(), guests_.end(),
                                                  [](const auto& one) { return one->waiting(); }));
  }
  [[nodiscard]] std::size_t holding() const {
    return static_cast<std::size_t>(std::count_if(
        guests_.begin(), guests_.end(), [](const auto& one) { return bool(one->permit); }));
  }
  [[nodiscard]] std::size_t slots() const {
    return static_cast<std::size_t>(std::llround(gate.limit()));
  }
  void release_all() {
    while (holding() > 0) release();
  }

  ManualClock clock;
  int grants = 0, inversions = 0;
  std::vector<int> trace;  ///< classes granted, -1 for a rejection

 private:
  unsigned draw(unsigned below) { return static_cast<unsigned>(random_() % below); }

  void act() {
    switch (draw(12)) {
      case 0:
      case 1:
      case 2:
      case 3: arrive(); break;
      case 4:
      case 5:
      case 6: release(); break;
      case 7: leave(); break;
      case 8: step_aside(); break;
      case 9: step_back(); break;
      case 10:
        clock.advance(std::chrono::milliseconds(draw(20)));
        if (draw(2) == 0) gate.worker(draw(workers)).expire(clock.now());
        break;
      default:
        if (draw(4) == 0) {
          // A lowered limit takes nothing back: who is in may stay. The level gives who
          // comes more or less time to wait.
          const unsigned drawn = draw(6);
          gate.apply({.limit = 1.0 + drawn, .level = static_cast<rules::Level>(drawn % 3)});
        } else {
          auto& context = *contexts_[draw(workers)];
          context.restart();
          context.poll_one();
        }
    }
  }

  void arrive() {
    const unsigned worker = draw(workers);
    const auto rank = static_cast<std::uint8_t>(draw(4));
    // A better class is never refused where a worse one is not.
    if (rank > 0) {
      const GateRequest worse{1, rank, clock.now(), std::nullopt};
      const GateRequest better{1, static_cast<std::uint8_t>(rank - 1), clock.now(), std::nullopt};
      const bool worse_refused = gate.worker(draw(workers)).refuse(worse).has_value();
      const bool better_refused = gate.worker(worker).refuse(better).has_value();
      EXPECT_FALSE(better_refused && !worse_refused);
    }
    guests_.push_back(std::make_unique<Guest>(*this, rank));
    Guest& guest = *guests_.back();
    Admission answer = gate.worker(worker).admit({1, rank, clock.now(), std::nullopt}, guest);
    if (auto* permit = std::get_if<Permit>(&answer)) {
      guest.on_admitted(std::move(*permit));
    } else if (std::holds_alternative<Rejection>(answer)) {
      guest.rejected = true;
      trace.push_back(-1);
    }
  }

  template <class Wanted>
  Guest* pick(Wanted&& wanted) {
    std::vector<Guest*> found;
    for (const auto& one : guests_) {
      if (wanted(*one)) found.push_back(one.get());
    }
    return found.empty() ? nullptr : found[draw(static_cast<unsigned>(found.size()))];
  }

  void release() {
    Guest* guest = pick([](const Guest& one) { return bool(one.permit); });
    if (guest == nullptr) return;
    switch (draw(3)) {
      case 0: guest->permit.success(std::chrono::milliseconds(1 + draw(20))); break;
      case 1: guest->permit.drop(); break;
      default: guest->permit.ignore();
    }
  }
  void step_aside() {
    Guest* guest = pick([](const Guest& one) { return one.permit && !one.permit.aside(); });
    if (guest == nullptr) return;
    const std::size_t aside = gate.aside();
    EXPECT_EQ(guest->permit.step_aside(), aside < settings_.streams_max);
  }
  /// At most a quarter above the limit, or because it is at work anyway.
  void step_back() {
    Guest* guest = pick([](const Guest& one) { return one.permit.aside(); });
    if (guest == nullptr) return;
    if (draw(4) == 0) {
      guest->permit.step_back_always();
      return;
    }
    const std::size_t before = gate.in_flight();
    if (guest->permit.step_back()) {
      EXPECT_LE(before + 1, slots() + std::max<std::size_t>(slots() / 4, 1));
    }
  }
  void leave() {
    if (Guest* guest = pick([](const Guest& one) { return one.waiting(); })) guest->cancel();
  }

  void check() {
    ASSERT_EQ(gate.in_flight() + gate.aside(), holding()) << "a permit was lost or made";
    ASSERT_EQ(gate.queue_length(), waiting()) << "a waiter was forgotten";
    ASSERT_GE(gate.limit(), 1);
    // One above for each that must go, and has not yet been told.
    ASSERT_LE(gate.queue_length(), 2 * settings_.queue_max);
    std::erase_if(guests_, [](const auto& one) {
      return !one->waiting() && !one->permit;  // it has ended
    });
  }

  std::mt19937_64 random_;
  /// Grants while the class waited, less those that its floor share was given for.
  std::array<std::uint32_t, rules::priority_class_count> passed_over_{};
  config::AdmissionSettings settings_;
  std::vector<std::unique_ptr<boost::asio::io_context>> contexts_;

 public:
  Gate gate;

 private:
  std::vector<std::unique_ptr<Guest>> guests_;
};

void Guest::on_admitted(Permit given) {
  permit = std::move(given);
  player_.granted(*this);
}

config::AdmissionSettings settings_of(std::uint64_t seed) {
  config::AdmissionSettings settings;
  settings.limit_initial = 1.0 + static_cast<double>(seed % 5);
  settings.queue_max = 4 + seed % 13;
  settings.streams_max = 1 + seed % 4;
  if (seed % 4 != 0) settings.max_wait = seed % 3 == 0 ? 10ms : 1h;
  return settings;
}

TEST(GateProperties, PermitsAndWaitersAreConservedUnderAnySchedule) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    Player player(seed, settings_of(seed));
    player.play(400);
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(GateProperties, NobodyWaitsWhileThereIsRoomOnceWakeUpsAreDelivered) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    Player player(seed, settings_of(seed));
    player.play(200);
    player.settle();
    EXPECT_LE(player.gate.queue_length(), settings_of(seed).queue_max);
    if (player.waiting() > 0) {
      EXPECT_GE(player.gate.in_flight(), player.slots());
    }
    for (int round = 0; round < 200 && player.waiting() > 0; ++round) {
      player.release_all();
      player.settle();
    }
    EXPECT_EQ(player.waiting(), 0U);
  }
}

TEST(GateProperties, AWorseClassGoesFirstOnlyForItsFloorShare) {
  int grants = 0, inversions = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    config::AdmissionSettings settings = settings_of(seed);
    settings.max_wait = 1h;
    Player player(seed, settings);
    player.play(400);
    grants += player.grants;
    inversions += player.inversions;
  }
  EXPECT_GT(grants, 10'000);
  EXPECT_GT(inversions, 0) << "or nothing was tried";
}

TEST(GateProperties, TheSameScheduleGivesTheSameDecisions) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Player first(seed, settings_of(seed)), second(seed, settings_of(seed));
    first.play(400);
    second.play(400);
    EXPECT_EQ(first.trace, second.trace);
  }
}

}  // namespace
}  // namespace homeostat::gate
