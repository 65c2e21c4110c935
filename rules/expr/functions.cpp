#include "rules/expr/functions.hpp"

#include <array>

namespace homeostat::rules {
namespace {

constexpr std::array<Function, 8> functions{{
    {"abs", 1, 1, Operation::absolute, std::nullopt, ""},
    {"avg", 2, 2, std::nullopt, WindowFunction::average, "avg(cpu.utilization, 5m)"},
    {"max", 2, 16, Operation::maximum, WindowFunction::maximum, "max(cpu.utilization, 5m)"},
    {"min", 2, 16, Operation::minimum, WindowFunction::minimum, "min(cpu.utilization, 5m)"},
    {"predict", 3, 3, std::nullopt, WindowFunction::predict,
     "predict(memory.utilization, 30m, 1h): the value in an hour by the line of 30 minutes"},
    {"quantile", 2, 3, std::nullopt, WindowFunction::quantile,
     "quantile(endpoint.latency_avg, 10m, 95%)"},
    {"rate", 2, 2, std::nullopt, WindowFunction::rate, "rate(scrape.jobs_total, 5m)"},
    {"trend", 2, 2, std::nullopt, WindowFunction::trend,
     "trend(memory.utilization, 10m): the change over ten minutes"},
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

std::string_view name_of(WindowFunction function) noexcept {
  for (const Function& row : functions) {
    if (row.window == function) return row.name;
  }
  return "?";
}

}  // namespace homeostat::rules
