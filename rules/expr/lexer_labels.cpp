#include "rules/expr/lexer.hpp"

namespace homeostat::rules {
namespace {

bool is_label_word(char c, bool first) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  return letter || (!first && c >= '0' && c <= '9');
}

}  // namespace

bool Lexer::quoted(std::string& value) {
  const std::size_t begin = position_;
  if (at(position_) != '"') {
    fail(position_, 1, "a label's value is written in double quotes, as in {pool=\"main\"}");
    return false;
  }
  for (++position_; position_ < text_.size() && text_[position_] != '"'; ++position_) {
    char c = text_[position_];
    if (c == '\\') {
      c = at(++position_);
      if (c == 'n') c = '\n';
    }
    if (c == '\0') break;
    value += c;
  }
  if (at(position_) != '"') {
    fail(begin, text_.size() - begin, "the closing '\"' is missing");
    return false;
  }
  ++position_;
  if (value.size() <= Selector::label_bytes_max) return true;
  fail(begin, position_ - begin,
       "a label's value has at most " + std::to_string(Selector::label_bytes_max) + " bytes");
  return false;
}

bool Lexer::label(LabelMatch& match) {
  skip_space();
  const std::size_t begin = position_;
  while (is_label_word(at(position_), position_ == begin)) ++position_;
  match.name = text_.substr(begin, position_ - begin);
  if (match.name.empty() || match.name.size() > Selector::label_bytes_max) {
    fail(begin, 1, "expected a label's name, as in {pool=\"main\"}");
    return false;
  }
  skip_space();
  match.equal = at(position_) != '!';
  if (!match.equal) ++position_;
  if (at(position_) != '=' || at(position_ + 1) == '~') {
    fail(position_, 1, "labels are compared by '=' or '!=' with a text");
    return false;
  }
  ++position_;
  skip_space();
  return quoted(match.value);
}

std::optional<std::vector<LabelMatch>> Lexer::labels() {
  std::vector<LabelMatch> matches;
  while (true) {
    skip_space();
    if (at(position_) == '}' && matches.empty()) break;
    LabelMatch match;
    if (!label(match)) return std::nullopt;
    matches.push_back(std::move(match));
    if (matches.size() > Selector::labels_max) {
      fail(position_, 1, "at most " + std::to_string(Selector::labels_max) + " labels");
      return std::nullopt;
    }
    skip_space();
    if (at(position_) == '}') break;
    if (at(position_) != ',') {
      fail(position_, 1, "expected ',' or '}' after a label");
      return std::nullopt;
    }
    ++position_;
  }
  ++position_;
  return matches;
}

}  // namespace homeostat::rules
