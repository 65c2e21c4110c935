// Functions over the past, signals selected by labels, and macros.
#include <array>
#include <span>
#include <vector>

#include "counted_allocations.hpp"
#include "expression_helpers.hpp"
#include "rules/expr/labelled_signals.hpp"
#include "rules/expr/macros.hpp"

namespace homeostat::rules::testing {
namespace {

using namespace std::chrono_literals;
using enum SignalId;

/// A scene with a past, second by second.
class Past {
 public:
  Past()
      : global_(first_endpoint_signal, global_history),
        endpoint_(endpoint_signal_count, endpoint_history) {}

  Past& global(SignalId id, const std::vector<double>& values) { return play(id, values, false); }
  Past& endpoint(SignalId id, const std::vector<double>& values) { return play(id, values, true); }
  Past& labelled(const Selector& selector, const std::vector<double>& values) {
    labelled_.want(std::array{selector});
    for (const double value : values) {
      now_ += 1s;
      const LabelledReading reading{selector.key, {value, now_, Quality::good, "test"}};
      labelled_.take(now_, {&reading, 1});
    }
    return *this;
  }
  [[nodiscard]] Scene scene() const {
    return {&global_values_, &endpoint_values_, &global_, &endpoint_, &labelled_};
  }
  [[nodiscard]] std::optional<bool> evaluate(std::string_view text) const {
    return parse(text)->evaluate(scene());
  }

 private:
  Past& play(SignalId id, const std::vector<double>& values, bool endpoint) {
    SignalValues& now = endpoint ? endpoint_values_ : global_values_;
    for (const double value : values) {
      now[static_cast<std::size_t>(id)] = {value, {}, Quality::good, "test"};
      now_ += 1s;
      if (endpoint) {
        endpoint_.push(now_, std::span(now).subspan(first_endpoint_signal));
      } else {
        global_.push(now_, now);
      }
    }
    return *this;
  }

