#include "rules/expr/negation.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

namespace homeostat::rules {
namespace {

Operation complement(Operation comparison) {
  switch (comparison) {
    case Operation::equal: return Operation::not_equal;
    case Operation::not_equal: return Operation::equal;
    case Operation::less: return Operation::greater_equal;
    case Operation::less_equal: return Operation::greater;
    case Operation::greater: return Operation::less_equal;
    default: return Operation::less;
  }
}

/// The comparison with its sides swapped: a < b is b > a.
Operation mirrored(Operation comparison) {
  switch (comparison) {
    case Operation::less: return Operation::greater;
    case Operation::less_equal: return Operation::greater_equal;
    case Operation::greater: return Operation::less;
    case Operation::greater_equal: return Operation::less_equal;
    default: return comparison;
  }
}

bool asks_for_less(Operation comparison) {
  return comparison == Operation::less || comparison == Operation::less_equal;
}

class Negator {
 public:
  Negator(const Ast& source, double margin) : source_(source), margin_(margin) {
    result_.nodes.reserve(source.nodes.size() + 8);
    result_.selectors = source.selectors;
  }

  Ast run() {
    result_.root = rewrite(source_.root, true);
    return std::move(result_);
  }

 private:
  NodeIndex copy(NodeIndex index) {
    Node node = source_[index];
    if (is_unary(node.operation)) {
      node.left = node.right = copy(node.left);
    } else if (is_binary(node.operation)) {
      node.left = copy(node.left);
      node.right = copy(node.right);
    }
    return result_.push(node);
  }

  /// `negative`: the negation of the subtree is wanted. A subtree under `not`
  /// inside the negation keeps its sense, but its threshold moves all the same.
  NodeIndex rewrite(NodeIndex index, bool negative) {
    Node node = source_[index];
    switch (node.operation) {
      case Operation::logical_not: return rewrite(node.left, !negative);
      case Operation::logical_and:
      case Operation::logical_or:
        if (negative) {
          node.operation = node.operation == Operation::logical_and ? Operation::logical_or
                                                                    : Operation::logical_and;
        }
        node.left = rewrite(node.left, negative);
        node.right = rewrite(node.right, negative);
        return result_.push(node);
      case Operation::constant:
        if (negative) node.value = node.value == 0 ? 1 : 0;
        return result_.push(node);
      default: return compare(node, negative);
    }
  }

  NodeIndex compare(Node node, bool negative) {
    if (negative) node.operation = complement(node.operation);
    const bool equality =
        node.operation == Operation::equal || node.operation == Operation::not_equal;
    const bool ratio = is_ratio(node.left) || is_ratio(node.right);
    const bool left_constant = source_[node.left].operation == Operation::constant;
    if (!equality && !left_constant && source_[node.right].operation == Operation::constant) {
      return shifted_constant(node, node.left, node.right, node.operation, ratio);
    }
    if (!equality && left_constant) {
      return shifted_constant(node, node.right, node.left, mirrored(node.operation), ratio);
    }
    // A ratio scaled upwards might ask for more than 100 %.
    const bool reachable = !ratio || asks_for_less(node.operation);
    if (!equality && reachable && margin_ > 0 && !negative_possible(node.right)) {
      return scaled(node);
    }
    node.left = copy(node.left);
    node.right = copy(node.right);
    return result_.push(node);
  }

  NodeIndex shifted_constant(Node node, NodeIndex value, NodeIndex threshold, Operation sense,
                             bool ratio) {
    Node constant = source_[threshold];
    const double before = constant.value;
    constant.value = moved(before, sense, ratio);
    // Written value first, also where the source had it the other way round.
    node.operation = sense;
    if (constant.value != before) {
      node.operation = asks_for_less(sense) ? Operation::less : Operation::greater;
    }
    node.left = copy(value);
    node.right = result_.push(constant);
    return result_.push(node);
  }

  [[nodiscard]] double moved(double threshold, Operation sense, bool ratio) const {
    const double step = margin_ * std::fabs(threshold);
    if (asks_for_less(sense)) return threshold - step;
    if (!ratio || threshold > 1) return threshold + step;
    return std::min(threshold + step, (threshold + 1) / 2);
  }

  /// x < b becomes x < b * (1 - margin); an existing constant factor absorbs it.
  NodeIndex scaled(Node node) {
    const bool less = asks_for_less(node.operation);
    const double factor = less ? 1 - margin_ : 1 + margin_;
    node.operation = less ? Operation::less : Operation::greater;
    node.left = copy(node.left);
    const NodeIndex bound = copy(node.right);
    Node& top = result_.nodes[bound];
    if (top.operation == Operation::multiply &&
        result_[top.right].operation == Operation::constant) {
      result_.nodes[top.right].value *= factor;
      node.right = bound;
      return result_.push(node);
    }
    Node product{.operation = Operation::multiply, .type = top.type, .left = bound};
    product.right = result_.push(
        {.operation = Operation::constant, .type = {Unit::number, false}, .value = factor});
    node.right = result_.push(product);
    return result_.push(node);
  }

  [[nodiscard]] bool is_ratio(NodeIndex index) const {
    const Node& node = source_[index];
    return node.type == Type{Unit::ratio, false};
  }

  [[nodiscard]] bool window_may_be_negative(const Node& node) const {
    if (node.signal == SignalId::count_) return true;
    return node.query.function == WindowFunction::trend ||
           node.query.function == WindowFunction::predict;
  }

  /// Signals are never negative; a difference may be, and so may what an
  /// application exports.
  [[nodiscard]] bool negative_possible(NodeIndex index) const {
    const Node& node = source_[index];
    switch (node.operation) {
      case Operation::constant: return node.value < 0;
      case Operation::signal:
      case Operation::absolute: return false;
      case Operation::selected:
        return source_.selectors[node.selector].name.starts_with(scrape_prefix);
      case Operation::window: return window_may_be_negative(node);
      case Operation::add:
      case Operation::multiply:
      case Operation::divide:
      case Operation::minimum:
      case Operation::maximum: return negative_possible(node.left) || negative_possible(node.right);
      default: return true;
    }
  }

  const Ast& source_;
  double margin_;
  Ast result_;
};

}  // namespace

Ast negate_with_margin(const Ast& ast, double margin) {
  const double bounded = std::isnan(margin) ? 0.0 : std::clamp(margin, 0.0, 0.9);
  return Negator(ast, bounded).run();
}

}  // namespace homeostat::rules
