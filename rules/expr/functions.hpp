// The table of functions an expression may call.
//
// A row says how many arguments a function takes and how they are joined. The
// window functions over history (avg, rate, trend, ...) join this table as
// rows whose second argument is a constant duration.
// Thread safety: immutable data.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "rules/expr/ast.hpp"

namespace homeostat::rules {

enum class UnitRule : std::uint8_t {
  same_units,  ///< all arguments agree; the result has their unit
  keeps_unit,  ///< one argument of any unit but boolean
};

struct Function {
  std::string_view name;
  std::size_t arguments_min;
  std::size_t arguments_max;
  UnitRule unit_rule;
  Operation operation;  ///< unary, or binary and folded from the left
};

[[nodiscard]] std::optional<Function> find_function(std::string_view name) noexcept;

/// "abs, max, min" for error messages.
[[nodiscard]] std::string function_names();

}  // namespace homeostat::rules
