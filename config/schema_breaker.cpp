// upstream.breaker, upstream.outliers, upstream.retry_budget.
#include "config/scalar_leaves.hpp"
#include "config/schema.hpp"
#include "config/settings/words.hpp"

namespace homeostat::config {

using namespace std::chrono_literals;

void visit_breaker(Visitor& visitor, BreakerSettings& breaker) {
  visitor.begin({"breaker"});
  visitor.leaf({"mode"}, ChoiceLeaf(breaker.mode, words::loop_mode).also(words::switch_spellings));
  visitor.leaf({"failure_ratio"}, RatioLeaf(breaker.failure_ratio, 0.05, 1));
  visitor.leaf({"slow_ratio"}, RatioLeaf(breaker.slow_ratio, 0.05, 1));
  visitor.leaf({"slow_call"}, DurationLeaf(breaker.slow_call, 10ms, 24h, "auto"));
  visitor.leaf({"volume_min"}, IntegerLeaf(breaker.volume_min, 1, 100'000));
  visitor.leaf({"unanswered_max"}, IntegerLeaf(breaker.unanswered_max, 1, 1000));
  visitor.leaf({"window"}, DurationLeaf(breaker.window, 1s, 10min));
  visitor.leaf({"probe_interval"}, DurationLeaf(breaker.probe_interval, 100ms, 1min));
  visitor.leaf({"recovery"}, DurationLeaf(breaker.recovery, 100ms, 10min));
  visitor.end();
}

void visit_outliers(Visitor& visitor, OutlierSettings& outliers) {
  visitor.begin({"outliers"});
  visitor.leaf({"interval"}, DurationLeaf(outliers.interval, 1s, 1h));
  visitor.leaf({"deviations"}, NumberLeaf(outliers.deviations, 1, 100));
  visitor.leaf({"gap_min"}, RatioLeaf(outliers.gap_min, 0.001, 1));
  visitor.leaf({"volume_min"}, IntegerLeaf(outliers.volume_min, 1, 1'000'000));
  visitor.leaf({"ejected_max"}, RatioLeaf(outliers.ejected_max, 0, 1));
  visitor.leaf({"ejection"}, DurationLeaf(outliers.ejection, 1s, 1h));
  visitor.leaf({"ejection_max"}, DurationLeaf(outliers.ejection_max, 1s, 24h));
  visitor.leaf({"panic_below"}, RatioLeaf(outliers.panic_below, 0, 1));
  visitor.end();
}

void visit_retry_budget(Visitor& visitor, RetryBudgetSettings& budget) {
  visitor.begin({"retry_budget"});
  visitor.leaf({"ratio"}, RatioLeaf(budget.ratio, 0, 1));
  visitor.leaf({"per_second_min"}, IntegerLeaf(budget.per_second_min, 0, 10'000));
  visitor.end();
}

}  // namespace homeostat::config
