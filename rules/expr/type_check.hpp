// The unit rules of the language: what may be compared, added, multiplied.
//
// Thread safety: pure functions. Errors are messages; the caller knows where.
#pragma once

#include <string>
#include <variant>

#include "rules/expr/ast.hpp"

namespace homeostat::rules {

/// `at` is the node the message is about, or null for the operator.
struct TypeError {
  const Node* at = nullptr;
  std::string message;
};

using TypeResult = std::variant<Type, TypeError>;

/// Operands that must agree: comparisons, + and -, min and max. A bare literal
/// takes the other side's unit where that is beyond doubt, and is changed to it.
/// `verb` is used as in "cannot <verb> duration with ratio".
[[nodiscard]] TypeResult unify(Node& left, Node& right, const char* verb, const char* joint);

[[nodiscard]] TypeResult multiplied(const Node& left, const Node& right);
[[nodiscard]] TypeResult divided(const Node& left, const Node& right);

/// "number", "ratio", ... as shown to people.
[[nodiscard]] std::string name_of(const Type& type);

}  // namespace homeostat::rules
