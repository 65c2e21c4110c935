#include "rules/expr/macros.hpp"

#include <algorithm>
#include <array>

#include "rules/expr/expression.hpp"
#include "rules/expr/functions.hpp"
#include "rules/expr/parser.hpp"

namespace homeostat::rules {
namespace {

bool is_name(std::string_view name) {
  constexpr std::array<std::string_view, 5> keywords{"and", "or", "not", "true", "false"};
  if (name.empty() || name.size() > Macros::name_bytes_max) return false;
  if (std::find(keywords.begin(), keywords.end(), name) != keywords.end()) return false;
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !(name.front() >= '0' && name.front() <= '9') && !find_function(name) &&
         std::all_of(name.begin(), name.end(), allowed);
}

}  // namespace

std::optional<ExpressionError> Macros::add(std::string name, std::string text) {
  if (!is_name(name)) {
    return ExpressionError{0, 0,
                           "'" + name +
                               "' cannot name a macro: write lower-case letters, digits and '_', "
                               "and no word of the language"};
  }
  if (find(name) == nullptr && macros_.size() >= macros_max) {
    return ExpressionError{0, 0, "more than " + std::to_string(macros_max) + " macros"};
  }
  // A macro being replaced is no part of its own definition.
  Macros earlier;
  for (const Macro& macro : macros_) {
    if (macro.name == name) break;
    earlier.macros_.push_back(macro);
  }
  auto parsed =
      parse_to_ast(text, {.allow_endpoint = true, .condition = false, .macros = &earlier});
  if (auto* error = std::get_if<ExpressionError>(&parsed)) return std::move(*error);
  for (Macro& macro : macros_) {
    if (macro.name != name) continue;
    macro.text = std::move(text);
    return std::nullopt;
  }
  macros_.push_back({std::move(name), std::move(text)});
  return std::nullopt;
}

const std::string* Macros::find(std::string_view name) const noexcept {
  for (const Macro& macro : macros_) {
    if (macro.name == name) return &macro.text;
  }
  return nullptr;
}

std::vector<std::string_view> Macros::names() const {
  std::vector<std::string_view> names;
  for (const Macro& macro : macros_) names.push_back(macro.name);
  return names;
}

}  // namespace homeostat::rules
