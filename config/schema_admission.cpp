// admission.
#include <algorithm>

#include "config/limit_leaves.hpp"
#include "config/list_leaves.hpp"
#include "config/rows_leaf.hpp"
#include "config/schema.hpp"
#include "config/settings/words.hpp"
#include "config/text_checks.hpp"

namespace homeostat::config {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t rules_max = 200;
constexpr std::size_t limits_max = AdmissionSettings::rate_limits_max;
constexpr std::size_t fields_max = 8;
constexpr std::size_t weight_max = 1000;

/// reject_status has two values; an enumeration of numbers would not read well.
class RejectStatusLeaf final : public ScalarLeaf {
 public:
  explicit RejectStatusLeaf(int& field) : field_(field) {}
  std::string show() const override { return fmt::format("{}", field_); }
  std::string type() const override { return "status"; }
  std::string allowed() const override { return "429 or 503"; }
  void take(const Leaf& same_key) override { field_ = same_kind(*this, same_key).field_; }

 private:
  std::optional<UnitError> set(const Node& scalar) override {
    if (scalar.text != "429" && scalar.text != "503") return UnitError{"allowed is 429 or 503"};
    field_ = scalar.text == "429" ? 429 : 503;
    return std::nullopt;
  }
  int& field_;
};

void need(bool there, std::string_view what, const Node& row, const std::string& path,
          Reading& reading) {
  if (there) return;
  reading.report.error(row.place, fmt::format("`{}` needs a {}", path, what));
}

void need_path(const RequestMatch& match, const Node& row, const std::string& path,
               Reading& reading, bool clean) {
  need(!clean || !match.path.empty(), "`match` with a `path`", row, path, reading);
}

void visit_priority(Visitor& visitor, PriorityRule& rule) {
  visit_match(visitor, rule.match);
  visitor.leaf({"class"}, ChoiceLeaf(rule.priority_class, words::priority_class));
}

void check_priority(PriorityRule& rule, const Node& row, const std::string& path, Reading& reading,
                    bool clean) {
  need_path(rule.match, row, path, reading, clean);
  need(row.find("class") != nullptr, "`class`: critical, high, normal or low", row, path, reading);
}

void visit_deadline_field(Visitor& visitor, DeadlineField& field) {
  visitor.leaf({"name"}, TextLeaf(field.name, "field name", check_field_name));
  visitor.leaf({"format"}, ChoiceLeaf(field.format, words::deadline_format));
}

void check_deadline_field(DeadlineField& field, const Node& row, const std::string& path,
                          Reading& reading, bool clean) {
  need(!clean || !field.name.empty(), "`name`", row, path, reading);
  need(row.find("format") != nullptr, "`format`: grpc, time, milliseconds or seconds", row, path,
       reading);
}

void visit_deadline_route(Visitor& visitor, DeadlineRoute& route) {
  visit_match(visitor, route.match);
  visitor.leaf({"within"}, DurationLeaf(route.within, 1ms, 1h));
}

void check_deadline_route(DeadlineRoute& route, const Node& row, const std::string& path,
                          Reading& reading, bool clean) {
  need_path(route.match, row, path, reading, clean);
  need(row.find("within") != nullptr, "`within`, e.g. 2s", row, path, reading);
}

void visit_rate_limit(Visitor& visitor, RateLimitRule& rule) {
  visitor.leaf({"name"}, TextLeaf(rule.name, "name", check_identifier, TextLeaf::Show::all, 64));
  visit_match(visitor, rule.match);
  visitor.leaf({"per"}, BucketKeyLeaf(rule.per));
  visitor.leaf({"rate"}, RateLeaf(rule.rate));
  visitor.leaf({"burst"}, IntegerLeaf(rule.burst, 1, 1'000'000'000, "rate"));
  visitor.leaf({"mode"}, ChoiceLeaf(rule.mode, words::loop_mode).also(words::switch_spellings));
  visitor.leaf({"advertise"}, BoolLeaf(rule.advertise));
  visitor.leaf({"shared"}, BoolLeaf(rule.shared));
}

void check_rate_limit(RateLimitRule& rule, const Node& row, const std::string& path,
                      Reading& reading, bool clean) {
  if (!clean) return;
  need(!rule.name.empty(), "`name`", row, path, reading);
  need(rule.per.given, "`per`: all, client, tenant or route", row, path, reading);
  need(rule.rate.requests > 0, "`rate`, e.g. 100/s", row, path, reading);
}

void visit_cap(Visitor& visitor, ConcurrencyCapRule& rule) {
  visitor.leaf({"name"}, TextLeaf(rule.name, "name", check_identifier, TextLeaf::Show::all, 64));
  visit_match(visitor, rule.match);
  visitor.leaf({"max"}, IntegerLeaf(rule.max, 1, 1'000'000));
  visitor.leaf({"mode"}, ChoiceLeaf(rule.mode, words::loop_mode).also(words::switch_spellings));
}

void check_cap(ConcurrencyCapRule& rule, const Node& row, const std::string& path, Reading& reading,
               bool clean) {
  need_path(rule.match, row, path, reading, clean);
  if (!clean) return;
  need(!rule.name.empty(), "`name`", row, path, reading);
  need(rule.max > 0, "`max`", row, path, reading);
}

void visit_page_limit(Visitor& visitor, PageLimitRule& rule) {
  constexpr std::uint64_t most = 1'000'000'000'000;
  visitor.leaf({"name"}, TextLeaf(rule.name, "name", check_identifier, TextLeaf::Show::all, 64));
  visit_match(visitor, rule.match);
  visitor.leaf({"page_max"}, IntegerLeaf(rule.page_max, 1, most, "none"));
  visitor.leaf({"offset_max"}, IntegerLeaf(rule.offset_max, 1, most, "none"));
  visitor.leaf({"size_max"}, IntegerLeaf(rule.size_max, 1, most, "none"));
  visitor.leaf({"mode"}, ChoiceLeaf(rule.mode, words::loop_mode).also(words::switch_spellings));
}

void check_page_limit(PageLimitRule& rule, const Node& row, const std::string& path,
                      Reading& reading, bool clean) {
  need_path(rule.match, row, path, reading, clean);
  if (!clean) return;
  need(!rule.name.empty(), "`name`", row, path, reading);
  need(rule.page_max + rule.offset_max + rule.size_max > 0,
       "`page_max`, `offset_max` or `size_max`", row, path, reading);
}

void visit_weight(Visitor& visitor, WeightRule& rule) {
  visit_match(visitor, rule.match);
  visitor.leaf({"weight"}, IntegerLeaf(rule.weight, 1, weight_max));
}

void check_weight(WeightRule& rule, const Node& row, const std::string& path, Reading& reading,
                  bool clean) {
  need_path(rule.match, row, path, reading, clean);
  need(row.find("weight") != nullptr, "`weight`", row, path, reading);
}

void visit_stream(Visitor& visitor, StreamRule& rule) { visit_match(visitor, rule.match); }

void check_stream(StreamRule& rule, const Node& row, const std::string& path, Reading& reading,
                  bool clean) {
  need_path(rule.match, row, path, reading, clean);
}

void visit_limits(Visitor& visitor, AdmissionSettings& admission) {
  visitor.begin({"deadlines"});
  visitor.leaf({"fields"}, RowsLeaf<DeadlineField>(admission.deadlines.fields, fields_max,
                                                   visit_deadline_field, check_deadline_field));
  visitor.leaf({"routes"}, RowsLeaf<DeadlineRoute>(admission.deadlines.routes, rules_max,
                                                   visit_deadline_route, check_deadline_route));
  visitor.end();
  visitor.begin({"tenant"});
  visitor.leaf({"by"}, ChoiceLeaf(admission.tenant.by, words::tenant_key));
  visitor.leaf({"field"}, TextLeaf(admission.tenant.field, "field name", check_field_name));
  visitor.leaf({"fair_queue"}, BoolLeaf(admission.tenant.fair_queue));
  visitor.end();
  visitor.leaf({"rate_limits"}, RowsLeaf<RateLimitRule>(admission.rate_limits, limits_max,
                                                        visit_rate_limit, check_rate_limit));
  visitor.leaf({"rate_limit_buckets", Apply::restart},
               IntegerLeaf(admission.rate_limit_buckets, 64, 16'777'216));
  visitor.leaf(
      {"concurrency_caps"},
      RowsLeaf<ConcurrencyCapRule>(admission.concurrency_caps, limits_max, visit_cap, check_cap));
  visitor.leaf({"weights"},
               RowsLeaf<WeightRule>(admission.weights, rules_max, visit_weight, check_weight));
  visitor.leaf({"streams"},
               RowsLeaf<StreamRule>(admission.streams, rules_max, visit_stream, check_stream));
  visitor.leaf({"page_limits"}, RowsLeaf<PageLimitRule>(admission.page_limits, limits_max,
                                                        visit_page_limit, check_page_limit));
}

}  // namespace

void visit_admission(Visitor& visitor, AdmissionSettings& admission) {
  visitor.begin({"admission"});
  visitor.leaf({"mode", Apply::restart},
               ChoiceLeaf(admission.mode, words::loop_mode).also(words::switch_spellings));
  visitor.leaf({"max_wait", Apply::restart}, DurationLeaf(admission.max_wait, 0ms, 1min));
  visitor.leaf({"queue_max", Apply::restart}, IntegerLeaf(admission.queue_max, 0, 1'000'000));
  visitor.leaf({"limit_initial", Apply::restart}, NumberLeaf(admission.limit_initial, 1, 100'000));
  visitor.leaf({"limit_min", Apply::restart}, NumberLeaf(admission.limit_min, 1, 100'000));
  visitor.leaf({"limit_max", Apply::restart}, NumberLeaf(admission.limit_max, 1, 100'000));
  visitor.leaf({"streams_max", Apply::restart}, IntegerLeaf(admission.streams_max, 1, 1'000'000));
  visitor.leaf({"reject_status"}, RejectStatusLeaf(admission.reject_status));
  visitor.leaf({"retry_after_min", Apply::restart},
               DurationLeaf(admission.retry_after_min, 1s, 1h));
  visitor.leaf({"priorities"}, RowsLeaf<PriorityRule>(admission.priorities, rules_max,
                                                      visit_priority, check_priority));
  visit_limits(visitor, admission);
  visitor.end();
}

}  // namespace homeostat::config
