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
  std::uint32_t source = 0;  ///< index into the sources, for selected and window
  double value = 0;
};

/// What selected and window instructions read; apart, so that the instructions
/// of common conditions stay small.
struct Source {
  bool labelled = false;
  bool endpoint = false;
  std::size_t series = 0;  ///< in its group's history
  std::uint64_t key = 0;   ///< of the selector, if labelled, else of series and query
  WindowQuery query;

  /// Now, if `query` has no window; NaN when unknown.
  [[nodiscard]] double read(const Scene& scene) const noexcept;
};

/// REQUIRES: a selected or window node.
[[nodiscard]] Source source_of(const Ast& ast, const Node& node);

class Program {
 public:
  static constexpr std::size_t stack_max = Expression::depth_max + 2;

  /// Nothing if it would need a deeper stack than there is.
  [[nodiscard]] static std::optional<Program> compile(const Ast& ast);

  /// 1, 0 or NaN for unknown.
  [[nodiscard]] double run(const Scene& scene) const noexcept;
  /// Instructions, and the slots that windows look at.
  [[nodiscard]] std::size_t work() const noexcept;

 private:
  std::vector<Instruction> code_;
  std::vector<Source> sources_;
};

}  // namespace homeostat::rules
