// An expression as postfix instructions over a small fixed stack.
//
// Thread safety: immutable after compile; `run` allocates nothing, always
// terminates (one pass, no jumps) and never reads outside the stack.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "rules/expr/ast.hpp"
#include "rules/expr/expression.hpp"

namespace homeostat::rules {

struct Instruction {
  Operation operation = Operation::constant;
  /// Fused `signal <comparison> value`, by far the commonest condition; then
  /// `operation` is the comparison.
  bool compares_signal = false;
  bool endpoint = false;  ///< the signal is per endpoint
  std::uint8_t signal = 0;
  double value = 0;
};

class Program {
 public:
  static constexpr std::size_t stack_max = Expression::depth_max + 2;

  /// Nothing if it would need a deeper stack than there is.
  [[nodiscard]] static std::optional<Program> compile(const Ast& ast);

  /// 1, 0 or NaN for unknown.
  [[nodiscard]] double run(const Scene& scene) const noexcept;

 private:
  std::vector<Instruction> code_;
};

}  // namespace homeostat::rules
