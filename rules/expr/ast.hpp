// The checked tree of an expression, flat: nodes in one vector, children by
// index, always before their parent.
//
// Plain data, used inside rules/expr only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "rules/expr/signal.hpp"

namespace homeostat::rules {

enum class Operation : std::uint8_t {
  constant,
  signal,
  logical_not,
  negate,
  absolute,
  logical_and,
  logical_or,
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  add,
  subtract,
  multiply,
  divide,
  minimum,
  maximum,
};

[[nodiscard]] constexpr bool is_comparison(Operation operation) noexcept {
  return operation >= Operation::equal && operation <= Operation::greater_equal;
}
[[nodiscard]] constexpr bool is_unary(Operation operation) noexcept {
  return operation >= Operation::logical_not && operation <= Operation::absolute;
}
[[nodiscard]] constexpr bool is_binary(Operation operation) noexcept {
  return operation >= Operation::logical_and;
}

/// A unit, or for a quotient of like units a `share`, which may be compared
/// with numbers and ratios alike (in_flight / limit > 90%, p99 / p50 > 3).
struct Type {
  Unit unit = Unit::number;
  bool share = false;
  bool operator==(const Type&) const = default;
};

using NodeIndex = std::uint32_t;

struct Node {
  Operation operation = Operation::constant;
  Type type;
  SignalId signal = SignalId::count_;  ///< for Operation::signal
  double value = 0;                    ///< for Operation::constant
  NodeIndex left = 0;                  ///< the only operand of unary operations
  NodeIndex right = 0;
  std::size_t begin = 0, end = 0;  ///< source span
};

struct Ast {
  std::vector<Node> nodes;
  NodeIndex root = 0;

  [[nodiscard]] const Node& operator[](NodeIndex index) const { return nodes[index]; }
  NodeIndex push(const Node& node) {
    nodes.push_back(node);
    return static_cast<NodeIndex>(nodes.size() - 1);
  }
};

}  // namespace homeostat::rules
