// The law that shortens lifetimes where content changes faster: by arithmetic, and by
// seeded simulation of applications whose content changes by known processes.
#include "rules/laws/change_rate.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace homeostat::rules {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

ChangeEvidence seen(int fetches, bool changed, Duration lived, ChangeEvidence evidence = {}) {
  for (int i = 0; i < fetches; ++i) evidence = after(evidence, {changed, lived});
  return evidence;
}

TEST(ChangeRate, CountsAChangeAndTheTimeItHad) {
  const ChangeEvidence once = after({}, {true, seconds(10)});
  EXPECT_DOUBLE_EQ(once.changes, 1) << "nothing is known of others behind it";
  EXPECT_DOUBLE_EQ(once.exposure, 10);
  EXPECT_DOUBLE_EQ(changes_per_second(once), 0.1);
  const ChangeEvidence then = after(once, {false, seconds(30)});
  EXPECT_DOUBLE_EQ(then.changes, 39.0 / 40);
  EXPECT_DOUBLE_EQ(then.exposure, 10 * 39.0 / 40 + 30);
}

TEST(ChangeRate, AChangeStandsForThoseThatMustHaveComeBeforeIt) {
  // At a known rate of one per second, ten seconds hide about ten; five are believed.
  ChangeEvidence known{100, 100, 20};
  EXPECT_NEAR(after(known, {true, seconds(10)}).changes - 100 * 39.0 / 40, 5, 1e-9);
  // Two seconds: 2 / (1 - e^-2).
  EXPECT_NEAR(after(known, {true, seconds(2)}).changes - 100 * 39.0 / 40, 2 / (1 - std::exp(-2.0)),
              1e-9);
}

TEST(ChangeRate, NothingCanHaveChangedInNoTime) {
  EXPECT_EQ(after({1, 2, 3}, {true, {}}), (ChangeEvidence{1, 2, 3}));
  EXPECT_EQ(after({1, 2, 3}, {true, seconds(-5)}), (ChangeEvidence{1, 2, 3}));
}

TEST(ChangeRate, ForgetsSoThatEvidenceIsBounded) {
  const ChangeEvidence always = seen(100000, true, seconds(60));
  EXPECT_LE(always.changes, 5 * 40 + 1e-6);
  EXPECT_LE(always.exposure, 60 * 40 + 1e-6);
  EXPECT_LE(always.fetches, 40 + 1e-6);
}

TEST(LifetimeBound, NothingIsCutBeforeEightFetches) {
  EXPECT_EQ(lifetime_bound(seen(7, true, seconds(60))), unbounded_lifetime);
  // The ninth: the eighth counts a little less than one by then.
  EXPECT_LT(lifetime_bound(seen(10, true, seconds(60))), Duration(seconds(60)));
}

TEST(LifetimeBound, IsHalfTheMeanTimeBetweenChanges) {
  EXPECT_EQ(lifetime_bound({10, 1000, 20}), Duration(seconds(50)));
  EXPECT_EQ(lifetime_bound({0, 1000, 20}), unbounded_lifetime) << "nothing ever changed";
  EXPECT_EQ(lifetime_bound({1e-12, 1e9, 20}), unbounded_lifetime) << "no overflow";
}

TEST(LifetimeBound, CutsOnlyEverDownAndNeverBelowItsPart) {
  const LifetimeBound bound{seconds(20), 0.25, true};
  EXPECT_EQ(bound.cut(seconds(60)), Duration(seconds(20)));
  EXPECT_EQ(bound.cut(seconds(20)), Duration(seconds(20)));
  EXPECT_EQ(bound.cut(seconds(10)), Duration(seconds(10)));
  EXPECT_EQ(bound.cut(seconds(1000)), Duration(seconds(250)));
  EXPECT_EQ(bound.cut({}), Duration::zero());
  const LifetimeBound strict{milliseconds(1), 0.01, true};
  EXPECT_EQ(strict.cut(seconds(2)), Duration(seconds(1))) << "a second at least";
  EXPECT_EQ(strict.cut(milliseconds(300)), Duration(milliseconds(300)));
  EXPECT_EQ(LifetimeBound{}.cut(seconds(60)), Duration(seconds(60)));
}

// -- simulation -------------------------------------------------------------------

using Times = std::vector<double>;
/// When content changes, in [0, horizon).
using Process = std::function<Times(std::mt19937_64&, double horizon)>;

Process poisson(double mean) {
  return [mean](std::mt19937_64& random, double horizon) {
    std::exponential_distribution<double> gap(1 / mean);
    Times times;
    for (double at = gap(random); at < horizon; at += gap(random)) times.push_back(at);
    return times;
  };
}

Process periodic(double period) {
  return [period](std::mt19937_64& random, double horizon) {
    Times times;
    double at = std::uniform_real_distribution<double>(0, period)(random);
    for (; at < horizon; at += period) times.push_back(at);
    return times;
  };
}

/// Bursts of ten changes five seconds apart, then quiet.
Process bursty(double mean) {
  return [mean](std::mt19937_64& random, double horizon) {
    std::exponential_distribution<double> gap(1 / mean);
    Times times;
    for (double at = gap(random); at < horizon; at += gap(random)) {
      for (int i = 0; i < 10; ++i) times.push_back(at += 5);
    }
    return times;
  };
}

