#include "rules/expr/grammar.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "rules/expr/suggestion.hpp"
#include "rules/expr/units.hpp"

namespace homeostat::rules {
namespace {

// Binding powers, loosest first.
constexpr int power_or = 1;
constexpr int power_and = 2;
constexpr int power_not = 3;
constexpr int power_comparison = 4;
constexpr int power_sum = 5;
constexpr int power_product = 6;
constexpr int power_negative = 7;

struct Infix {
  TokenKind token;
  Operation operation;
  int power;
};
constexpr std::array<Infix, 12> infixes{{
    {TokenKind::or_, Operation::logical_or, power_or},
    {TokenKind::and_, Operation::logical_and, power_and},
    {TokenKind::equal, Operation::equal, power_comparison},
    {TokenKind::not_equal, Operation::not_equal, power_comparison},
    {TokenKind::less, Operation::less, power_comparison},
    {TokenKind::less_equal, Operation::less_equal, power_comparison},
    {TokenKind::greater, Operation::greater, power_comparison},
    {TokenKind::greater_equal, Operation::greater_equal, power_comparison},
    {TokenKind::plus, Operation::add, power_sum},
    {TokenKind::minus, Operation::subtract, power_sum},
    {TokenKind::star, Operation::multiply, power_product},
    {TokenKind::slash, Operation::divide, power_product},
}};

const Infix* find_infix(TokenKind token) {
  for (const Infix& infix : infixes) {
    if (infix.token == token) return &infix;
  }
  return nullptr;
}

}  // namespace

std::variant<Ast, ExpressionError> Grammar::run() {
  if (!advance()) return error_;
  if (token_.kind == TokenKind::end) {
    return ExpressionError{
        0, 1, options_.condition ? "the condition is empty" : "the expression is empty"};
  }
  const Parsed root = expression(0);
  if (!root) return error_;
  if (token_.kind != TokenKind::end) {
    trailing();
    return error_;
  }
  if (options_.condition && !builder_.require_boolean(*root, "a condition")) {
    return builder_.error();
  }
  ast_.root = *root;
  return std::move(ast_);
}

std::nullopt_t Grammar::fail(Span span, std::string message) {
  error_ = {span.begin, std::max<std::size_t>(1, span.end - span.begin), std::move(message)};
  return std::nullopt;
}

/// Takes over the builder's error, if any.
Parsed Grammar::checked(Parsed node) {
  if (!node) error_ = builder_.error();
  return node;
}

/// Adds a leaf; macros of macros could otherwise grow without a bound.
Parsed Grammar::push(const Node& node, Span span) {
  if (ast_.nodes.size() >= Ast::nodes_max) {
    return fail(span, "the expression is too large with its macros written out");
  }
  Node placed = node;
  placed.begin = span.begin;
  placed.end = span.end;
  return ast_.push(placed);
}

bool Grammar::advance() {
  auto token = lexer_.next();
  if (!token) {
    error_ = lexer_.error();
    return false;
  }
  token_ = *token;
  return true;
}

bool Grammar::expect(TokenKind kind, const std::string& wanted) {
  if (token_.kind != kind) {
    fail(span_of(token_), "expected " + wanted + ", found " + shown(token_));
    return false;
  }
  return advance();
}

Parsed Grammar::expression(int power_min) {
  // The guard bounds this function's recursion and the evaluation stack.
  if (++depth_ > Expression::depth_max) {
    return fail(span_of(token_),
                "nested too deeply (at most " + std::to_string(Expression::depth_max) + " levels)");
  }
  Parsed left = prefix(power_min);
  bool compared = false;
  while (left) {
    const Infix* infix = find_infix(token_.kind);
    if (infix == nullptr || infix->power <= power_min) break;
    const Token sign = token_;
    if (infix->power == power_comparison && std::exchange(compared, true)) {
      return fail(span_of(sign), "comparisons cannot be chained; write 'a < b and b < c'");
    }
    if (!advance()) return std::nullopt;
    const Parsed right = expression(infix->power);
    if (!right) return std::nullopt;
    left = checked(builder_.binary(infix->operation, *left, *right, span_of(sign)));
  }
  --depth_;
  return left;
}

Parsed Grammar::prefix(int power_min) {
  const Token token = token_;
  switch (token.kind) {
    case TokenKind::literal: return constant(token, token.value, token.unit);
    case TokenKind::true_: return constant(token, 1, Unit::boolean);
    case TokenKind::false_: return constant(token, 0, Unit::boolean);
    case TokenKind::identifier: return advance() ? name(token) : std::nullopt;
    case TokenKind::not_:
      if (power_min >= power_not) {
        return fail(span_of(token), "'not' needs parentheses here, as in 'a == (not b)'");
      }
      return unary(token, Operation::logical_not, power_not);
    case TokenKind::minus: return unary(token, Operation::negate, power_negative);
    case TokenKind::open: return parenthesised();
    default: return fail(span_of(token), "expected a value, signal or '(', found " + shown(token));
  }
}

Parsed Grammar::constant(const Token& token, double value, Unit unit) {
  if (!advance()) return std::nullopt;
  if (token_.kind == TokenKind::identifier && unit == Unit::number &&
      find_unit_suffix(token_.text)) {
    return fail(span_of(token_), "write the unit without a space: '" + std::string(token.text) +
                                     std::string(token_.text) + "'");
  }
  return push({.operation = Operation::constant, .type = {unit, false}, .value = value},
              span_of(token));
}

Parsed Grammar::unary(const Token& token, Operation operation, int power) {
  if (!advance()) return std::nullopt;
  const Parsed operand = expression(power - 1);
  if (!operand) return std::nullopt;
  return checked(builder_.unary(operation, *operand, span_of(token), token.offset));
}

Parsed Grammar::parenthesised() {
  const std::size_t begin = token_.offset;
  if (!advance()) return std::nullopt;
  const Parsed inner = expression(0);
  if (!inner) return std::nullopt;
  ast_.nodes[*inner].begin = begin;
  ast_.nodes[*inner].end = token_.end();
  if (!expect(TokenKind::close, "')'")) return std::nullopt;
  return inner;
}

/// Something stands where an operator or the end should: say why, if we can.
void Grammar::trailing() {
  static constexpr std::array<std::string_view, 3> words{"and", "or", "not"};
  std::string message = "expected an operator, found " + shown(token_);
  if (token_.kind == TokenKind::identifier) {
    const std::string_view nearest = nearest_word(token_.text, words);
    if (!nearest.empty()) message += "; did you mean '" + std::string(nearest) + "'?";
  } else if (token_.kind == TokenKind::close) {
    message = "')' without '('";
  } else if (token_.kind == TokenKind::open_brace) {
    message = "labels follow a scrape.* or slo.* signal only";
  }
  fail(span_of(token_), std::move(message));
}

std::variant<Ast, ExpressionError> parse_to_ast(std::string_view text,
                                                const ParseOptions& options) {
  if (text.size() > Expression::text_max) {
    return ExpressionError{
        Expression::text_max, text.size() - Expression::text_max,
        "the expression is longer than " + std::to_string(Expression::text_max) + " bytes"};
  }
  return Grammar(text, options).run();
}

}  // namespace homeostat::rules
