#include "rules/expr/lexer.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <string>

#include "rules/expr/units.hpp"

namespace homeostat::rules {
namespace {

// Not <cctype>: the language is ASCII whatever the locale.
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_word(char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '.'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

struct Symbol {
  std::string_view text;
  TokenKind kind;
};
// Two-character symbols first, so that the longest match wins.
constexpr std::array<Symbol, 14> symbols{{{"==", TokenKind::equal},
                                          {"!=", TokenKind::not_equal},
                                          {"<=", TokenKind::less_equal},
                                          {">=", TokenKind::greater_equal},
                                          {"<", TokenKind::less},
                                          {">", TokenKind::greater},
                                          {"+", TokenKind::plus},
                                          {"-", TokenKind::minus},
                                          {"*", TokenKind::star},
                                          {"/", TokenKind::slash},
                                          {"(", TokenKind::open},
                                          {")", TokenKind::close},
                                          {"{", TokenKind::open_brace},
                                          {",", TokenKind::comma}}};

struct Foreign {
  std::string_view text;
  std::string_view advice;
};
constexpr std::array<Foreign, 6> foreign{{{"&&", "write 'and' instead of '&&'"},
                                          {"||", "write 'or' instead of '||'"},
                                          {"=", "write '==' to compare"},
                                          {"!", "write 'not' instead of '!'"},
                                          {"%", "write the unit without a space, as in 90%"},
                                          {".", "write a digit before the point, as in 0.5"}}};

constexpr std::array<Symbol, 5> keywords{{{"and", TokenKind::and_},
                                          {"or", TokenKind::or_},
                                          {"not", TokenKind::not_},
                                          {"true", TokenKind::true_},
                                          {"false", TokenKind::false_}}};

/// Length of the UTF-8 character, so that an error underlines all of it.
std::size_t character_length(std::string_view rest) {
  std::size_t length = 1;
  while (length < rest.size() && (static_cast<unsigned char>(rest[length]) & 0xC0U) == 0x80U) {
    ++length;
  }
  return length;
}

}  // namespace

std::optional<Token> Lexer::fail(std::size_t offset, std::size_t length, std::string message) {
  error_ = {offset, length, std::move(message)};
  return std::nullopt;
}

std::optional<Token> Lexer::next() {
  skip_space();
  if (position_ >= text_.size()) return Token{.offset = text_.size(), .text = {}};
  const char c = text_[position_];
  if (is_digit(c)) return literal();
  if (is_letter(c) || c == '_') return word();
  return symbol();
}

void Lexer::skip_space() noexcept {
  while (position_ < text_.size() && is_space(text_[position_])) ++position_;
}

std::optional<Token> Lexer::literal() {
  Token token{.kind = TokenKind::literal, .offset = position_, .text = {}};
  std::size_t end = position_;
  while (is_digit(at(end))) ++end;
  if (at(end) == '.') {
    ++end;
    if (!is_digit(at(end))) return fail(end - 1, 1, "a digit must follow the decimal point");
    while (is_digit(at(end))) ++end;
  }
  const auto parsed = std::from_chars(text_.data() + position_, text_.data() + end, token.value,
                                      std::chars_format::fixed);
  if (parsed.ec != std::errc{} || !std::isfinite(token.value)) {
    return fail(position_, end - position_, "the number is too large or too small");
  }
  position_ = end;
  if (!apply_unit(token) || !apply_period(token)) return std::nullopt;
  token.text = text_.substr(token.offset, position_ - token.offset);
  if (!std::isfinite(token.value)) {
    return fail(token.offset, token.text.size(), "the number is too large");
  }
  return token;
}

bool Lexer::apply_unit(Token& token) {
  const std::size_t start = position_;
  std::size_t end = start;
  if (at(end) == '%') {
    ++end;
  } else {
    while (is_word(at(end))) ++end;
  }
  if (end == start) return true;
  const std::string_view name = text_.substr(start, end - start);
  const auto suffix = find_unit_suffix(name);
  if (!suffix) {
    fail(start, name.size(),
         "unknown unit '" + std::string(name) + "'; allowed: " + std::string(unit_suffixes_help()));
    return false;
  }
  // Dividing by the exact inverse keeps 250ms == 0.25s to the last bit.
  token.value = suffix->factor < 1 ? token.value / std::round(1 / suffix->factor)
                                   : token.value * suffix->factor;
  token.unit = suffix->unit;
  position_ = end;
  return true;
}

bool Lexer::apply_period(Token& token) {
  if (at(position_) != '/' || is_word(at(position_ + 2))) return true;
  const auto period = rate_period(text_.substr(std::min(position_ + 1, text_.size()), 1));
  if (!period) return true;
  if (token.unit != Unit::number && token.unit != Unit::bytes) {
    fail(token.offset, position_ + 2 - token.offset,
         "only a plain number or a size can be a rate, as in 12/s or 1MiB/s");
    return false;
  }
  token.value /= *period;
  token.unit = Unit::rate;
  position_ += 2;
  return true;
}

Token Lexer::word() {
  const std::size_t start = position_;
  while (is_word(at(position_))) ++position_;
  Token token{.kind = TokenKind::identifier,
              .offset = start,
              .text = text_.substr(start, position_ - start)};
  for (const Symbol& keyword : keywords) {
    if (keyword.text == token.text) token.kind = keyword.kind;
  }
  return token;
}

std::optional<Token> Lexer::symbol() {
  const std::string_view rest = text_.substr(position_);
  for (const Symbol& symbol : symbols) {
    if (!rest.starts_with(symbol.text)) continue;
    Token token{
        .kind = symbol.kind, .offset = position_, .text = rest.substr(0, symbol.text.size())};
    position_ += symbol.text.size();
    return token;
  }
  for (const Foreign& known : foreign) {
    if (rest.starts_with(known.text)) {
      return fail(position_, known.text.size(), std::string(known.advice));
    }
  }
  const std::size_t length = character_length(rest);
  const auto code = static_cast<unsigned char>(rest.front());
  const std::string shown = code < 0x20 || code == 0x7F
                                ? "control character"
                                : "'" + std::string(rest.substr(0, length)) + "'";
  return fail(position_, length, "unexpected " + shown);
}

}  // namespace homeostat::rules
