#include "rules/expr/program.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "rules/expr/arithmetic.hpp"

namespace homeostat::rules {
namespace {

class Compiler {
 public:
  explicit Compiler(const Ast& ast) : ast_(ast) { code_.reserve(ast.nodes.size()); }

  bool run() {
    emit(ast_.root);
    return stack_max_ <= Program::stack_max;
  }
  std::vector<Instruction> take() { return std::move(code_); }

 private:
  void push(const Instruction& instruction, std::size_t consumes) {
    code_.push_back(instruction);
    stack_ = stack_ - consumes + 1;
    stack_max_ = std::max(stack_max_, stack_);
  }

  static Instruction reading(const Node& signal) {
    return {.operation = Operation::signal,
            .endpoint = signal_info(signal.signal).scope == SignalScope::endpoint,
            .signal = static_cast<std::uint8_t>(signal.signal)};
  }

  void emit(NodeIndex index) {
    const Node& node = ast_[index];
    if (node.operation == Operation::constant) {
      push({.operation = node.operation, .value = node.value}, 0);
    } else if (node.operation == Operation::signal) {
      push(reading(node), 0);
    } else if (is_unary(node.operation)) {
      emit(node.left);
      push({.operation = node.operation}, 1);
    } else if (is_comparison(node.operation) && ast_[node.left].operation == Operation::signal &&
               ast_[node.right].operation == Operation::constant) {
      Instruction fused = reading(ast_[node.left]);
      fused.operation = node.operation;
      fused.compares_signal = true;
      fused.value = ast_[node.right].value;
      push(fused, 0);
    } else {
      emit(node.left);
      emit(node.right);
      push({.operation = node.operation}, 2);
    }
  }

  const Ast& ast_;
  std::vector<Instruction> code_;
  std::size_t stack_ = 0;
  std::size_t stack_max_ = 0;
};

double read(const Instruction& instruction, const Scene& scene) noexcept {
  const SignalValues* values = instruction.endpoint ? scene.endpoint : scene.global;
  if (values == nullptr) return unknown_value;
  const Reading& reading = (*values)[instruction.signal];
  return reading.usable() && std::isfinite(reading.value) ? reading.value : unknown_value;
}

}  // namespace

std::optional<Program> Program::compile(const Ast& ast) {
  Compiler compiler(ast);
  if (!compiler.run()) return std::nullopt;
  Program program;
  program.code_ = compiler.take();
  return program;
}

double Program::run(const Scene& scene) const noexcept {
  std::array<double, stack_max> stack;  // not cleared: every read follows a write
  std::size_t top = 0;
  for (const Instruction& instruction : code_) {
    if (instruction.compares_signal) {
      stack[top++] =
          apply_comparison(instruction.operation, read(instruction, scene), instruction.value);
    } else if (instruction.operation == Operation::constant) {
      stack[top++] = instruction.value;
    } else if (instruction.operation == Operation::signal) {
      stack[top++] = read(instruction, scene);
    } else if (is_unary(instruction.operation)) {
      stack[top - 1] = apply_unary(instruction.operation, stack[top - 1]);
    } else {
      --top;
      stack[top - 1] = apply_binary(instruction.operation, stack[top - 1], stack[top]);
    }
  }
  return stack[0];
}

}  // namespace homeostat::rules
