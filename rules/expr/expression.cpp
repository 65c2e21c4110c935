#include "rules/expr/expression.hpp"

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "rules/expr/ast.hpp"
#include "rules/expr/labelled_signals.hpp"
#include "rules/expr/negation.hpp"
#include "rules/expr/parser.hpp"
#include "rules/expr/program.hpp"
#include "rules/expr/render.hpp"

namespace homeostat::rules {

struct Expression::Impl {
  Ast ast;
  Program program;
  std::vector<SignalId> signals;
  std::vector<Selector> selectors;
  struct Leaf {
    std::string text;
    NodeIndex node;
  };
  std::vector<Leaf> leaves;  ///< what is read, each once, in order of appearance
  bool reads_endpoint = false;
  std::string text;

  static std::unique_ptr<const Impl> make(Ast ast, std::string text) {
    auto program = Program::compile(ast);
    if (!program) return nullptr;
    auto impl = std::make_unique<Impl>();
    impl->program = std::move(*program);
    impl->text = std::move(text);
    impl->ast = std::move(ast);
    std::unordered_set<std::string> seen;
    impl->gather(impl->ast.root, seen);
    return impl;
  }

  /// `seen`: what was read before. Macros of macros may read one signal thousands of times.
  void gather(NodeIndex index, std::unordered_set<std::string>& seen) {
    const Node& node = ast[index];
    if (is_leaf(node.operation)) {
      if (node.operation == Operation::constant) return;
      std::string name = render(ast, index);
      if (seen.insert(name).second) add_leaf(index, std::move(name));
      return;
    }
    gather(node.left, seen);
    if (is_binary(node.operation)) gather(node.right, seen);
  }

  void add_leaf(NodeIndex index, std::string name) {
    const Node& node = ast[index];
    leaves.push_back({std::move(name), index});
    if (node.signal == SignalId::count_) {
      const Selector& selector = ast.selectors[node.selector];
      if (std::find(selectors.begin(), selectors.end(), selector) == selectors.end()) {
        selectors.push_back(selector);
      }
      return;
    }
    if (std::find(signals.begin(), signals.end(), node.signal) == signals.end()) {
      signals.push_back(node.signal);
    }
    if (signal_info(node.signal).scope == SignalScope::endpoint) reads_endpoint = true;
  }

  [[nodiscard]] std::string shown_value(const Node& node, const Scene& scene) const;
};

namespace {

std::string shown_reading(const Reading& reading, const std::string& value) {
  if (reading.quality == Quality::missing) return "missing";
  if (reading.quality == Quality::stale) return value + " (stale)";
  return reading.quality == Quality::injected ? value + " (injected)" : value;
}

}  // namespace

std::string Expression::Impl::shown_value(const Node& node, const Scene& scene) const {
  if (node.operation == Operation::window) {
    return format_value(source_of(ast, node).read(scene), node.type.unit);
  }
  const Reading missing;
  if (node.operation == Operation::selected) {
    const auto* entry = scene.labelled != nullptr
                            ? scene.labelled->find(ast.selectors[node.selector].key)
                            : nullptr;
    const Reading& reading = entry != nullptr ? entry->reading : missing;
    return shown_reading(reading, format_value(reading.value, node.type.unit));
  }
  const SignalValues* values =
      signal_info(node.signal).scope == SignalScope::endpoint ? scene.endpoint : scene.global;
  const Reading& reading =
      values != nullptr ? (*values)[static_cast<std::size_t>(node.signal)] : missing;
  return shown_reading(reading, format_signal(node.signal, reading.value));
}

Expression::Expression(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Expression::~Expression() = default;

std::variant<std::shared_ptr<const Expression>, ExpressionError> Expression::parse_condition(
    std::string_view text, bool allow_endpoint, const Macros* macros) {
  auto parsed = parse_to_ast(text, {.allow_endpoint = allow_endpoint, .macros = macros});
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

const std::vector<Selector>& Expression::selectors() const noexcept { return impl_->selectors; }

std::string Expression::canonical() const { return render(impl_->ast); }

bool Expression::reads_endpoint() const noexcept { return impl_->reads_endpoint; }

std::size_t Expression::work() const noexcept { return impl_->program.work(); }

std::size_t Expression::size() const noexcept { return impl_->ast.nodes.size(); }

const std::string& Expression::text() const noexcept { return impl_->text; }

std::string shortened(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return std::string(text);
  std::size_t end = bytes_max;
  // RFC 3629: 10xxxxxx continues.
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return std::string(text.substr(0, end)) + "...";
}

std::string Expression::explain_values(const Scene& scene) const {
  std::string out;
  for (const Impl::Leaf& leaf : impl_->leaves) {
    if (!out.empty()) out += ", ";
    out += leaf.text + " = " + impl_->shown_value(impl_->ast[leaf.node], scene);
    if (out.size() > values_bytes_max) return shortened(out, values_bytes_max);
  }
  return out;
}

}  // namespace homeostat::rules
