#include "rules/expr/render.hpp"

#include "rules/expr/functions.hpp"
#include "rules/expr/units.hpp"

namespace homeostat::rules {
namespace {

// Binding powers as in the parser; leaves and calls bind tightest.
int power_of(const Node& node) {
  switch (node.operation) {
    case Operation::logical_or: return 1;
    case Operation::logical_and: return 2;
    case Operation::logical_not: return 3;
    case Operation::equal:
    case Operation::not_equal:
    case Operation::less:
    case Operation::less_equal:
    case Operation::greater:
    case Operation::greater_equal: return 4;
    case Operation::add:
    case Operation::subtract: return 5;
    case Operation::multiply:
    case Operation::divide: return 6;
    case Operation::negate: return 7;
    // A negative literal is written with a minus sign, so it binds like one.
    case Operation::constant: return node.value < 0 ? 7 : 8;
    default: return 8;
  }
}

const char* sign_of(Operation operation) {
  switch (operation) {
    case Operation::logical_or: return " or ";
    case Operation::logical_and: return " and ";
    case Operation::equal: return " == ";
    case Operation::not_equal: return " != ";
    case Operation::less: return " < ";
    case Operation::less_equal: return " <= ";
    case Operation::greater: return " > ";
    case Operation::greater_equal: return " >= ";
    case Operation::add: return " + ";
    case Operation::subtract: return " - ";
    case Operation::multiply: return " * ";
    case Operation::divide: return " / ";
    default: return " ? ";
  }
}

class Renderer {
 public:
  explicit Renderer(const Ast& ast) : ast_(ast) {}
  std::string run(NodeIndex node) {
    write(node, 0);
    return std::move(text_);
  }

 private:
  void write(NodeIndex index, int power_min) {
    const Node& node = ast_[index];
    const bool enclosed = power_of(node) < power_min;
    if (enclosed) text_ += '(';
    write_bare(node);
    if (enclosed) text_ += ')';
  }

  void write_bare(const Node& node) {
    switch (node.operation) {
      case Operation::constant: text_ += format_literal(node.value, node.type.unit); return;
      case Operation::signal:
      case Operation::selected: text_ += signal_name(node); return;
      case Operation::window: return write_window(node);
      case Operation::logical_not: text_ += "not "; return write(node.left, 3);
      case Operation::negate: text_ += "-"; return write(node.left, 8);
      case Operation::absolute:
      case Operation::minimum:
      case Operation::maximum: return write_call(node);
      default: break;
    }
    const int power = power_of(node);
    // Left operands may repeat the power (left-associative), except where the
    // grammar has no chains.
    write(node.left, is_comparison(node.operation) ? power + 1 : power);
    text_ += sign_of(node.operation);
    write(node.right, power + 1);
  }

  [[nodiscard]] std::string_view signal_name(const Node& node) const {
    return node.signal == SignalId::count_ ? std::string_view(ast_.selectors[node.selector].text)
                                           : signal_info(node.signal).name;
  }

  void write_window(const Node& node) {
    const WindowQuery& query = node.query;
    const auto seconds = static_cast<double>(query.window.count());
    text_.append(name_of(query.function)).append("(").append(signal_name(node));
    text_ += ", " + format_literal(seconds, Unit::duration);
    if (query.function == WindowFunction::predict) {
      text_ += ", " + format_literal(query.parameter, Unit::duration);
    } else if (query.function == WindowFunction::quantile) {
      text_ += ", " + format_literal(query.parameter, Unit::ratio);
    }
    text_ += ')';
  }

  void write_call(const Node& node) {
    text_ += node.operation == Operation::absolute  ? "abs("
             : node.operation == Operation::minimum ? "min("
                                                    : "max(";
    // max(signal, 5s) would look back over five seconds.
    const bool turned =
        node.operation != Operation::absolute && ast_[node.right].operation == Operation::constant;
    write(turned ? node.right : node.left, 0);
    if (node.operation != Operation::absolute) {
      text_ += ", ";
      write(turned ? node.left : node.right, 0);
    }
    text_ += ')';
  }

  const Ast& ast_;
  std::string text_;
};

}  // namespace

std::string render(const Ast& ast) { return Renderer(ast).run(ast.root); }

std::string render(const Ast& ast, NodeIndex node) { return Renderer(ast).run(node); }

}  // namespace homeostat::rules
