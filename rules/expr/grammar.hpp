// The parser's inside: recursive descent over one text, with the texts of
// macros in place of their names. See parser.hpp.
//
// Thread safety: one per parse.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "rules/expr/functions.hpp"
#include "rules/expr/lexer.hpp"
#include "rules/expr/macros.hpp"
#include "rules/expr/node_builder.hpp"
#include "rules/expr/parser.hpp"

namespace homeostat::rules {

using Parsed = std::optional<NodeIndex>;

[[nodiscard]] inline Span span_of(const Token& token) { return {token.offset, token.end()}; }

/// A token as errors show it.
[[nodiscard]] inline std::string shown(const Token& token) {
  return token.kind == TokenKind::end ? "the end" : "'" + std::string(token.text) + "'";
}

class Grammar {
 public:
  Grammar(std::string_view text, const ParseOptions& options)
      : lexer_(text), builder_(ast_), options_(options) {}

  std::variant<Ast, ExpressionError> run();

 private:
  // grammar.cpp: operators and what they join
  std::nullopt_t fail(Span span, std::string message);
  Parsed checked(Parsed node);
  Parsed push(const Node& node, Span span);
  bool advance();
  bool expect(TokenKind kind, const std::string& wanted);
  Parsed expression(int power_min);
  Parsed prefix(int power_min);
  Parsed constant(const Token& token, double value, Unit unit);
  Parsed unary(const Token& token, Operation operation, int power);
  Parsed parenthesised();
  void trailing();

  // grammar_names.cpp: signals, macros, functions
  Parsed name(const Token& token);
  Parsed catalogued(const Token& token, SignalId id);
  Parsed selected(const Token& token);
  Parsed expanded(const Token& token, const std::string& text);
  std::nullopt_t unknown_signal(const Token& token);
  Parsed call(const Token& token);
  Parsed apply(const Function& function, const Token& token,
               const std::vector<NodeIndex>& arguments);
  Parsed over_values(const Function& function, const Token& token,
                     const std::vector<NodeIndex>& arguments);
  Parsed over_window(const Function& function, const Token& token,
                     const std::vector<NodeIndex>& arguments);
  bool take_window(const Function& function, const Node& signal, const Node& window,
                   WindowQuery& query);
  bool take_parameter(const Function& function, const Node& parameter, WindowQuery& query);
  Parsed typed_window(Node node, const Token& token);
  [[nodiscard]] bool looks_back(const Function& function,
                                const std::vector<NodeIndex>& arguments) const;

  Lexer lexer_;
  Ast ast_;
  NodeBuilder builder_;
  ParseOptions options_;
  Token token_;
  std::size_t depth_ = 0;
  ExpressionError error_;
};

}  // namespace homeostat::rules
