// The default `until`: De Morgan, and thresholds moved towards safety.
#include <random>

#include "expression_helpers.hpp"

namespace homeostat::rules::testing {
namespace {

using enum SignalId;

struct NegationCase {
  const char* when;
  const char* until;
};

TEST(Negation, MovesThresholdsByTheMargin) {
  for (const NegationCase& test : {
           NegationCase{"endpoint.latency_p95 > 2s", "endpoint.latency_p95 < 1.8s"},
           NegationCase{"endpoint.latency_p95 >= 2s", "endpoint.latency_p95 < 1.8s"},
           NegationCase{"admission.limit < 10", "admission.limit > 11"},
           NegationCase{"admission.limit <= 10", "admission.limit > 11"},
           NegationCase{"2s < endpoint.latency_p95", "endpoint.latency_p95 < 1.8s"},
           NegationCase{"10 > admission.limit", "admission.limit > 11"},
           NegationCase{"cpu.utilization > 95%", "cpu.utilization < 85.5%"},
           NegationCase{"cpu.utilization > 0.95", "cpu.utilization < 85.5%"},
           NegationCase{"endpoint.rate > 120/m", "endpoint.rate < 1.8/s"},
           NegationCase{"agent.memory > 1KiB", "agent.memory < 921.6B"},
       }) {
    EXPECT_EQ(parse(test.when)->negated_with_margin(0.1)->text(), test.until) << test.when;
  }
}

TEST(Negation, KeepsRatiosReachable) {
  for (const NegationCase& test : {
           NegationCase{"cache.hit_ratio < 50%", "cache.hit_ratio > 55%"},
           // 104.5 % could never be reached; half the way to 100 % can.
           NegationCase{"cache.hit_ratio < 95%", "cache.hit_ratio > 97.5%"},
           NegationCase{"cache.hit_ratio < 100%", "cache.hit_ratio >= 100%"},
           NegationCase{"endpoint.hit_ratio < cache.hit_ratio",
                        "endpoint.hit_ratio >= cache.hit_ratio"},
           NegationCase{"admission.in_flight / admission.limit < 98%",
                        "admission.in_flight / admission.limit > 99%"},
       }) {
    EXPECT_EQ(parse(test.when)->negated_with_margin(0.1)->text(), test.until) << test.when;
  }
}

TEST(Negation, IsPlainWhereAThresholdCannotMove) {
  for (const NegationCase& test : {
           NegationCase{"traffic.error_ratio > 0", "traffic.error_ratio <= 0%"},
           NegationCase{"admission.limit == 5", "admission.limit != 5"},
           NegationCase{"admission.limit != 5", "admission.limit == 5"},
           NegationCase{"true", "false"},
           NegationCase{"(cpu.utilization > 50%) == true", "(cpu.utilization > 50%) != true"},
           // A difference may be negative: scaling it could widen the band.
           NegationCase{"traffic.latency_p99 > traffic.latency_p95 - traffic.latency_p50",
                        "traffic.latency_p99 <= traffic.latency_p95 - traffic.latency_p50"},
       }) {
    EXPECT_EQ(parse(test.when)->negated_with_margin(0.1)->text(), test.until) << test.when;
  }
}

TEST(Negation, ScalesAThresholdThatIsASignal) {
  for (const NegationCase& test : {
           NegationCase{"admission.in_flight > admission.limit",
                        "admission.in_flight < admission.limit * 0.9"},
           NegationCase{"admission.in_flight > admission.limit * 80%",
                        "admission.in_flight < admission.limit * 72%"},
           NegationCase{"endpoint.latency_p50 < endpoint.latency_p99",
                        "endpoint.latency_p50 > endpoint.latency_p99 * 1.1"},
           NegationCase{"endpoint.latency_p99 > max(1s, endpoint.latency_p50)",
                        "endpoint.latency_p99 < max(1s, endpoint.latency_p50) * 0.9"},
       }) {
    EXPECT_EQ(parse(test.when)->negated_with_margin(0.1)->text(), test.until) << test.when;
  }
}

TEST(Negation, AppliesDeMorganAndRemovesNot) {
  for (const NegationCase& test : {
           NegationCase{"endpoint.latency_p95 > 2s and endpoint.rate > 1/s",
                        "endpoint.latency_p95 < 1.8s or endpoint.rate < 0.9/s"},
           NegationCase{"cpu.utilization > 90% or memory.utilization > 80%",
                        "cpu.utilization < 81% and memory.utilization < 72%"},
           NegationCase{"not cpu.utilization < 90%", "cpu.utilization < 81%"},
           NegationCase{"not not cpu.utilization > 90%", "cpu.utilization < 81%"},
           NegationCase{"not (admission.limit < 5 and cpu.utilization > 90%)",
                        "admission.limit < 4.5 and cpu.utilization > 95%"},
           NegationCase{"(admission.limit < 5 or cpu.utilization > 90%) and agent.memory > 1MiB",
                        "admission.limit > 5.5 and cpu.utilization < 81% or agent.memory < "
                        "921.6KiB"},
       }) {
    EXPECT_EQ(parse(test.when)->negated_with_margin(0.1)->text(), test.until) << test.when;
  }
}

TEST(Negation, OfANegativeThresholdMovesAwayFromIt) {
  EXPECT_EQ(
      parse("traffic.latency_p50 - traffic.latency_p95 > -5s")->negated_with_margin(0.1)->text(),
      "traffic.latency_p50 - traffic.latency_p95 < -5.5s");
}

TEST(Negation, IsWrittenWithTheParenthesesItNeeds) {
  for (const NegationCase& test : {
           NegationCase{"traffic.latency_p99 - (traffic.latency_p95 - traffic.latency_p50) > 1s",
                        "traffic.latency_p99 - (traffic.latency_p95 - traffic.latency_p50) < "
                        "900ms"},
           NegationCase{"(traffic.latency_p99 - traffic.latency_p95) - traffic.latency_p50 > 1s",
                        "traffic.latency_p99 - traffic.latency_p95 - traffic.latency_p50 < 900ms"},
           NegationCase{"2 * (admission.limit + 1) > 10", "2 * (admission.limit + 1) < 9"},
           NegationCase{"-(admission.limit + 1) > 10", "-(admission.limit + 1) < 9"},
           NegationCase{"max(1, 2, admission.limit) > 10", "max(2, admission.limit) < 9"},
       }) {
    EXPECT_EQ(parse(test.when)->negated_with_margin(0.1)->text(), test.until) << test.when;
  }
}

TEST(Negation, MarginIsBounded) {
  const auto when = parse("cpu.utilization > 50%");
  EXPECT_EQ(when->negated_with_margin(0)->text(), "cpu.utilization <= 50%");
  EXPECT_EQ(when->negated_with_margin(-1)->text(), "cpu.utilization <= 50%");
  EXPECT_EQ(when->negated_with_margin(5)->text(), "cpu.utilization < 5%");
}

// -- properties over random conditions ----------------------------------------

class RandomCondition {
 public:
  explicit RandomCondition(std::uint32_t seed) : random_(seed) {}

