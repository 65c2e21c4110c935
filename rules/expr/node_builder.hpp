// Makes checked nodes: applies the unit rules and folds constant arithmetic.
//
// Thread safety: one builder per parse.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "rules/expr/ast.hpp"
#include "rules/expr/expression.hpp"
#include "rules/expr/type_check.hpp"

namespace homeostat::rules {

/// A piece of the source text.
struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
};

class NodeBuilder {
 public:
  explicit NodeBuilder(Ast& ast) noexcept : ast_(ast) {}

  /// Each returns nothing on an error, which `error()` then describes.
  /// `token` is the operator or function name, for errors about both operands.
  std::optional<NodeIndex> unary(Operation operation, NodeIndex operand, Span token,
                                 std::size_t begin);
  std::optional<NodeIndex> binary(Operation operation, NodeIndex left, NodeIndex right, Span token);
  /// min and max; `name` is the function's, for messages.
  std::optional<NodeIndex> joined(Operation operation, NodeIndex left, NodeIndex right, Span token,
                                  const std::string& name);

  /// Checks that a node is a boolean that `user` ("'and'", ...) may take.
  bool require_boolean(NodeIndex index, const std::string& user);

  [[nodiscard]] const ExpressionError& error() const noexcept { return error_; }

 private:
  std::optional<TypeResult> type_of(Operation operation, Node& left, Node& right);
  std::optional<NodeIndex> finish(Node node, const TypeResult& type, Span token);
  std::optional<NodeIndex> fold(Node node, Span token);
  std::nullopt_t fail(Span span, std::string message);

  Ast& ast_;
  ExpressionError error_;
};

}  // namespace homeostat::rules
