// What each operation computes. Unknown values are NaN: arithmetic carries them
// on by itself, comparisons and logic are made to.
//
// Pure, inline: this is the inner loop of the rule engine.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "rules/expr/ast.hpp"

namespace homeostat::rules {

inline constexpr double unknown_value = std::numeric_limits<double>::quiet_NaN();

[[nodiscard]] inline double truth(bool value) noexcept { return value ? 1.0 : 0.0; }

/// REQUIRES: is_unary(operation).
[[nodiscard]] inline double apply_unary(Operation operation, double operand) noexcept {
  switch (operation) {
    case Operation::negate: return -operand;
    case Operation::absolute: return std::fabs(operand);
    case Operation::logical_not: return std::isnan(operand) ? operand : truth(operand == 0);
    default: return unknown_value;
  }
}

/// Kleene's three-valued logic: a false side decides `and`, a true one `or`.
[[nodiscard]] inline double apply_logic(Operation operation, double left, double right) noexcept {
  const double decisive = truth(operation == Operation::logical_or);
  if (left == decisive || right == decisive) return decisive;
  if (std::isnan(left) || std::isnan(right)) return unknown_value;
  return 1.0 - decisive;
}

[[nodiscard]] inline double apply_comparison(Operation operation, double left,
                                             double right) noexcept {
  if (std::isnan(left) || std::isnan(right)) return unknown_value;
  switch (operation) {
    case Operation::equal: return truth(left == right);
    case Operation::not_equal: return truth(left != right);
    case Operation::less: return truth(left < right);
    case Operation::less_equal: return truth(left <= right);
    case Operation::greater: return truth(left > right);
    case Operation::greater_equal: return truth(left >= right);
    default: return unknown_value;
  }
}

/// A result that is not finite (division by zero, overflow) is unknown.
[[nodiscard]] inline double apply_arithmetic(Operation operation, double left,
                                             double right) noexcept {
  if (std::isnan(left) || std::isnan(right)) return unknown_value;
  double result = unknown_value;
  switch (operation) {
    case Operation::add: result = left + right; break;
    case Operation::subtract: result = left - right; break;
    case Operation::multiply: result = left * right; break;
    case Operation::divide: result = right == 0 ? unknown_value : left / right; break;
    case Operation::minimum: result = std::min(left, right); break;
    case Operation::maximum: result = std::max(left, right); break;
    default: break;
  }
  return std::isfinite(result) ? result : unknown_value;
}

/// REQUIRES: is_binary(operation).
[[nodiscard]] inline double apply_binary(Operation operation, double left, double right) noexcept {
  if (operation <= Operation::logical_or) return apply_logic(operation, left, right);
  if (is_comparison(operation)) return apply_comparison(operation, left, right);
  return apply_arithmetic(operation, left, right);
}

}  // namespace homeostat::rules
