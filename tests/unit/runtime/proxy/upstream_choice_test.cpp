// Which target gets a request: load, health, breakers, ejections, panic.
#include <gtest/gtest.h>

#include <thread>

#include "runtime/proxy/upstream_target.hpp"

namespace homeostat::proxy {
namespace {

using namespace std::chrono_literals;
using rules::BreakerCause;
using rules::BreakerState;
using rules::CallResult;

constexpr Instant start{std::chrono::hours(1)};
constexpr std::size_t endpoints = 8;

config::UpstreamSettings settings_of(std::uint16_t targets) {
  config::UpstreamSettings settings;
  for (std::uint16_t port = 1; port <= targets; ++port) {
    settings.targets.push_back({{"127.0.0.1", port, {}}, "host"});
  }
  return settings;
}

struct Bench {
  explicit Bench(std::uint16_t targets, const config::BreakerSettings& breaker = {})
      : set(with(settings_of(targets), breaker), endpoints, start) {}

  static config::UpstreamSettings with(config::UpstreamSettings settings,
                                       const config::BreakerSettings& breaker) {
    settings.breaker = breaker;
    return settings;
  }
  /// 1-based number of the target chosen; 0 for none.
  int choose(rules::EndpointId endpoint = 1, double unit = 0.5, bool repeatable = true,
             const UpstreamTarget* avoid = nullptr) {
    const UpstreamTarget* target = set.choose({endpoint, now, avoid, turn++, unit, repeatable});
    return target == nullptr ? 0 : target->settings().address.port;
  }
  UpstreamTarget& target(int number) {
    return *set.targets()[static_cast<std::size_t>(number - 1)];
  }
  void answered(int number, int times, rules::EndpointId endpoint = 1, bool failed = false) {
    for (int i = 0; i < times; ++i) {
      set.answered(target(number), endpoint, failed, 10ms, now, now);
    }
  }
  void refused_connections(int number, int times) {
    for (int i = 0; i < times; ++i) set.not_connected(target(number), now, now);
  }