  std::string make(int depth = 3) {
    if (depth == 0 || below(4) == 0) return comparison();
    switch (below(3)) {
      case 0: return "not (" + make(depth - 1) + ")";
      case 1: return "(" + make(depth - 1) + ") and (" + make(depth - 1) + ")";
      default: return "(" + make(depth - 1) + ") or " + make(depth - 1);
    }
  }
  std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(random_()) % bound; }
  double unit() { return static_cast<double>(below(1001)) / 1000; }

 private:
  std::string comparison() {
    static constexpr const char* sides[] = {"cpu.utilization", "memory.utilization",
                                            "min(cpu.utilization, cache.hit_ratio)",
                                            "cpu.pressure * 2", "abs(cache.hit_ratio - 50%)"};
    static constexpr const char* signs[] = {" < ", " <= ", " > ", " >= ", " == ", " != "};
    const std::string left = sides[below(5)];
    const std::string right = below(2) == 0 ? std::to_string(below(101)) + "%" : sides[below(5)];
    return left + signs[below(6)] + right;
  }
  std::mt19937 random_;
};

TEST(NegationProperty, IsNeverTrueTogetherWithItsSourceAndParsesBack) {
  RandomCondition random(20240611);
  for (int round = 0; round < 400; ++round) {
    const std::string text = random.make();
    const auto when = parse(text);
    const auto until = when->negated_with_margin(0.1);
    const auto plain = when->negated_with_margin(0);
    const auto reparsed = parse(until->text());
    for (int sample = 0; sample < 25; ++sample) {
      const SignalValues values = values_of({{cpu_utilization, random.unit()},
                                             {memory_utilization, random.unit()},
                                             {cache_hit_ratio, random.unit()},
                                             {cpu_pressure, random.unit()}});
      const Scene scene{&values, nullptr};
      const bool fires = when->evaluate(scene).value();
      const bool leaves = until->evaluate(scene).value();
      ASSERT_FALSE(fires && leaves) << text << "\n" << until->text();
      ASSERT_EQ(plain->evaluate(scene).value(), !fires) << text << "\n" << plain->text();
      ASSERT_EQ(reparsed->evaluate(scene).value(), leaves) << until->text();
    }
  }
}

}  // namespace
}  // namespace homeostat::rules::testing
