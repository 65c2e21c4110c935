// The checked tree of an expression, flat: nodes in one vector, children by
// index, always before their parent.
//
// Plain data, used inside rules/expr only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "rules/expr/selector.hpp"
#include "rules/expr/signal.hpp"
#include "rules/history/window_function.hpp"

namespace homeostat::rules {

enum class Operation : std::uint8_t {
  constant,
  signal,    ///< of the catalogue
  selected,  ///< a selector's
  window,    ///< a function over the history of one of these
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
[[nodiscard]] constexpr bool is_leaf(Operation operation) noexcept {
  return operation <= Operation::window;
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
  /// For signal and window; count_ where `selector` says what is read.
  SignalId signal = SignalId::count_;
  std::uint32_t selector = 0;  ///< index into Ast::selectors
  WindowQuery query{};         ///< for Operation::window
  double value = 0;            ///< for Operation::constant
  NodeIndex left = 0;          ///< the only operand of unary operations
  NodeIndex right = 0;
  std::size_t begin = 0, end = 0;  ///< source span
};

struct Ast {
  /// Bounds what macros of macros may grow to.
  static constexpr std::size_t nodes_max = 8192;

  std::vector<Node> nodes;
  std::vector<Selector> selectors;  ///< each once
  NodeIndex root = 0;

  [[nodiscard]] const Node& operator[](NodeIndex index) const { return nodes[index]; }
  NodeIndex push(const Node& node) {
    nodes.push_back(node);
    return static_cast<NodeIndex>(nodes.size() - 1);
  }
};

}  // namespace homeostat::rules