  UpstreamSet set;
  Instant now = start;
  std::uint32_t turn = 0;
};

TEST(UpstreamChoice, AnEarlyAnswerToASlowUploadIsNeitherSlowNorUsual) {
  Bench bench(1);
  bench.answered(1, 100);
  for (int i = 0; i < 100; ++i) {
    bench.set.answered(bench.target(1), 1, false, std::nullopt, bench.now, bench.now);
  }
  EXPECT_TRUE(bench.target(1).known_endpoint(1)->breaker.closed());
  EXPECT_EQ(bench.set.silence_after(bench.target(1), 1, bench.now), Duration(2s))
      << "what is usual is what the upstream took in its turn";
  for (int i = 0; i < 100; ++i) bench.set.answered(bench.target(1), 1, false, 5s, start, bench.now);
  EXPECT_FALSE(bench.target(1).known_endpoint(1)->breaker.closed()) << "in its turn it counts";
}

TEST(UpstreamChoice, AFullTargetIsNotAskedWhileAnotherHasRoom) {
  config::UpstreamSettings settings = settings_of(3);
  settings.connections_max = 1;
  UpstreamSet set(settings, endpoints, start);
  const auto choose = [&set] {
    return set.choose({.endpoint = 1, .now = start, .repeatable = true, .with_room = true});
  };
  ASSERT_TRUE(set.targets()[0]->take_connection(1));
  ASSERT_TRUE(set.targets()[2]->take_connection(1));
  EXPECT_EQ(choose(), set.targets()[1].get());
  ASSERT_TRUE(set.targets()[1]->take_connection(1));
  EXPECT_EQ(choose(), nullptr);
}

TEST(UpstreamChoice, TakesTheLeastBusyAndRotatesOnTies) {
  Bench bench(3);
  std::vector<int> chosen(4, 0);
  for (int i = 0; i < 30; ++i) ++chosen[static_cast<std::size_t>(bench.choose())];
  EXPECT_EQ(chosen, (std::vector<int>{0, 10, 10, 10}));
  bench.target(1).request_started();
  bench.target(3).request_started();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(bench.choose(), 2);
}

TEST(UpstreamChoice, AvoidsTheOneThatJustFailed) {
  Bench bench(3);
  bench.target(1).request_started();
  bench.target(3).request_started();
  EXPECT_NE(bench.choose(1, 0.5, true, &bench.target(2)), 2);
}

TEST(UpstreamChoice, ATargetThatKeepsRefusingIsLeftOutAndProbedWithWhatCanBeRepeated) {
  Bench bench(2);
  bench.refused_connections(1, 4);
  bench.answered(1, 1);
  bench.refused_connections(1, 4);
  EXPECT_TRUE(bench.target(1).healthy(bench.now)) << "not in a row";
  bench.refused_connections(1, 1);
  EXPECT_FALSE(bench.target(1).healthy(bench.now));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(bench.choose(), 2);
  bench.now += 1s;
  EXPECT_EQ(bench.choose(1, 0.5, false), 2) << "a POST is not risked where another target works";
  EXPECT_EQ(bench.choose(), 1) << "a GET is: it can go elsewhere";
  EXPECT_EQ(bench.choose(), 2) << "one at a time";
  bench.answered(1, 1);
  EXPECT_TRUE(bench.target(1).healthy(bench.now)) << "it recovers";
  bench.now += 2s;
  bench.target(2).request_started();
  EXPECT_EQ(bench.choose(), 1);
}

TEST(UpstreamChoice, WhereNothingCanBeRepeatedAnOverdueProbeIsRisked) {
  Bench bench(2);
  bench.answered(1, 20, 3, true);  // POST /orders fails at one of two
  int probes = 0;
  std::vector<Instant> at;
  for (const Instant end = bench.now + 30s; bench.now < end; bench.now += 10ms) {
    if (bench.choose(3, 0.5, false) != 1) continue;
    at.push_back(bench.now);
    ++probes;
  }
  ASSERT_FALSE(at.empty());
  EXPECT_EQ(at.front() - start, Duration(3s)) << "only once nobody else has probed for long";
  EXPECT_EQ(probes, 9) << "one request in three seconds may be lost";
  bench.now += 3s;
  ASSERT_EQ(bench.choose(3, 0.5, false), 1);
  bench.answered(1, 1, 3);
  bench.now += 2s;
  bench.target(2).request_started();
  EXPECT_EQ(bench.choose(3, 0.99, false), 1) << "and it is back";
}

TEST(UpstreamChoice, ATargetIsProbedByWhatCannotBeRepeatedOnlyWhileNothingElseComes) {
  Bench bench(2);
  bench.refused_connections(1, 5);
  for (const Instant end = bench.now + 20s; bench.now < end; bench.now += 100ms) {
    EXPECT_EQ(bench.choose(3, 0.5, false), 2) << "GETs probe it";
    (void)bench.choose(1, 0.5, true);
  }
  bench.now += 3s;
  EXPECT_EQ(bench.choose(3, 0.5, false), 1);
}

TEST(UpstreamChoice, ARecoveringTargetWeighsLess) {
  Bench bench(2);
  bench.refused_connections(1, 5);
  bench.now += 1s;
  EXPECT_EQ(bench.choose(), 1);
  bench.answered(1, 1);
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(bench.choose(1, 0.99), 2) << "a tenth of the weight: " << i;
    bench.target(2).request_started();
  }
  for (int i = 0; i < 4; ++i) bench.target(2).request_started();
  EXPECT_EQ(bench.choose(1, 0.99), 1) << "no dice where there is a choice";
}

TEST(UpstreamChoice, WhenAllAreOpenTheRequestIsRefusedWithAReason) {
  Bench bench(2);
  bench.refused_connections(1, 5);
  EXPECT_FALSE(bench.set.refuses(1, bench.now));
  bench.refused_connections(2, 5);
  EXPECT_TRUE(bench.set.refuses(1, bench.now));
  EXPECT_FALSE(bench.set.any_healthy(bench.now));
  EXPECT_EQ(bench.choose(), 0);
  const UpstreamRefusal refusal = bench.set.refusal(1, bench.now);
  EXPECT_EQ(refusal.cause, BreakerCause::silence);
  EXPECT_EQ(refusal.wait, Duration(2600ms)) << "the next probe and the recovery";
  bench.now += 600ms;
  EXPECT_FALSE(bench.set.refuses(1, bench.now));
  EXPECT_NE(bench.choose(1, 0.99, false), 0) << "the probe, even if it cannot be repeated";
}

TEST(UpstreamChoice, OneTargetRecoversByThrowingDice) {
  Bench bench(1);
  bench.refused_connections(1, 5);
  bench.now += 1s;
  EXPECT_EQ(bench.choose(), 1);
  bench.answered(1, 1);
  EXPECT_EQ(bench.choose(1, 0.05), 1);
  EXPECT_EQ(bench.choose(1, 0.15), 0);
  EXPECT_FALSE(bench.set.refuses(1, bench.now)) << "only the dice say no";
  bench.now += 2s;
  EXPECT_EQ(bench.choose(1, 0.99), 1);
}

TEST(UpstreamChoice, AnEndpointThatFailsAloneIsRefusedAlone) {
  Bench bench(1);
  for (int i = 0; i < 40; ++i) {
    bench.answered(1, 1, 3, true);
    if (i % 10 == 9) bench.answered(1, 1, 4);
  }
  EXPECT_TRUE(bench.set.refuses(3, bench.now));
  EXPECT_EQ(bench.set.refusal(3, bench.now).cause, BreakerCause::failures);
  EXPECT_FALSE(bench.set.refuses(4, bench.now));
  EXPECT_EQ(bench.choose(4), 1);
  EXPECT_TRUE(bench.target(1).breaker().closed()) << "although nine of ten calls failed";
}

TEST(UpstreamChoice, AnApplicationThatFailsEverywhereIsProbedAsOne) {
  Bench bench(1);
  for (rules::EndpointId endpoint = 0; endpoint < endpoints; ++endpoint) {
    bench.answered(1, 10, endpoint, true);
  }
  EXPECT_FALSE(bench.target(1).breaker().closed());
  bench.now += 1s;
  int probes = 0;
  for (rules::EndpointId endpoint = 0; endpoint < endpoints; ++endpoint) {
    probes += bench.choose(endpoint);
  }
  EXPECT_EQ(probes, 1);
}

TEST(UpstreamChoice, WhereEverythingFailedOneGoodAnswerBringsTheTargetBack) {
  Bench bench(1);
  for (int i = 0; i < 20; ++i) {
    bench.set.lost(bench.target(1), 1, CallResult::unanswered, bench.now, bench.now);
  }
  bench.refused_connections(1, 5);
  ASSERT_FALSE(bench.target(1).breaker().closed());
  bench.now += 1s;
  ASSERT_EQ(bench.choose(1), 1) << "a probe of both";
  bench.answered(1, 1, 1);
  bench.now += 2s;
  EXPECT_EQ(bench.choose(1, 0.99), 1);
  EXPECT_EQ(bench.choose(2, 0.99), 1);
}

TEST(UpstreamChoice, ActiveChecksAreFollowedUnlessTheyLeaveTooFew) {
  Bench bench(3);
  bench.target(1).set_active_health(false);
  for (int i = 0; i < 6; ++i) EXPECT_NE(bench.choose(), 1);
  bench.target(2).request_started();
  bench.target(3).request_started();
  EXPECT_NE(bench.choose(), 1) << "busy beats unhealthy";
  bench.target(2).set_active_health(false);
  EXPECT_EQ(bench.choose(), 1) << "one of three fit is less than half: panic";
  bench.target(3).set_active_health(false);
  EXPECT_FALSE(bench.set.any_healthy(bench.now));
  EXPECT_EQ(bench.choose(), 1);
}

TEST(UpstreamChoice, ATargetThatFailsMoreThanTheOthersIsEjectedForALongerTimeEachTime) {
  Bench bench(4);
  const auto interval = [&] {
    for (int number = 1; number <= 4; ++number) bench.answered(number, 100);
    bench.answered(3, 60, 2, true);
    bench.now += 10s;
    bench.answered(1, 1);
  };
  interval();
  EXPECT_TRUE(bench.target(3).ejected(bench.now));
  for (int i = 0; i < 8; ++i) EXPECT_NE(bench.choose(), 3);
  bench.now += 30s;
  EXPECT_FALSE(bench.target(3).ejected(bench.now));
  bench.now += 2s;
  interval();
  EXPECT_TRUE(bench.target(3).ejected(bench.now));
  bench.now += 31s;
  EXPECT_TRUE(bench.target(3).ejected(bench.now)) << "a minute the second time";
}

TEST(UpstreamChoice, InPanicEjectionsDoNotCount) {
  Bench bench(3);
  bench.answered(1, 100);
  bench.answered(2, 100);
  bench.answered(3, 100, 2, true);
  bench.now += 10s;
  bench.answered(1, 1);
  ASSERT_TRUE(bench.target(3).ejected(bench.now));
  bench.target(1).set_active_health(false);
  bench.target(2).request_started();
  bench.target(1).request_started();
  EXPECT_EQ(bench.choose(), 3) << "one of three is fit";
}

TEST(UpstreamChoice, ShadowCountsAWholeOutageAndItsRecoveryAndNotItsProbes) {
  config::BreakerSettings shadow;
  shadow.mode = config::LoopMode::shadow;
  Bench bench(1, shadow);
  bench.refused_connections(1, 5);
  const auto would_refuse = [&] { return bench.set.counters().would_refuse.load(); };
  for (int i = 0; i < 600; ++i) {  // a minute at ten a second, all lost
    bench.now += 100ms;
    ASSERT_FALSE(bench.set.refuses(1, bench.now));
    ASSERT_EQ(bench.choose(), 1);
    bench.refused_connections(1, 1);
  }
  EXPECT_EQ(would_refuse(), 500U) << "600 less a probe each 600 ms";
  EXPECT_EQ(bench.set.counters().probes, 0U) << "everything passed anyway";
  bench.answered(1, 1);
  ASSERT_EQ(bench.choose(1, 0.05), 1);
  EXPECT_EQ(would_refuse(), 500U);
  ASSERT_EQ(bench.choose(1, 0.5), 1);
  EXPECT_EQ(would_refuse(), 501U) << "the dice of the recovery";
  bench.now += 3s;
  ASSERT_EQ(bench.choose(1, 0.99), 1);
  EXPECT_EQ(would_refuse(), 501U);
}

TEST(UpstreamChoice, InShadowNothingIsCountedWhatAnotherTargetWouldTake) {
  config::BreakerSettings shadow;
  shadow.mode = config::LoopMode::shadow;
  Bench bench(2, shadow);
  bench.refused_connections(1, 5);
  std::vector<int> chosen(3, 0);
  for (int i = 0; i < 20; ++i) ++chosen[static_cast<std::size_t>(bench.choose())];
  EXPECT_EQ(chosen, (std::vector<int>{0, 10, 10})) << "the breaker is not followed";
  EXPECT_EQ(bench.set.counters().would_refuse, 0U);
  bench.refused_connections(2, 5);
  EXPECT_NE(bench.choose(1, 0.5, true, &bench.target(1)), 0);
  EXPECT_EQ(bench.set.counters().would_refuse, 0U) << "a further attempt is no further request";
  EXPECT_NE(bench.choose(), 0);
  EXPECT_EQ(bench.set.counters().would_refuse, 1U);
}

TEST(UpstreamChoice, ShadowOnlyCounts) {
  config::BreakerSettings shadow;
  shadow.mode = config::LoopMode::shadow;
  Bench bench(1, shadow);
  bench.refused_connections(1, 5);
  EXPECT_FALSE(bench.set.refuses(1, bench.now));
  EXPECT_EQ(bench.choose(), 1);
  EXPECT_EQ(bench.set.counters().would_refuse, 1U);
  EXPECT_EQ(bench.target(1).breaker().view(bench.now).state, BreakerState::open);
  config::BreakerSettings off;
  off.mode = config::LoopMode::off;
  Bench without(1, off);
  without.refused_connections(1, 50);
  EXPECT_EQ(without.target(1).breaker().view(without.now).state, BreakerState::closed);
}

TEST(UpstreamChoice, SilenceIsWhatIsFarAboveTheUsual) {
  Bench bench(1);
  EXPECT_EQ(bench.set.silence_after(bench.target(1), 1, bench.now), Duration::max());
  bench.answered(1, 20);
  EXPECT_EQ(bench.set.silence_after(bench.target(1), 1, bench.now), Duration(2s));
  EXPECT_FALSE(bench.set.given_up(bench.target(1), 1));
  for (int i = 0; i < 5; ++i) {
    bench.set.lost(bench.target(1), 1, CallResult::silent, bench.now, bench.now);
  }
  EXPECT_TRUE(bench.set.given_up(bench.target(1), 1));
}

TEST(UpstreamChoice, ConnectionsAreCountedUpToTheBound) {
  Bench bench(3);
  UpstreamTarget& target = bench.target(1);
  EXPECT_TRUE(target.take_connection(2));
  EXPECT_TRUE(target.take_connection(2));
  EXPECT_FALSE(target.take_connection(2));
  target.drop_connection();
  EXPECT_TRUE(target.take_connection(2));
}

TEST(BreakerThreads, WhateverIsReportedAtOnceProbesStayRareAndItCloses) {
  Bench bench(2);
  std::atomic<int> sent{0};
  const auto work = [&](unsigned seed) {
    for (int i = 0; i < 20'000; ++i) {
      const Instant now = start + std::chrono::microseconds(100) * i;
      UpstreamTarget* target =
          bench.set.choose({static_cast<rules::EndpointId>(i % 8), now, nullptr,
                            seed + static_cast<unsigned>(i), 0.5, true});
      if (target == nullptr) continue;
      ++sent;
      bench.set.lost(*target, static_cast<rules::EndpointId>(i % 8), CallResult::unanswered, now,
                     now);
    }
  };
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < 4; ++seed) threads.emplace_back(work, seed);
  for (std::thread& thread : threads) thread.join();
  // Two targets, five signs each with what was under way, then probes for two seconds.
  EXPECT_LE(sent, 400);
  EXPECT_FALSE(bench.set.any_healthy(start + 2s));
  bench.now = start + 10s;
  EXPECT_NE(bench.choose(), 0);
  bench.answered(1, 1);
  EXPECT_TRUE(bench.set.any_healthy(bench.now));
}

}  // namespace
}  // namespace homeostat::proxy
