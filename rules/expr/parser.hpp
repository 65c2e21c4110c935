// Parses and type-checks an expression into a flat tree (Pratt's method: each
// operator binds as tightly as its precedence; docs/rule_language.md).
//
// Thread safety: pure function.
#pragma once

#include <string_view>
#include <variant>

#include "rules/expr/ast.hpp"
#include "rules/expr/expression.hpp"

namespace homeostat::rules {

class Macros;

struct ParseOptions {
  bool allow_endpoint = false;
  bool condition = true;           ///< false: any type, as macros have
  const Macros* macros = nullptr;  ///< needed during the call only
};

[[nodiscard]] std::variant<Ast, ExpressionError> parse_to_ast(std::string_view text,
                                                              const ParseOptions& options);

}  // namespace homeostat::rules
