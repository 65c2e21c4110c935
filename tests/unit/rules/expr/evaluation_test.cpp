// Values: literals and units, precedence, arithmetic, three-valued logic.
#include <limits>

#include "expression_helpers.hpp"

namespace homeostat::rules::testing {
namespace {

using enum SignalId;

struct Case {
  const char* text;
  bool expected;
};

void expect_constant(const Case& test) {
  EXPECT_EQ(evaluate(test.text, {}), test.expected) << test.text;
}

TEST(Literals, AreConvertedToBaseUnits) {
  for (const Case& test : {
           Case{"1500ms == 1.5s", true},
           Case{"2m == 120s", true},
           Case{"1h == 60m", true},
           Case{"1d == 24h", true},
           Case{"1000us == 1ms", true},
           Case{"1000ns == 1us", true},
           Case{"250ms == 0.25s", true},
           Case{"1KiB == 1024B", true},
           Case{"1KB == 1000B", true},
           Case{"1MiB == 1024KiB", true},
           Case{"1MB == 1000KB", true},
           Case{"1GiB == 1024MiB", true},
           Case{"1GB == 1000MB", true},
           Case{"120/m == 2/s", true},
           Case{"3600/h == 1/s", true},
           Case{"90% == 0.9", true},
           Case{"0.9 == 90%", true},
           Case{"1KiB/s == 1024/s", true},
       }) {
    expect_constant(test);
  }
}

TEST(Arithmetic, FollowsPrecedenceAndGroupsFromTheLeft) {
  for (const Case& test : {
           Case{"2 + 3 * 4 == 14", true},
           Case{"(2 + 3) * 4 == 20", true},
           Case{"10 - 4 - 3 == 3", true},
           Case{"24 / 4 / 2 == 3", true},
           Case{"-2 * 3 == -6", true},
           Case{"2 - -3 == 5", true},
           Case{"- - 4 == 4", true},
           Case{"10 / 4 == 2.5", true},
           Case{"min(3, 1, 2) == 1", true},
           Case{"max(3, 1, 2) == 3", true},
           Case{"abs(-3) == 3", true},
           Case{"abs(3 - 5) + 1 == 3", true},
           Case{"min(1m, 90s) == 60s", true},
       }) {
    expect_constant(test);
  }
}

TEST(Logic, BindsNotThenAndThenOr) {
  for (const Case& test : {
           Case{"true or false and false", true},
           Case{"(true or false) and false", false},
           Case{"not false and false", false},
           Case{"not (false and false)", true},
           Case{"not 1 > 2", true},
           Case{"not not true", true},
           Case{"true == (1 < 2)", true},
           Case{"true != false", true},
           Case{"1 < 2 and 2 <= 2 and 3 > 2 and 2 >= 2 and 1 != 2", true},
           Case{"1 < 1 or 2 > 2", false},
       }) {
    expect_constant(test);
  }
}

TEST(Arithmetic, CombinesUnitsSoundly) {
  const Values values = {{endpoint_rate, 100},      {endpoint_latency_avg, 0.05},
                         {admission_in_flight, 9},  {admission_limit, 10},
                         {endpoint_latency_p99, 3}, {endpoint_latency_p50, 1}};
  // Little's law: 100/s for 50 ms each are five at a time.
  EXPECT_EQ(evaluate("endpoint.rate * endpoint.latency_avg > 4.9", values), true);
  EXPECT_EQ(evaluate("endpoint.latency_avg * endpoint.rate > 5.1", values), false);
  EXPECT_EQ(evaluate("admission.in_flight / admission.limit > 85%", values), true);
  EXPECT_EQ(evaluate("admission.in_flight / admission.limit > 0.95", values), false);
  EXPECT_EQ(evaluate("admission.in_flight > admission.limit * 80%", values), true);
  EXPECT_EQ(evaluate("endpoint.latency_p99 / endpoint.latency_p50 > 2.5", values), true);
  EXPECT_EQ(evaluate("endpoint.latency_p99 > 2 * endpoint.latency_p50", values), true);
  EXPECT_EQ(evaluate("endpoint.latency_p99 - endpoint.latency_p50 == 2s", values), true);
  EXPECT_EQ(evaluate("admission.limit / endpoint.rate == 100ms", values), true);
  EXPECT_EQ(evaluate("admission.limit / 2s == 5/s", values), true);
  EXPECT_EQ(evaluate("endpoint.latency_p99 / 3 == 1s", values), true);
  EXPECT_EQ(evaluate("max(5s, endpoint.latency_p99) == 5s", values), true);
}

TEST(ThreeValuedLogic, LetsAKnownSideDecide) {
  // cpu.utilization is known and high; memory.utilization is missing.
  const Values values = {{cpu_utilization, 0.95}};
  const std::string high = "cpu.utilization > 90%";
  const std::string low = "cpu.utilization < 90%";
  const std::string unknown = "memory.utilization > 50%";
  EXPECT_EQ(evaluate(high + " or " + unknown, values), true);
  EXPECT_EQ(evaluate(unknown + " or " + high, values), true);
  EXPECT_EQ(evaluate(low + " and " + unknown, values), false);
  EXPECT_EQ(evaluate(unknown + " and " + low, values), false);
  EXPECT_EQ(evaluate(high + " and " + unknown, values), std::nullopt);
  EXPECT_EQ(evaluate(low + " or " + unknown, values), std::nullopt);
  EXPECT_EQ(evaluate("not " + unknown, values), std::nullopt);
  EXPECT_EQ(evaluate("(" + unknown + ") == true", values), std::nullopt);
  EXPECT_EQ(evaluate("max(cpu.utilization, memory.utilization) > 10%", values), std::nullopt);
}

TEST(ThreeValuedLogic, TakesOnlyGoodAndInjectedReadings) {
  const auto expression = parse("cpu.utilization > 90%");
  const auto with = [&](Quality quality) {
    const SignalValues values = values_of({{cpu_utilization, 0.95}}, quality);
    return expression->evaluate({&values, nullptr});
  };
  EXPECT_EQ(with(Quality::good), true);
  EXPECT_EQ(with(Quality::injected), true);
  EXPECT_EQ(with(Quality::stale), std::nullopt);
  EXPECT_EQ(with(Quality::missing), std::nullopt);
}

TEST(ThreeValuedLogic, TakesWhatIsNotFiniteAsUnknown) {
  EXPECT_EQ(evaluate("cpu.utilization > 90%",
                     {{cpu_utilization, std::numeric_limits<double>::infinity()}}),
            std::nullopt);
  EXPECT_EQ(evaluate("admission.in_flight / admission.limit > 0.5",
                     {{admission_in_flight, 1}, {admission_limit, 0}}),
            std::nullopt);
  EXPECT_EQ(evaluate("admission.limit * admission.limit > 1", {{admission_limit, 1e200}}),
            std::nullopt);
}

TEST(Scope, AnEndpointSignalIsUnknownWithoutAnEndpoint) {
  const auto expression = parse("endpoint.rate > 1/s");
  const SignalValues values = values_of({{endpoint_rate, 5}});
  EXPECT_EQ(expression->evaluate({&values, nullptr}), std::nullopt);
  EXPECT_EQ(expression->evaluate({&values, &values}), true);
}

TEST(Expression, ListsItsSignalsOnceInOrderOfAppearance) {
  const auto expression = parse(
      "memory.utilization > 80% and (cpu.utilization > 90% or memory.utilization > 90%) "
      "and endpoint.rate > 1/s");
  EXPECT_EQ(expression->signals(),
            (std::vector<SignalId>{memory_utilization, cpu_utilization, endpoint_rate}));
  EXPECT_TRUE(expression->reads_endpoint());
  EXPECT_FALSE(parse("cpu.utilization > 90%")->reads_endpoint());
  EXPECT_EQ(parse("  cpu.utilization>90%")->text(), "  cpu.utilization>90%");
}

TEST(Expression, ExplainsValuesInTheirUnits) {
  const auto expression =
      parse("endpoint.latency_p95 > 2s and endpoint.rate > 1/s and network.sent > 1MiB/s");
  const SignalValues values = values_of({{endpoint_latency_p95, 2.31}, {network_sent, 1572864}});
  EXPECT_EQ(expression->explain_values({&values, &values}),
            "endpoint.latency_p95 = 2.31s, endpoint.rate = missing, network.sent = 1.5MiB/s");
  const SignalValues injected = values_of({{cpu_utilization, 0.963}}, Quality::injected);
  EXPECT_EQ(parse("cpu.utilization > 0.9")->explain_values({&injected, nullptr}),
            "cpu.utilization = 96.3% (injected)");
  const SignalValues stale = values_of({{cpu_utilization, 0.5}}, Quality::stale);
  EXPECT_EQ(parse("cpu.utilization > 0.9")->explain_values({&stale, nullptr}),
            "cpu.utilization = 50% (stale)");
}

TEST(FormatValue, WritesValuesInAReadableScale) {
  struct Format {
    double value;
    Unit unit;
    const char* expected;
  };
  for (const Format& test : {
           Format{2.31, Unit::duration, "2.31s"},
           Format{0.35, Unit::duration, "350ms"},
           Format{0.9999996, Unit::duration, "1s"},
           Format{0.0000021, Unit::duration, "2.1us"},
           Format{120, Unit::duration, "2m"},
           Format{90, Unit::duration, "1.5m"},
           Format{7200, Unit::duration, "2h"},
           Format{172800, Unit::duration, "2d"},
           Format{0, Unit::duration, "0s"},
           Format{-1.5, Unit::duration, "-1.5s"},
           Format{0.852, Unit::ratio, "85.2%"},
           Format{1, Unit::ratio, "100%"},
           Format{0.0005, Unit::ratio, "0.05%"},
           Format{1.5 * 1024 * 1024, Unit::bytes, "1.5MiB"},
           Format{512, Unit::bytes, "512B"},
           Format{0, Unit::bytes, "0B"},
           Format{12, Unit::rate, "12/s"},
           Format{1234.56, Unit::rate, "1235/s"},
           Format{3, Unit::number, "3"},
           Format{0.1 + 0.2, Unit::number, "0.3"},
           Format{1, Unit::boolean, "true"},
           Format{std::numeric_limits<double>::quiet_NaN(), Unit::ratio, "unknown"},
       }) {
    EXPECT_EQ(format_value(test.value, test.unit), test.expected);
  }
  EXPECT_LT(format_value(1e300, Unit::number).size(), 20U);
  EXPECT_LT(format_value(1e-300, Unit::duration).size(), 30U);
}

TEST(SignalCatalogue, FindsEverySignalByItsName) {
  for (std::size_t i = 0; i < signal_count; ++i) {
    const auto id = static_cast<SignalId>(i);
    const SignalInfo& info = signal_info(id);
    EXPECT_EQ(find_signal(info.name), id);
    EXPECT_EQ(info.name.starts_with("endpoint."), info.scope == SignalScope::endpoint);
    EXPECT_FALSE(info.help.empty());
  }
  EXPECT_EQ(find_signal("cpu"), std::nullopt);
}

}  // namespace
}  // namespace homeostat::rules::testing
