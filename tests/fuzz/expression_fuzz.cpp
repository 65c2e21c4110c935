// Any bytes as a rule condition: parse, evaluate, explain, negate, re-parse.
//
// Properties: errors lie within the text; evaluation and explanation accept
// every scene; the rendering of a negation parses and is stable; a condition
// and its default `until` are never both true.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "rules/expr/expression.hpp"
#include "rules/expr/labelled_signals.hpp"

namespace {

using namespace homeostat::rules;

void require(bool condition) {
  if (!condition) std::abort();
}

SignalValues filled(double value, Quality quality) {
  SignalValues values;
  for (Reading& reading : values) reading = {value, {}, quality, "fuzz"};
  return values;
}

/// A past in which every signal had these values, one a second.
class Past {
 public:
  Past(const Expression& when, const std::array<double, 7>& values) {
    labelled_.want(when.selectors());
    for (int i = 0; i < 200; ++i) {
      const SignalValues all = filled(values[static_cast<std::size_t>(i) % 7], Quality::good);
      const Instant now{std::chrono::seconds(1000 + i)};
      global.push(now, all);
      endpoint.push(now, std::span(all).subspan(first_endpoint_signal));
      std::vector<LabelledReading> readings;
      for (const Selector& selector : when.selectors()) readings.push_back({selector.key, all[0]});
      labelled_.take(now, readings);
    }
  }
  SeriesGroup global{first_endpoint_signal, global_history};
  SeriesGroup endpoint{endpoint_signal_count, endpoint_history};
  [[nodiscard]] const LabelledSignals& labelled() const { return labelled_; }

 private:
  LabelledSignals labelled_;
};

void check_scene(const Expression& when, const Expression& until, const Scene& scene) {
  const auto fires = when.evaluate(scene);
  const auto leaves = until.evaluate(scene);
  require(!(fires == true && leaves == true));
  require(!when.explain_values(scene).empty() ||
          (when.signals().empty() && when.selectors().empty()));
}

void check_scenes(const Expression& when, const Expression& until) {
  static constexpr std::array<double, 7> samples{
      0, 0.5, 0.9, 1, 2, 1e9, std::numeric_limits<double>::quiet_NaN()};
  const SignalValues missing{};
  check_scene(when, until, {&missing, nullptr});
  for (const double value : samples) {
    const SignalValues good = filled(value, Quality::good);
    const SignalValues other = filled(value / 3, Quality::injected);
    check_scene(when, until, {&good, &other});
    check_scene(when, until, {&missing, &good});
    check_scene(when, until, {&good, nullptr});
  }
  const Past past(when, samples);
  const SignalValues now = filled(0.9, Quality::good);
  check_scene(when, until, {&now, &now, &past.global, &past.endpoint, &past.labelled()});
}

void check(std::string_view text, bool allow_endpoint) {
  const auto parsed = Expression::parse_condition(text, allow_endpoint);
  if (const auto* error = std::get_if<ExpressionError>(&parsed)) {
    require(error->offset <= text.size() && error->length >= 1 && !error->message.empty());
    return;
  }
  const auto& when = *std::get<std::shared_ptr<const Expression>>(parsed);
  require(when.text() == text && (allow_endpoint || !when.reads_endpoint()));
  const auto until = when.negated_with_margin(0.1);
  check_scenes(when, *until);
  const auto again = Expression::parse_condition(until->text(), allow_endpoint);
  if (const auto* error = std::get_if<ExpressionError>(&again)) {
    // De Morgan adds parentheses and units take room: only these may fail it.
    require(until->text().size() > Expression::text_max ||
            error->message.find("too deep") != std::string::npos);
    return;
  }
  const auto* rendered = std::get_if<std::shared_ptr<const Expression>>(&again);
  require((*rendered)->signals() == until->signals());
  require((*rendered)->selectors() == until->selectors());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check(text, true);
  check(text, false);
  return 0;
}
