#include "rules/expr/expression.hpp"

#include <algorithm>
#include <cmath>

#include "rules/expr/ast.hpp"
#include "rules/expr/negation.hpp"
#include "rules/expr/parser.hpp"
#include "rules/expr/program.hpp"
#include "rules/expr/render.hpp"

namespace homeostat::rules {

struct Expression::Impl {
  Ast ast;
  Program program;
  std::vector<SignalId> signals;
  bool reads_endpoint = false;
  std::string text;

  static std::unique_ptr<const Impl> make(Ast ast, std::string text) {
    auto program = Program::compile(ast);
    if (!program) return nullptr;
    auto impl = std::make_unique<Impl>();
    impl->program = std::move(*program);
    impl->text = std::move(text);
    // Leaves are in source order in the node vector, also after rewriting.
    for (const Node& node : ast.nodes) {
      if (node.operation != Operation::signal) continue;
      if (std::find(impl->signals.begin(), impl->signals.end(), node.signal) ==
          impl->signals.end()) {
        impl->signals.push_back(node.signal);
      }
      if (signal_info(node.signal).scope == SignalScope::endpoint) impl->reads_endpoint = true;
    }
    impl->ast = std::move(ast);
    return impl;
  }
};

Expression::Expression(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Expression::~Expression() = default;

std::variant<std::shared_ptr<const Expression>, ExpressionError> Expression::parse_condition(
    std::string_view text, bool allow_endpoint) {
  auto parsed = parse_to_ast(text, allow_endpoint);
  if (auto* error = std::get_if<ExpressionError>(&parsed)) return std::move(*error);
  auto impl = Impl::make(std::move(std::get<Ast>(parsed)), std::string(text));
  if (!impl) return ExpressionError{0, text.size(), "the expression is nested too deeply"};
  return std::shared_ptr<const Expression>(new Expression(std::move(impl)));
}

std::optional<bool> Expression::evaluate(const Scene& scene) const {
  const double result = impl_->program.run(scene);
  if (std::isnan(result)) return std::nullopt;
  return result != 0;
}

std::shared_ptr<const Expression> Expression::negated_with_margin(double margin) const {
  Ast negated = negate_with_margin(impl_->ast, margin);
  std::string text = render(negated);
  auto impl = Impl::make(std::move(negated), std::move(text));
  if (!impl) {
    // Scaling a threshold may need one stack slot more than there is; the
    // plain negation needs no more than the source.
    Ast plain = negate_with_margin(impl_->ast, 0);
    text = render(plain);
    impl = Impl::make(std::move(plain), std::move(text));
  }
  return std::shared_ptr<const Expression>(new Expression(std::move(impl)));
}

const std::vector<SignalId>& Expression::signals() const noexcept { return impl_->signals; }

bool Expression::reads_endpoint() const noexcept { return impl_->reads_endpoint; }

const std::string& Expression::text() const noexcept { return impl_->text; }

std::string Expression::explain_values(const Scene& scene) const {
  std::string out;
  for (const SignalId id : impl_->signals) {
    const SignalInfo& info = signal_info(id);
    const SignalValues* values =
        info.scope == SignalScope::endpoint ? scene.endpoint : scene.global;
    const Reading missing;
    const Reading& reading = values != nullptr ? (*values)[static_cast<std::size_t>(id)] : missing;
    if (!out.empty()) out += ", ";
    out.append(info.name).append(" = ");
    if (reading.quality == Quality::missing) {
      out += "missing";
      continue;
    }
    out += format_signal(id, reading.value);
    if (reading.quality == Quality::stale) out += " (stale)";
    if (reading.quality == Quality::injected) out += " (injected)";
  }
  return out;
}

}  // namespace homeostat::rules
