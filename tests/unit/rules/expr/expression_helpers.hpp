// Shared by the expression tests: parsing that fails the test, and scenes.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "rules/expr/expression.hpp"

namespace homeostat::rules::testing {

using ExpressionPtr = std::shared_ptr<const Expression>;
using Values = std::initializer_list<std::pair<SignalId, double>>;

/// Parses or fails the test with the message; `false` stands in then.
inline ExpressionPtr parse(std::string_view text, bool allow_endpoint = true) {
  auto parsed = Expression::parse_condition(text, allow_endpoint);
  if (auto* expression = std::get_if<ExpressionPtr>(&parsed)) return *expression;
  const auto& error = std::get<ExpressionError>(parsed);
  ADD_FAILURE() << text << "\n" << std::string(error.offset, ' ') << "^ " << error.message;
  return std::get<ExpressionPtr>(Expression::parse_condition("false", false));
}

inline std::optional<ExpressionError> error_of(std::string_view text, bool allow_endpoint = true) {
  auto parsed = Expression::parse_condition(text, allow_endpoint);
  if (auto* error = std::get_if<ExpressionError>(&parsed)) return *error;
  return std::nullopt;
}

inline SignalValues values_of(Values values, Quality quality = Quality::good) {
  SignalValues out{};
  for (const auto& [id, value] : values) {
    out[static_cast<std::size_t>(id)] = {value, {}, quality, "test"};
  }
  return out;
}

/// Evaluates with the values both as global and as endpoint signals.
inline std::optional<bool> evaluate(const Expression& expression, Values values) {
  const SignalValues all = values_of(values);
  return expression.evaluate({&all, &all});
}

inline std::optional<bool> evaluate(std::string_view text, Values values) {
  return evaluate(*parse(text), values);
}

}  // namespace homeostat::rules::testing
