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
#include <string>
#include <string_view>
#include <variant>

#include "rules/expr/expression.hpp"

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

void check_scene(const Expression& when, const Expression& until, const Scene& scene) {
  const auto fires = when.evaluate(scene);
  const auto leaves = until.evaluate(scene);
  require(!(fires == true && leaves == true));
  require(!when.explain_values(scene).empty() || when.signals().empty());
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
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check(text, true);
  check(text, false);
  return 0;
}
