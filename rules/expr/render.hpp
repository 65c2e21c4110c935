// Writes a tree back as text with the fewest parentheses; the text parses to
// an equal tree (constants to six significant digits).
//
// Thread safety: pure function.
#pragma once

#include <string>

#include "rules/expr/ast.hpp"

namespace homeostat::rules {

[[nodiscard]] std::string render(const Ast& ast);
/// Of one node and what is below it.
[[nodiscard]] std::string render(const Ast& ast, NodeIndex node);

}  // namespace homeostat::rules
