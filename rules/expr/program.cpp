#include "rules/expr/program.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "rules/expr/arithmetic.hpp"
#include "rules/expr/labelled_signals.hpp"
#include "rules/history/window_results.hpp"

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
  std::vector<Source> take_sources() { return std::move(sources_); }

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
    } else if (is_leaf(node.operation)) {
      sources_.push_back(source_of(ast_, node));
      push({.operation = node.operation, .source = static_cast<std::uint32_t>(sources_.size() - 1)},
           0);
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
  std::vector<Source> sources_;
  std::size_t stack_ = 0;
  std::size_t stack_max_ = 0;
};

double value_of(const Reading& reading) noexcept {
  return reading.usable() && std::isfinite(reading.value) ? reading.value : unknown_value;
}

double read(const Instruction& instruction, const Scene& scene) noexcept {
  const SignalValues* values = instruction.endpoint ? scene.endpoint : scene.global;
  return values == nullptr ? unknown_value : value_of((*values)[instruction.signal]);
}

/// Of series and query, as WindowResults wants it.
std::uint64_t key_of(const Source& source) noexcept {
  std::uint64_t key = source.series;
  const auto mix = [&key](std::uint64_t value) {
    key = (key ^ value) * 0xff51afd7ed558ccdULL;  // MurmurHash3's finalizer
    key ^= key >> 33U;
  };
  mix(static_cast<std::uint64_t>(source.query.function));
  mix(static_cast<std::uint64_t>(source.query.window.count()));
  mix(std::bit_cast<std::uint64_t>(source.query.parameter));
  return key;
}

}  // namespace

Source source_of(const Ast& ast, const Node& node) {
  Source source;
  source.query = node.query;
  source.labelled = node.signal == SignalId::count_;
  if (source.labelled) {
    source.key = ast.selectors[node.selector].key;
    return source;
  }
  source.endpoint = signal_info(node.signal).scope == SignalScope::endpoint;
  const auto index = static_cast<std::size_t>(node.signal);
  source.series = source.endpoint ? index - first_endpoint_signal : index;
  source.key = key_of(source);
  return source;
}

double Source::read(const Scene& scene) const noexcept {
  const SeriesGroup* past = endpoint ? scene.endpoint_past : scene.global_past;
  if (labelled) {
    const auto* entry = scene.labelled != nullptr ? scene.labelled->find(key) : nullptr;
    if (entry == nullptr) return unknown_value;
    if (query.window.count() == 0) return value_of(entry->reading);
    past = &entry->past(query);
  }
  if (past == nullptr) return unknown_value;
  WindowResults* results = endpoint ? scene.endpoint_windows : scene.global_windows;
  if (labelled) results = nullptr;  // each has a history of its own
  if (const double* known = results != nullptr ? results->find(key) : nullptr) return *known;
  const double computed = evaluate_window(*past, series, query);
  const double value = std::isfinite(computed) ? computed : unknown_value;
  if (results != nullptr) results->put(key, value);
  return value;
}

std::optional<Program> Program::compile(const Ast& ast) {
  Compiler compiler(ast);
  if (!compiler.run()) return std::nullopt;
  Program program;
  program.code_ = compiler.take();
  program.sources_ = compiler.take_sources();
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
    } else if (is_leaf(instruction.operation)) {
      stack[top++] = sources_[instruction.source].read(scene);
    } else if (is_unary(instruction.operation)) {
      stack[top - 1] = apply_unary(instruction.operation, stack[top - 1]);
    } else {
      --top;
      stack[top - 1] = apply_binary(instruction.operation, stack[top - 1], stack[top]);
    }
  }
  return stack[0];
}

std::size_t Program::work() const noexcept {
  constexpr std::chrono::seconds fine{7200};  // up to here a window is 120 slots, then minutes
  std::size_t work = code_.size();
  for (const Source& source : sources_) {
    const auto slots =
        source.query.window <= fine
            ? std::min<std::int64_t>(source.query.window.count(), SeriesGroup::window_slots_max)
            : source.query.window / std::chrono::minutes(1);
    work += static_cast<std::size_t>(slots);
  }
  return work;
}

}  // namespace homeostat::rules
