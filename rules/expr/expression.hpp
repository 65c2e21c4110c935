// A parsed and type-checked rule expression.
//
//   endpoint.latency_p95 > 2s and trend(memory.utilization, 10m) > 5%
//
// Grammar and units: docs/rule_language.md. Parsing reports the first error
// with its offset; nothing is evaluated that did not type-check. Evaluation
// allocates nothing and always terminates (no loops, depth <= depth_max).
//
// Thread safety: immutable after parse; evaluate concurrently at will.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "rules/engine/frame.hpp"
#include "rules/expr/selector.hpp"
#include "rules/expr/signal.hpp"

namespace homeostat::rules {

struct ExpressionError {
  std::size_t offset = 0;  ///< byte offset into the text, for line:column
  std::size_t length = 1;  ///< offending piece, for underlining
  std::string message;     ///< what is wrong and what is allowed
};

class LabelledSignals;
class Macros;
class SeriesGroup;
class WindowResults;

/// Where values come from during evaluation. What is null is unknown.
struct Scene {
  const SignalValues* global = nullptr;    ///< never null
  const SignalValues* endpoint = nullptr;  ///< null outside endpoint scope
  const SeriesGroup* global_past = nullptr;
  const SeriesGroup* endpoint_past = nullptr;
  const LabelledSignals* labelled = nullptr;
  WindowResults* global_windows = nullptr;  ///< null: every window is computed anew
  WindowResults* endpoint_windows = nullptr;
};

class Expression {
 public:
  static constexpr std::size_t text_max = 4096;
  static constexpr std::size_t depth_max = 64;
  static constexpr std::size_t values_bytes_max = 1000;

  /// Parses a boolean condition. `allow_endpoint` permits endpoint.* signals;
  /// `macros` are needed during the call only.
  [[nodiscard]] static std::variant<std::shared_ptr<const Expression>, ExpressionError>
  parse_condition(std::string_view text, bool allow_endpoint, const Macros* macros = nullptr);

  ~Expression();
  Expression(const Expression&) = delete;
  Expression& operator=(const Expression&) = delete;

  /// True or false; nothing while a signal it needs is not usable.
  /// `and`/`or` use three-valued logic, so that a known side may decide.
  [[nodiscard]] std::optional<bool> evaluate(const Scene& scene) const;

  /// The default `until`: the negation with every threshold comparison moved
  /// by `margin` (0.1 = 10 %) towards safety: `x > 2s` becomes `x < 1.8s`.
  [[nodiscard]] std::shared_ptr<const Expression> negated_with_margin(double margin) const;

  /// Signals it reads, now or over a window, each once, in order of appearance.
  [[nodiscard]] const std::vector<SignalId>& signals() const noexcept;
  /// The same of signals that are selected by name and labels.
  [[nodiscard]] const std::vector<Selector>& selectors() const noexcept;
  [[nodiscard]] bool reads_endpoint() const noexcept;
  /// What an evaluation costs at most: its operations, and the slots its windows look at.
  [[nodiscard]] std::size_t work() const noexcept;
  /// Signals, constants and operators, macros written out: its memory is about 0.2 KB for each.
  [[nodiscard]] std::size_t size() const noexcept;

  /// Source text (or a rendering of it for derived expressions).
  [[nodiscard]] const std::string& text() const noexcept;
  /// The whole expression in canonical form, macros expanded: two expressions
  /// with the same rendering say the same.
  [[nodiscard]] std::string canonical() const;

  /// "endpoint.latency_p95 = 2.31s, endpoint.rate = 12/s" for explanations; of many signals as
  /// many as values_bytes_max hold.
  [[nodiscard]] std::string explain_values(const Scene& scene) const;

 private:
  struct Impl;
  explicit Expression(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

/// The first `bytes_max` bytes of a longer text, "..." in the end; characters of UTF-8 stay whole.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t bytes_max);

/// "2.31s", "85.2%", "1.5MiB", "12/s", "3": a value in its unit.
[[nodiscard]] std::string format_value(double value, Unit unit);

/// Like format_value in the signal's unit, but network rates as "1.5MiB/s".
[[nodiscard]] std::string format_signal(SignalId signal, double value);

}  // namespace homeostat::rules
