// Parses and type-checks a condition into a flat tree (Pratt's method: each
// operator binds as tightly as its precedence; docs/rule_language.md).
//
// Thread safety: pure function.
#pragma once

#include <string_view>
#include <variant>

#include "rules/expr/ast.hpp"
#include "rules/expr/expression.hpp"

namespace homeostat::rules {

[[nodiscard]] std::variant<Ast, ExpressionError> parse_to_ast(std::string_view text,
                                                              bool allow_endpoint);

}  // namespace homeostat::rules
