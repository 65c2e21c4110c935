#include "rules/expr/node_builder.hpp"

#include <algorithm>
#include <cmath>

#include "rules/expr/arithmetic.hpp"

namespace homeostat::rules {
namespace {

const char* verb_of(Operation operation) {
  if (is_comparison(operation)) return "compare";
  return operation == Operation::add ? "add" : "subtract";
}

bool is_logic(Operation operation) {
  return operation == Operation::logical_and || operation == Operation::logical_or;
}

bool is_ordering(Operation operation) {
  return operation >= Operation::less && operation <= Operation::greater_equal;
}

}  // namespace

std::nullopt_t NodeBuilder::fail(Span span, std::string message) {
  error_ = {span.begin, std::max<std::size_t>(1, span.end - span.begin), std::move(message)};
  return std::nullopt;
}

bool NodeBuilder::require_boolean(NodeIndex index, const std::string& user) {
  const Node& node = ast_[index];
  if (node.type.unit == Unit::boolean) return true;
  fail({node.begin, node.end}, user + " needs true or false, this is a " + name_of(node.type) +
                                   "; compare it with something, as in 'cpu.utilization > 90%'");
  return false;
}

std::optional<NodeIndex> NodeBuilder::unary(Operation operation, NodeIndex operand, Span token,
                                            std::size_t begin) {
  const Node& inner = ast_[operand];
  if (operation == Operation::logical_not) {
    if (!require_boolean(operand, "'not'")) return std::nullopt;
  } else if (inner.type.unit == Unit::boolean) {
    return fail({inner.begin, inner.end}, operation == Operation::negate
                                              ? "cannot take the negative of a boolean"
                                              : "abs needs a number with or without unit");
  }
  Node node{.operation = operation, .type = inner.type, .left = operand, .right = operand};
  node.begin = begin;
  node.end = inner.end;
  return fold(node, token);
}

std::optional<TypeResult> NodeBuilder::type_of(Operation operation, Node& left, Node& right) {
  if (operation == Operation::multiply) return multiplied(left, right);
  if (operation == Operation::divide) return divided(left, right);
  const bool both_boolean = left.type.unit == Unit::boolean && right.type.unit == Unit::boolean;
  if (both_boolean && is_ordering(operation)) {
    return TypeError{nullptr, "booleans have no order; only == and != apply"};
  }
  if (both_boolean && !is_comparison(operation)) {
    return TypeError{nullptr, std::string("cannot ") + verb_of(operation) + " booleans"};
  }
  return unify(left, right, verb_of(operation), is_comparison(operation) ? "with" : "and");
}

std::optional<NodeIndex> NodeBuilder::binary(Operation operation, NodeIndex left, NodeIndex right,
                                             Span token) {
  Node node{.operation = operation, .type = {}, .left = left, .right = right};
  node.begin = ast_[left].begin;
  node.end = ast_[right].end;
  if (is_logic(operation)) {
    const std::string user = operation == Operation::logical_and ? "'and'" : "'or'";
    if (!require_boolean(left, user) || !require_boolean(right, user)) return std::nullopt;
    node.type = {Unit::boolean, false};
    return ast_.push(node);
  }
  const auto type = type_of(operation, ast_.nodes[left], ast_.nodes[right]);
  return finish(node, *type, token);
}

std::optional<NodeIndex> NodeBuilder::joined(Operation operation, NodeIndex left, NodeIndex right,
                                             Span token, const std::string& name) {
  for (const NodeIndex index : {left, right}) {
    if (ast_[index].type.unit == Unit::boolean) {
      return fail({ast_[index].begin, ast_[index].end},
                  name + " needs numbers with or without unit, this is a boolean");
    }
  }
  Node node{.operation = operation, .type = {}, .left = left, .right = right};
  node.begin = token.begin;
  node.end = ast_[right].end;
  const std::string verb = "take the " + name + " of";
  return finish(node, unify(ast_.nodes[left], ast_.nodes[right], verb.c_str(), "and"), token);
}

std::optional<NodeIndex> NodeBuilder::finish(Node node, const TypeResult& type, Span token) {
  if (const auto* error = std::get_if<TypeError>(&type)) {
    const Span span = error->at != nullptr ? Span{error->at->begin, error->at->end} : token;
    return fail(span, error->message);
  }
  if (is_comparison(node.operation)) {
    node.type = {Unit::boolean, false};
    return ast_.push(node);
  }
  node.type = std::get<Type>(type);
  return fold(node, token);
}

std::optional<NodeIndex> NodeBuilder::fold(Node node, Span token) {
  const Node& left = ast_[node.left];
  const Node& right = ast_[node.right];
  const bool constant = left.operation == Operation::constant &&
                        right.operation == Operation::constant && node.type.unit != Unit::boolean;
  if (!constant) return ast_.push(node);
  const double value = is_unary(node.operation)
                           ? apply_unary(node.operation, left.value)
                           : apply_binary(node.operation, left.value, right.value);
  if (!std::isfinite(value)) {
    return fail(token, node.operation == Operation::divide && right.value == 0
                           ? "division by zero"
                           : "the result is too large");
  }
  // 1/2 is as bare as 0.5.
  return ast_.push({.operation = Operation::constant,
                    .type = {node.type.unit, false},
                    .value = value,
                    .begin = node.begin,
                    .end = node.end});
}

}  // namespace homeostat::rules
