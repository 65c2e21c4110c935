// Named expressions: a rule writes `busy and slow` where its file says
//
//   macros:
//     busy: cpu.utilization > 80%
//     slow: endpoint.latency_p95 > 2s
//
// A macro may use those defined before it, so that none can use itself.
// Plain data. Thread safety: read from any thread once filled.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace homeostat::rules {

struct ExpressionError;

class Macros {
 public:
  static constexpr std::size_t macros_max = 200;
  static constexpr std::size_t name_bytes_max = 64;

  /// Adds or replaces a macro after checking it on its own (endpoint signals
  /// allowed). On an error, which points into `text` or for a bad name has
  /// length 0, nothing changes.
  [[nodiscard]] std::optional<ExpressionError> add(std::string name, std::string text);

  /// Null if there is no such macro.
  [[nodiscard]] const std::string* find(std::string_view name) const noexcept;
  [[nodiscard]] std::vector<std::string_view> names() const;
  [[nodiscard]] bool empty() const noexcept { return macros_.empty(); }

 private:
  struct Macro {
    std::string name, text;
  };
  std::vector<Macro> macros_;
};

}  // namespace homeostat::rules
