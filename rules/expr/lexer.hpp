// Splits an expression's text into tokens, with units folded into literals.
//
// Thread safety: one lexer per parse. Borrows the text, which must outlive it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/expr/expression.hpp"
#include "rules/expr/selector.hpp"

namespace homeostat::rules {

enum class TokenKind : std::uint8_t {
  end,
  literal,     ///< number with its unit; `value` in base units
  identifier,  ///< dotted name
  true_,
  false_,
  and_,
  or_,
  not_,
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  plus,
  minus,
  star,
  slash,
  open,
  close,
  open_brace,  ///< then labels() reads up to and with the closing one
  comma,
};

struct Token {
  TokenKind kind = TokenKind::end;
  std::size_t offset = 0;
  std::string_view text;
  double value = 0;
  Unit unit = Unit::number;

  [[nodiscard]] std::size_t end() const noexcept { return offset + text.size(); }
};

class Lexer {
 public:
  explicit Lexer(std::string_view text) noexcept : text_(text) {}

  /// The next token; `end` for ever after the last. Nothing on an error, which
  /// `error()` then describes.
  [[nodiscard]] std::optional<Token> next();
  [[nodiscard]] const ExpressionError& error() const noexcept { return error_; }

  /// The label matchers of a selector, after its opening brace. Nothing on an
  /// error.
  [[nodiscard]] std::optional<std::vector<LabelMatch>> labels();
  /// Where the next token begins, at the earliest.
  [[nodiscard]] std::size_t position() const noexcept { return position_; }

 private:
  std::optional<Token> literal();
  bool apply_unit(Token& token);
  bool apply_period(Token& token);
  Token word();
  void skip_space() noexcept;
  bool label(LabelMatch& match);
  bool quoted(std::string& value);
  std::optional<Token> symbol();
  std::optional<Token> fail(std::size_t offset, std::size_t length, std::string message);
  [[nodiscard]] char at(std::size_t position) const noexcept {
    return position < text_.size() ? text_[position] : '\0';
  }

  std::string_view text_;
  std::size_t position_ = 0;
  ExpressionError error_;
};

}  // namespace homeostat::rules