  Instant now_{1000s};
  SignalValues global_values_{}, endpoint_values_{};
  SeriesGroup global_, endpoint_;
  LabelledSignals labelled_;
};

Selector selector(std::string_view text) {
  const auto expression = parse(std::string(text) + " == " + std::string(text));
  return expression->selectors().empty() ? Selector{} : expression->selectors().front();
}

TEST(WindowExpression, LooksBackOverGlobalAndEndpointSignals) {
  Past past;
  past.global(cpu_utilization, {0.25, 0.5, 0.75, 1});
  past.endpoint(endpoint_latency_p95, {1, 2, 3, 4});
  EXPECT_EQ(past.evaluate("avg(cpu.utilization, 4s) == 62.5%"), true);
  EXPECT_EQ(past.evaluate("max(cpu.utilization, 2s) == 100%"), true);
  EXPECT_EQ(past.evaluate("min(endpoint.latency_p95, 3s) == 2s"), true);
  EXPECT_EQ(past.evaluate("trend(endpoint.latency_p95, 4s) > 3.9s"), true);
  EXPECT_EQ(past.evaluate("predict(endpoint.latency_p95, 4s, 10s) > 13.9s"), true);
  EXPECT_EQ(past.evaluate("quantile(endpoint.latency_p95, 4s, 50%) == 2s"), true);
  EXPECT_EQ(past.evaluate("quantile(endpoint.latency_p95, 4s) == 4s"), true);
  EXPECT_EQ(past.evaluate("cpu.utilization == avg(cpu.utilization, 4s) * 1.6"), true);
}

TEST(WindowExpression, IsUnknownWithoutEnoughPast) {
  Past past;
  past.global(cpu_utilization, {0.9, 0.9});
  EXPECT_EQ(past.evaluate("avg(cpu.utilization, 10s) > 50%"), std::nullopt);
  EXPECT_EQ(past.evaluate("avg(memory.utilization, 2s) > 50%"), std::nullopt);
  EXPECT_EQ(evaluate("avg(cpu.utilization, 2s) > 50%", {{cpu_utilization, 0.9}}), std::nullopt);
}

TEST(WindowExpression, TellsTheLargerOfTwoFromTheHighestOfAWindow) {
  Past past;
  past.endpoint(endpoint_latency_p99, {9, 1, 1});
  EXPECT_EQ(past.evaluate("max(endpoint.latency_p99, 3s) == 9s"), true);
  EXPECT_EQ(past.evaluate("max(3s, endpoint.latency_p99) == 3s"), true);
  EXPECT_EQ(past.evaluate("max(endpoint.latency_p99, 3s, 2s) == 3s"), true);
}

TEST(WindowExpression, IsShownWithItsValue) {
  Past past;
  past.global(memory_utilization, {0.5, 0.52, 0.54, 0.56});
  const auto expression = parse("trend(memory.utilization, 4s) > 5% and memory.utilization > 50%");
  EXPECT_EQ(expression->explain_values(past.scene()),
            "trend(memory.utilization, 4s) = 8%, memory.utilization = 56%");
  EXPECT_EQ(expression->signals(), (std::vector<SignalId>{memory_utilization}));
}

TEST(WindowExpression, KeepsItsWindowInTheDefaultUntil) {
  const auto until = [](std::string_view text) {
    return parse(text)->negated_with_margin(0.1)->text();
  };
  EXPECT_EQ(until("avg(cpu.utilization, 90s) > 80%"), "avg(cpu.utilization, 1.5m) < 72%");
  EXPECT_EQ(until("predict(memory.utilization, 30m, 1h) > 95%"),
            "predict(memory.utilization, 30m, 1h) < 85.5%");
  EXPECT_EQ(until("quantile(endpoint.latency_avg, 10m, 0.9) > 1s"),
            "quantile(endpoint.latency_avg, 10m, 90%) < 900ms");
  // A trend may be negative, so that a scaled bound might move the wrong way.
  EXPECT_EQ(until("endpoint.rate > trend(endpoint.rate, 5m)"),
            "endpoint.rate <= trend(endpoint.rate, 5m)");
}

TEST(WindowExpression, AllocatesNothingToEvaluate) {
  Past past;
  past.global(cpu_utilization, std::vector<double>(300, 0.5));
  past.endpoint(endpoint_latency_p95, std::vector<double>(300, 2.0));
  const auto expression = parse(
      "avg(cpu.utilization, 5m) > 40% and quantile(endpoint.latency_p95, 2m) > 1s and "
      "trend(cpu.utilization, 2m) < 5% and scrape.pool > 1");
  const Scene scene = past.scene();
  const std::size_t before = allocations();
  for (int i = 0; i < 100; ++i) (void)expression->evaluate(scene);
  EXPECT_EQ(allocations(), before);
}

TEST(SelectedSignal, TakesItsUnitFromTheMetricsName) {
  EXPECT_EQ(selector("scrape.db_pool_in_use").unit, Unit::number);
  EXPECT_EQ(selector("scrape.query_seconds_max").unit, Unit::duration);
  EXPECT_EQ(selector("scrape.heap_bytes").unit, Unit::bytes);
  EXPECT_EQ(selector("scrape.gc_ratio").unit, Unit::ratio);
  EXPECT_EQ(selector("scrape.requests_total").unit, Unit::number);
  EXPECT_EQ(selector("scrape.request_seconds_count").unit, Unit::number);
  EXPECT_EQ(selector("slo.burn").unit, Unit::number);
}

TEST(SelectedSignal, IsReadByNameAndLabels) {
  const Selector main = selector("scrape.pool{ state != \"idle\", name = \"main\" }");
  EXPECT_EQ(main.text, "scrape.pool{name=\"main\",state!=\"idle\"}");
  Past past;
  past.labelled(main, {3, 4, 5});
  EXPECT_EQ(past.evaluate("scrape.pool{name=\"main\",state!=\"idle\"} == 5"), true);
  EXPECT_EQ(past.evaluate("avg(scrape.pool{state!=\"idle\",name=\"main\"}, 3s) == 4"), true);
  EXPECT_EQ(past.evaluate("scrape.pool > 1"), std::nullopt);
  EXPECT_EQ(parse("scrape.pool{name=\"main\",state!=\"idle\"} > 4")->explain_values(past.scene()),
            "scrape.pool{name=\"main\",state!=\"idle\"} = 5");
}

TEST(SelectedSignal, CountsRatesOfCountersOnly) {
  const Selector jobs = selector("scrape.jobs_total");
  Past past;
  past.labelled(jobs, {10, 12, 14, 16});
  EXPECT_EQ(past.evaluate("rate(scrape.jobs_total, 4s) == 2/s"), true);
  EXPECT_EQ(error_of("rate(scrape.pool, 1m) > 1/s")->message,
            error_of("rate(memory.working_set, 1m) > 1MiB/s")->message);
  EXPECT_NE(error_of("rate(scrape.pool, 1m) > 1/s")->message.find("rate needs a counter"),
            std::string::npos);
  EXPECT_FALSE(error_of("rate(scrape.cpu_seconds_total, 1m) > 0.5"));
  EXPECT_FALSE(error_of("rate(scrape.sent_bytes_total, 1m) > 1MiB/s"));
}

TEST(SelectedSignal, MayBeNegativeSoThatItsUntilIsPlain) {
  EXPECT_EQ(parse("admission.limit > scrape.wanted")->negated_with_margin(0.1)->text(),
            "admission.limit <= scrape.wanted");
  EXPECT_EQ(parse("scrape.pool{a=\"b\"} > 10")->negated_with_margin(0.1)->text(),
            "scrape.pool{a=\"b\"} < 9");
}

TEST(SelectedSignal, ExplainsAWrongSelector) {
  const auto message = [](std::string_view text) {
    const auto error = error_of(text);
    return error ? std::to_string(error->offset) + ": " + error->message : "accepted";
  };
  EXPECT_EQ(message("scrape.pool{name=main} > 1"),
            "17: a label's value is written in double quotes, as in {pool=\"main\"}");
  EXPECT_EQ(message("scrape.pool{name=~\"m.*\"} > 1"),
            "16: labels are compared by '=' or '!=' with a text");
  EXPECT_EQ(message("scrape.pool{name=\"main\" > 1"), "24: expected ',' or '}' after a label");
  EXPECT_EQ(message("scrape.pool{name=\"main > 1"), "17: the closing '\"' is missing");
  EXPECT_EQ(message("scrape.pool{=\"main\"} > 1"),
            "12: expected a label's name, as in {pool=\"main\"}");
  EXPECT_EQ(message("cpu.utilization{a=\"b\"} > 1"),
            "15: labels follow a scrape.* or slo.* signal only");
  EXPECT_EQ(message("slo.brun > 2"), "0: unknown signal 'slo.brun'; did you mean 'slo.burn'?");
}

class Named : public ::testing::Test {
 protected:
  void define(const std::string& name, const std::string& text) {
    const auto error = macros.add(name, text);
    EXPECT_FALSE(error) << error->message;
  }
  [[nodiscard]] ExpressionPtr with(std::string_view text, bool allow_endpoint = true) {
    auto parsed = Expression::parse_condition(text, allow_endpoint, &macros);
    if (const auto* error = std::get_if<ExpressionError>(&parsed)) {
      last_error = *error;
      return nullptr;
    }
    return std::get<ExpressionPtr>(parsed);
  }
  Macros macros;
  ExpressionError last_error;
};

TEST_F(Named, ExpressionsStandForTheirText) {
  define("busy", "cpu.utilization > 80% or traffic.rate > 100/s");
  define("slow", "endpoint.latency_p95 > 2s");
  define("headroom", "1 - cpu.utilization / 100%");
  const auto expression = with("busy and slow");
  ASSERT_TRUE(expression);
  EXPECT_EQ(expression->text(), "busy and slow");
  EXPECT_EQ(expression->canonical(),
            "(cpu.utilization > 80% or traffic.rate > 100/s) and endpoint.latency_p95 > 2s");
  EXPECT_EQ(
      evaluate(*expression, {{cpu_utilization, 0.9}, {traffic_rate, 1}, {endpoint_latency_p95, 3}}),
      true);
  EXPECT_EQ(
      evaluate(*expression, {{cpu_utilization, 0.1}, {traffic_rate, 1}, {endpoint_latency_p95, 3}}),
      false);
  EXPECT_TRUE(with("headroom < 0.2"));
}

TEST_F(Named, ExpressionsMayUseEarlierOnesOnly) {
  define("busy", "cpu.utilization > 80%");
  define("very_busy", "busy and admission.queue_wait > 50ms");
  EXPECT_EQ(with("very_busy")->canonical(),
            "cpu.utilization > 80% and admission.queue_wait > 50ms");
  const auto error = macros.add("round", "round and busy");
  ASSERT_TRUE(error);
  EXPECT_EQ(error->message, "unknown signal 'round'");
}

TEST_F(Named, ExpressionsKeepScopeAndTypes) {
  define("slow", "endpoint.latency_p95 > 2s");
  define("lag", "endpoint.latency_p95 - endpoint.latency_p50");
  EXPECT_FALSE(with("cpu.utilization > 90% and slow", false));
  EXPECT_EQ(last_error.offset, 26U);
  EXPECT_EQ(last_error.message,
            "in macro 'slow': 'endpoint.latency_p95' exists only in rules with 'scope: endpoint'");
  EXPECT_FALSE(with("lag > 90%"));
  EXPECT_EQ(last_error.message, "cannot compare duration with ratio");
  EXPECT_FALSE(with("slwo"));
  EXPECT_EQ(last_error.message, "unknown signal 'slwo'; did you mean 'slow'?");
}

TEST_F(Named, ExpressionsNeedAPlainName) {
  for (const char* name : {"", "and", "Busy", "a.b", "9lives", "max", "a-b"}) {
    EXPECT_TRUE(macros.add(name, "true")) << name;
  }
}

TEST_F(Named, ExpressionsCannotGrowWithoutABound) {
  define("m0", "cpu.utilization > 1%");
  for (int i = 1; i < 12; ++i) {
    const std::string earlier = "m" + std::to_string(i - 1);
    define("m" + std::to_string(i), earlier + " or " + earlier);
  }
  const auto error = macros.add("m12", "m11 or m11");
  ASSERT_TRUE(error);
  EXPECT_NE(error->message.find("too large"), std::string::npos) << error->message;
}

TEST(WindowErrors, SayWhatTheFunctionTakes) {
  const auto message = [](std::string_view text) {
    const auto error = error_of(text);
    return error ? std::to_string(error->offset) + ": " + error->message : "accepted";
  };
  EXPECT_EQ(message("avg(cpu.utilization) > 90%"),
            "0: avg takes 2 arguments, as in avg(cpu.utilization, 5m)");
  EXPECT_EQ(message("avg(cpu.utilization, 5) > 90%"),
            "21: the window of avg is a duration, as in avg(cpu.utilization, 5m)");
  EXPECT_EQ(message("avg(cpu.utilization * 2, 5m) > 90%"),
            "4: avg looks back over one signal, as in avg(cpu.utilization, 5m)");
  EXPECT_EQ(message("avg(cpu.utilization, 2d) > 90%"), "21: the window of a signal is 1s to 1d");
  EXPECT_EQ(message("avg(endpoint.rate, 7h) > 1/s"),
            "19: the window of an endpoint's signal is 1s to 6h");
  EXPECT_EQ(message("avg(cpu.utilization, 100ms) > 90%"), "21: the window of a signal is 1s to 1d");
  EXPECT_EQ(message("quantile(cpu.utilization, 5m, 95) > 90%").substr(0, 32),
            "30: a quantile is 0% to 100%, as");
  EXPECT_EQ(message("predict(cpu.utilization, 5m, 2) > 90%").substr(0, 33),
            "29: predict looks 1s to 7d ahead,");
  EXPECT_EQ(message("avg(cpu.utilization, 5m) > 2s"), "25: cannot compare ratio with duration");
}

}  // namespace
}  // namespace homeostat::rules::testing
