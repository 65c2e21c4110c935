// What holds for the queue law whatever the numbers are.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "rules/laws/admission_queue.hpp"
#include "rules/laws/concurrency_limit.hpp"
#include "tests/sim/model/random.hpp"

namespace homeostat::sim {
namespace {

using rules::ArrivalVerdict;
using rules::Duration;

Duration milliseconds(double value) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(value));
}

struct Case {
  rules::QueueBounds bounds;
  std::array<Duration, rules::priority_class_count> work{};
  rules::QueueView view;
  std::uint32_t queue_needed = 0;
  std::optional<Duration> time_left;
};

Case draw(Random& random) {
  Case one;
  one.bounds = {milliseconds(200 * random.uniform()),
                static_cast<std::size_t>(50 * random.uniform())};
  for (Duration& work : one.work) work = milliseconds(random.exponential(500));
  one.view.limit = 1 + random.exponential(20);
  one.view.length = static_cast<std::size_t>(60 * random.uniform());
  one.view.service_mean = milliseconds(random.exponential(30));
  one.view.own_service = milliseconds(random.exponential(30));
  one.queue_needed =
      random.uniform() < 0.5 ? 0 : 1 + static_cast<std::uint32_t>(4 * random.uniform());
  if (random.uniform() < 0.5) one.time_left = milliseconds(random.exponential(100));
  return one;
}

/// As the gate asks for a request of this class.
ArrivalVerdict judge(const Case& one, std::size_t rank) {
  rules::QueueView view = one.view;
  for (std::size_t index = 0; index <= rank; ++index) view.work_ahead += one.work[index];
  view.queue_needed = rank > rules::critical_class ? one.queue_needed : 0;
  return rules::judge_arrival(one.bounds, view, one.time_left);
}

TEST(QueueProperties, ABetterClassIsNeverRejectedWhereAWorseOneMayJoin) {
  Random random(1);
  int joined = 0;
  for (int round = 0; round < 20000; ++round) {
    const Case one = draw(random);
    for (std::size_t rank = 1; rank < rules::priority_class_count; ++rank) {
      if (judge(one, rank) != ArrivalVerdict::join) continue;
      ++joined;
      EXPECT_EQ(judge(one, rank - 1), ArrivalVerdict::join);
    }
  }
  EXPECT_GT(joined, 1000);
}

TEST(QueueProperties, WhoJoinsIsExpectedToBeServedWithinBudgetAndDeadline) {
  Random random(2);
  for (int round = 0; round < 20000; ++round) {
    const Case one = draw(random);
    rules::QueueView view = one.view;
    view.work_ahead = one.work[0];
    view.queue_needed = one.queue_needed;
    if (rules::judge_arrival(one.bounds, view, one.time_left) != ArrivalVerdict::join) continue;
    const Duration wait = rules::predicted_wait(view.work_ahead, view.limit);
    EXPECT_LE(wait,
              rules::wait_limit(one.bounds, view.queue_needed, view.service_mean, view.limit));
    EXPECT_LT(view.length, one.bounds.length_max);
    if (one.time_left) {
      EXPECT_LE(wait + 2 * view.own_service, *one.time_left);
    }
  }
}

TEST(QueueProperties, ALongerQueueNeverAdmitsMore) {
  Random random(3);
  for (int round = 0; round < 20000; ++round) {
    Case one = draw(random);
    const ArrivalVerdict before = judge(one, 2);
    one.work[1] += milliseconds(random.exponential(50));
    if (before != ArrivalVerdict::join) {
      EXPECT_NE(judge(one, 2), ArrivalVerdict::join);
    }
  }
}

TEST(QueueProperties, AStandingQueueNeverHasTheLargerBudget) {
  Random random(4);
  for (int round = 0; round < 20000; ++round) {
    const Case one = draw(random);
    const auto budget = [&](std::uint32_t queue_needed) {
      return rules::wait_budget(one.bounds, queue_needed, one.view.service_mean, one.view.limit);
    };
    const auto needed = static_cast<std::uint32_t>(1 + 4 * random.uniform());
    EXPECT_LE(budget(needed), budget(0));
    EXPECT_LE(budget(needed), budget(needed + 1));
    EXPECT_GE(budget(needed), Duration::zero());
  }
}

rules::LimitWindow noise(Random& random, rules::Instant now) {
  rules::LimitWindow window;
  window.now = now;
  window.length = milliseconds(1 + random.exponential(150));
  window.in_flight_mean = random.exponential(40);
  window.limited_share = random.uniform();
  window.freeze_growth = random.uniform() < 0.1;
  for (rules::EndpointId id = 0; id < 3; ++id) {
    const auto count = static_cast<std::uint64_t>(random.exponential(60));
    const double mean = random.service(Shape::pareto) * 0.02;
    const auto samples = static_cast<double>(count);
    const bool drops = random.uniform() < 0.1;
    const auto dropped = drops ? static_cast<std::uint64_t>(random.exponential(50)) : 0;
    window.endpoints.push_back(
        {id, count, samples * mean, samples * mean * mean * 2, mean / 10, dropped});
  }
  return window;
}

TEST(LimitProperties, NoTraceTakesTheLimitOutOfItsBoundsAndTheSameTraceTakesItTheSameWay) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    const rules::LimitBounds bounds{.initial = 20, .min = 0, .max = 300};
    rules::ConcurrencyLimit law(bounds), twin(bounds);
    rules::Instant now{};
    for (int round = 0; round < 2000; ++round) {
      const rules::LimitWindow window = noise(random, now += milliseconds(100));
      const rules::LimitDecision decision = law.update(window);
      ASSERT_TRUE(std::isfinite(decision.limit));
      ASSERT_GE(decision.limit, 1);
      ASSERT_LE(decision.limit, bounds.max);
      ASSERT_EQ(decision.limit, twin.update(window).limit);
      ASSERT_FALSE(decision.reason.empty());
    }
  }
}

}  // namespace
}  // namespace homeostat::sim
