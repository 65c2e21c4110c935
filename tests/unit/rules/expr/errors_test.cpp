// Every error: where it points and what it advises.
#include "expression_helpers.hpp"

namespace homeostat::rules::testing {
namespace {

struct ErrorCase {
  std::string text;
  std::size_t offset;
  std::size_t length;
  std::string message;
};

void expect_error(const ErrorCase& test, bool allow_endpoint = true) {
  const auto error = error_of(test.text, allow_endpoint);
  ASSERT_TRUE(error.has_value()) << "accepted: " << test.text;
  EXPECT_EQ(error->message, test.message) << test.text;
  EXPECT_EQ(error->offset, test.offset) << test.text;
  EXPECT_EQ(error->length, test.length) << test.text;
}

TEST(UnitErrors, NameBothUnits) {
  for (const ErrorCase& test : std::initializer_list<ErrorCase>{
           {"endpoint.latency_p95 > 90%", 21, 1, "cannot compare duration with ratio"},
           {"cpu.utilization == endpoint.rate", 16, 2, "cannot compare ratio with rate"},
           {"cpu.utilization + endpoint.latency_avg > 1s", 16, 1, "cannot add ratio and duration"},
           {"memory.working_set - 5s > 1B", 19, 1, "cannot subtract size in bytes and duration"},
           {"endpoint.latency_avg * memory.working_set > 1s", 21, 1,
            "cannot multiply duration by size in bytes"},
           {"memory.working_set / endpoint.latency_avg > 1MiB", 42, 1,
            "cannot compare rate with size in bytes"},
           {"cpu.utilization / endpoint.latency_avg > 1", 16, 1, "cannot divide ratio by duration"},
           {"admission.limit > cpu.utilization", 16, 1, "cannot compare number with ratio"},
           {"max(5s, cpu.utilization) > 90%", 0, 3, "cannot take the max of duration and ratio"},
           {"cpu.utilization == true", 16, 2, "cannot compare ratio with boolean"},
       }) {
    expect_error(test);
  }
}

TEST(UnitErrors, TellHowToWriteABareLiteral) {
  for (const ErrorCase& test : std::initializer_list<ErrorCase>{
           {"cpu.utilization > 90", 18, 2,
            "90 has no unit, but the other side is a ratio: write 90% or 0.9"},
           {"cpu.utilization > 250", 18, 3,
            "250 has no unit, but the other side is a ratio: write 250%"},
           {"2 < endpoint.latency_p95", 0, 1,
            "2 has no unit, but the other side is a duration: write 2s or 2ms"},
           {"endpoint.rate > 5", 16, 1,
            "5 has no unit, but the other side is a rate: write 5/s or 5/m"},
           {"agent.memory > 100", 15, 3,
            "100 has no unit, but the other side is a size in bytes: write 100B, 100KiB or 100MiB"},
           {"endpoint.latency_avg + 1 > 2s", 23, 1,
            "1 has no unit, but the other side is a duration: write 1s or 1ms"},
           {"cpu.utilization * 2 > 90", 22, 2,
            "90 has no unit, but the other side is a ratio: write 90% or 0.9"},
           {"cpu.utilization / 2 > 90", 22, 2,
            "90 has no unit, but the other side is a ratio: write 90% or 0.9"},
           {"cpu.utilization > 9 * 10", 18, 6,
            "90 has no unit, but the other side is a ratio: write 90% or 0.9"},
       }) {
    expect_error(test);
  }
  EXPECT_FALSE(error_of("cpu.utilization > 0.9"));
  EXPECT_FALSE(error_of("cpu.utilization > 1"));
  EXPECT_FALSE(error_of("admission.limit > 90"));
}

TEST(TypeErrors, AskForAComparison) {
  for (const ErrorCase& test : std::initializer_list<ErrorCase>{
           {"cpu.utilization", 0, 15,
            "a condition needs true or false, this is a ratio; compare it with something, as in "
            "'cpu.utilization > 90%'"},
           {"true and endpoint.latency_avg", 9, 20,
            "'and' needs true or false, this is a duration; compare it with something, as in "
            "'cpu.utilization > 90%'"},
           {"5 or true", 0, 1,
            "'or' needs true or false, this is a number; compare it with something, as in "
            "'cpu.utilization > 90%'"},
           {"not 5s", 4, 2,
            "'not' needs true or false, this is a duration; compare it with something, as in "
            "'cpu.utilization > 90%'"},
           {"1 < 2 < 3", 6, 1, "comparisons cannot be chained; write 'a < b and b < c'"},
           {"1 < 2 == true", 6, 2, "comparisons cannot be chained; write 'a < b and b < c'"},
           {"(1 < 2) < 3", 8, 1, "cannot compare boolean with number"},
           {"true == not false", 8, 3, "'not' needs parentheses here, as in 'a == (not b)'"},
           {"true < false", 5, 1, "booleans have no order; only == and != apply"},
           {"true + false == true", 5, 1, "cannot add booleans"},
           {"true * 2 == 2", 5, 1, "cannot multiply boolean by number"},
           {"true / 2 == 2", 5, 1, "cannot divide boolean by number"},
           {"-true", 1, 4, "cannot take the negative of a boolean"},
           {"abs(true) == 1", 4, 4, "abs needs a number with or without unit"},
           {"min(1, true) == 1", 7, 4, "min needs numbers with or without unit, this is a boolean"},
           {"1 / 0 > 1", 2, 1, "division by zero"},
       }) {
    expect_error(test);
  }
}

TEST(NameErrors, SuggestTheNearestName) {
  for (const ErrorCase& test : std::initializer_list<ErrorCase>{
           {"cpu.utilisation > 90%", 0, 15,
            "unknown signal 'cpu.utilisation'; did you mean 'cpu.utilization'?"},
           {"true and endpoint.raet > 1/s", 9, 13,
            "unknown signal 'endpoint.raet'; did you mean 'endpoint.rate'?"},
           {"CPU.Utilization > 90%", 0, 15,
            "unknown signal 'CPU.Utilization'; did you mean 'cpu.utilization'?"},
           {"something.else > 1", 0, 14, "unknown signal 'something.else'"},
           {"max > 1", 0, 3, "unknown signal 'max'; a function needs '(' and arguments"},
           {"mean(cpu.utilization, 5m) > 90%", 0, 4,
            "unknown function 'mean'; allowed: abs, avg, max, min, predict, quantile, rate, trend"},
           {"endpoint.latency_p95 > 2sec", 24, 3,
            "unknown unit 'sec'; allowed: ns us ms s m h d, B KB MB GB KiB MiB GiB, %, /s /m /h"},
       }) {
    expect_error(test);
  }
}

TEST(NameErrors, EndpointSignalsNeedTheEndpointScope) {
  expect_error({"cpu.utilization > 90% and endpoint.rate > 1/s", 26, 13,
                "'endpoint.rate' exists only in rules with 'scope: endpoint'"},
               false);
  // No suggestion the rule could not use either.
  expect_error({"endpoint.rat > 1/s", 0, 12, "unknown signal 'endpoint.rat'"}, false);
}

TEST(SyntaxErrors, PointAtTheOffendingPiece) {
  for (const ErrorCase& test : std::initializer_list<ErrorCase>{
           {"", 0, 1, "the condition is empty"},
           {"  \t\n", 0, 1, "the condition is empty"},
           {"cpu.utilization >", 17, 1, "expected a value, signal or '(', found the end"},
           {"cpu.utilization > > 1", 18, 1, "expected a value, signal or '(', found '>'"},
           {"(cpu.utilization > 1", 20, 1, "expected ')', found the end"},
           {"cpu.utilization > 1)", 19, 1, "')' without '('"},
           {"cpu.utilization = 1", 16, 1, "write '==' to compare"},
           {"true && false", 5, 2, "write 'and' instead of '&&'"},
           {"true || false", 5, 2, "write 'or' instead of '||'"},
           {"!true", 0, 1, "write 'not' instead of '!'"},
           {"true AND false", 5, 3, "expected an operator, found 'AND'; did you mean 'and'?"},
           {"endpoint.latency_avg > 2 s", 25, 1, "write the unit without a space: '2s'"},
           {"cpu.utilization > 90 %", 21, 1, "write the unit without a space, as in 90%"},
           {"cpu.utilization > .9", 18, 1, "write a digit before the point, as in 0.5"},
           {"cpu.utilization > 0. ", 19, 1, "a digit must follow the decimal point"},
           {"admission.limit > 5 5", 20, 1, "expected an operator, found '5'"},
           {"cpu.utilization > $x", 18, 1, "unexpected '$'"},
           {"cpu.utilization \xE2\x89\xA5 1", 16, 3, "unexpected '\xE2\x89\xA5'"},
           {std::string("true\0", 5), 4, 1, "unexpected control character"},
           {"abs() > 1", 4, 1, "expected a value, signal or '(', found ')'"},
           {"abs(1, 2) > 1", 0, 3, "abs takes 1 argument"},
           {"min(1) > 1", 0, 3, "min takes 2 to 16 arguments, as in min(cpu.utilization, 5m)"},
           {"min(1, 2 > 1", 7, 5, "min needs numbers with or without unit, this is a boolean"},
           {"min(1, 2", 8, 1, "expected ',' or ')', found the end"},
           {"endpoint.latency_avg > 5s/s", 23, 4,
            "only a plain number or a size can be a rate, as in 12/s or 1MiB/s"},
       }) {
    expect_error(test);
  }
}

TEST(Limits, AreEnforcedOnBothSides) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '(') + "true" + std::string(depth, ')');
  };
  EXPECT_FALSE(error_of(nested(Expression::depth_max - 1)));
  const auto deep = error_of(nested(Expression::depth_max));
  ASSERT_TRUE(deep);
  EXPECT_EQ(deep->message, "nested too deeply (at most 64 levels)");
  EXPECT_EQ(deep->offset, Expression::depth_max);

  std::string longest = "true";
  longest.resize(Expression::text_max, ' ');
  EXPECT_FALSE(error_of(longest));
  expect_error(
      {longest + " ", Expression::text_max, 1, "the expression is longer than 4096 bytes"});

  std::string digits(400, '9');
  expect_error({"admission.limit > " + digits, 18, 400, "the number is too large or too small"});
  const std::string many = "min(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1";
  EXPECT_FALSE(error_of(many + ") == 1"));
  expect_error(
      {many + ", 1) == 1", 0, 3, "min takes 2 to 16 arguments, as in min(cpu.utilization, 5m)"});
}

TEST(Limits, ALongChainIsNotDeep) {
  std::string chain = "true";
  while (chain.size() < 4000) chain += " and true";
  EXPECT_EQ(evaluate(chain, {}), true);
  EXPECT_EQ(evaluate(*parse(chain)->negated_with_margin(0.1), {}), false);
}

}  // namespace
}  // namespace homeostat::rules::testing