struct Served {
  double stale = 0;     ///< share of the answers that were not the newest
  double fetches = 0;   ///< per answer
  double shortest = 0;  ///< lifetime given, seconds
  double longest = 0;
  double last = 0;
};

struct Plan {
  Process process;
  double ttl = 60;
  double request_gap = 1;  ///< mean, of one key
  double horizon = 4 * 3600;
  double lowest = 0.05;
  bool law = true;
  int keys = 10;  ///< that share an endpoint
};

Served simulate(const Plan& plan, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  struct Key {
    Times changes;
    double fetched = -1, expires = -1;
    double next = 0;
  };
  std::vector<Key> keys(static_cast<std::size_t>(plan.keys));
  std::exponential_distribution<double> gap(1 / plan.request_gap);
  for (Key& key : keys) {
    key.changes = plan.process(random, plan.horizon);
    key.next = gap(random);
  }
  const auto version = [](const Key& key, double at) {
    return std::upper_bound(key.changes.begin(), key.changes.end(), at) - key.changes.begin();
  };
  ChangeEvidence evidence;
  Served run;
  run.shortest = plan.ttl;
  double answers = 0, stale = 0, fetches = 0;
  while (true) {
    Key& key = *std::min_element(keys.begin(), keys.end(),
                                 [](const Key& a, const Key& b) { return a.next < b.next; });
    const double now = key.next;
    if (now >= plan.horizon) break;
    key.next += gap(random);
    ++answers;
    if (now < key.expires) {
      stale += version(key, now) != version(key, key.fetched) ? 1 : 0;
      continue;
    }
    ++fetches;
    if (key.fetched >= 0) {
      const bool changed = version(key, now) != version(key, key.fetched);
      const auto lived =
          std::chrono::duration_cast<Duration>(std::chrono::duration<double>(now - key.fetched));
      evidence = after(evidence, {changed, lived});
    }
    LifetimeBound bound{lifetime_bound(evidence), plan.lowest, true};
    if (!plan.law) bound = {};
    const auto given =
        std::chrono::duration_cast<Duration>(std::chrono::duration<double>(plan.ttl));
    const double lifetime = std::chrono::duration<double>(bound.cut(given)).count();
    run.shortest = std::min(run.shortest, lifetime);
    run.longest = std::max(run.longest, lifetime);
    run.last = lifetime;
    key.fetched = now;
    key.expires = now + lifetime;
  }
  run.stale = stale / answers;
  run.fetches = fetches / answers;
  return run;
}

class ChangingContent : public testing::TestWithParam<std::uint64_t> {};

TEST_P(ChangingContent, IsServedStaleMuchLessThanWithTheRulesOwnLifetime) {
  struct Case {
    const char* name;
    Process process;
    double gain;
  };
  for (const Case& one : {Case{"poisson", poisson(20), 2}, Case{"periodic", periodic(20), 2},
                          Case{"bursty", bursty(120), 1.2}}) {
    Plan plan{one.process};
    const Served with = simulate(plan, GetParam());
    plan.law = false;
    const Served without = simulate(plan, GetParam());
    EXPECT_LT(with.stale * one.gain, without.stale) << one.name;
    EXPECT_LE(with.longest, 60) << one.name;
    EXPECT_GE(with.shortest, 60 * 0.05 - 1e-6) << one.name;
  }
}

TEST_P(ChangingContent, LivesForAboutHalfTheTimeBetweenChanges) {
  const Served run = simulate({poisson(40)}, GetParam());
  EXPECT_GT(run.last, 20 / 1.7);
  EXPECT_LT(run.last, 20 * 1.7);
}

TEST_P(ChangingContent, ThatIsStableForLongerKeepsTheRulesLifetime) {
  const Served never = simulate({poisson(1e9)}, GetParam());
  EXPECT_EQ(never.shortest, 60);
  const Served seldom = simulate({poisson(1200)}, GetParam());
  EXPECT_GE(seldom.shortest, 60) << "once in twenty lifetimes";
}

TEST_P(ChangingContent, ThatNobodyAsksForOftenSaysNothingAboutAShortLifetime) {
  // Each fetch finds another content, two hours later.
  const Served run = simulate({poisson(1800), 60, 7200, 60.0 * 86400}, GetParam());
  EXPECT_EQ(run.shortest, 60);
}

TEST_P(ChangingContent, ThatCalmsDownGetsItsLifetimeBack) {
  const auto calming = [](std::mt19937_64& random, double horizon) {
    return poisson(10)(random, horizon / 4);  // then never again
  };
  const Served run = simulate({calming}, GetParam());
  EXPECT_LT(run.shortest, 10);
  EXPECT_EQ(run.last, 60);
}

TEST_P(ChangingContent, ThatIsNewEachTimeCostsNoMoreThanTheLowestPartAllows) {
  Plan plan{poisson(0.2)};
  plan.lowest = 0.25;
  plan.horizon = 1800;
  const Served with = simulate(plan, GetParam());
  plan.law = false;
  const Served without = simulate(plan, GetParam());
  EXPECT_EQ(with.last, 15);
  EXPECT_LT(with.fetches, without.fetches * 4.01);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ChangingContent, testing::Values(1, 2, 3, 4, 5, 6, 7, 8));

}  // namespace
}  // namespace homeostat::rules
