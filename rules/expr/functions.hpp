// The table of functions an expression may call.
//
// A function works on values (abs, and min and max of several), over the
// history of one signal (avg, trend, ...), or both: min and max of a signal and
// a constant duration look back over that window.
// Thread safety: immutable data.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "rules/expr/ast.hpp"
#include "rules/history/window_function.hpp"

namespace homeostat::rules {

struct Function {
  std::string_view name;
  std::size_t arguments_min;
  std::size_t arguments_max;
  /// Of values: unary, or binary and folded from the left.
  std::optional<Operation> operation;
  std::optional<WindowFunction> window;
  std::string_view usage;  ///< of the form over a window, for messages
};

[[nodiscard]] std::optional<Function> find_function(std::string_view name) noexcept;

/// "abs, avg, max, ..." for error messages.
[[nodiscard]] std::string function_names();

/// The name a window function is written by.
[[nodiscard]] std::string_view name_of(WindowFunction function) noexcept;

}  // namespace homeostat::rules
