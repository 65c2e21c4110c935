#include "rules/expr/functions.hpp"

#include <array>

namespace homeostat::rules {
namespace {

constexpr std::array<Function, 3> functions{{
    {"abs", 1, 1, UnitRule::keeps_unit, Operation::absolute},
    {"max", 2, 16, UnitRule::same_units, Operation::maximum},
    {"min", 2, 16, UnitRule::same_units, Operation::minimum},
}};

}  // namespace

std::optional<Function> find_function(std::string_view name) noexcept {
  for (const Function& function : functions) {
    if (function.name == name) return function;
  }
  return std::nullopt;
}

std::string function_names() {
  std::string names;
  for (const Function& function : functions) {
    if (!names.empty()) names += ", ";
    names += function.name;
  }
  return names;
}

}  // namespace homeostat::rules
