#include <algorithm>
#include <cmath>
#include <utility>

#include "rules/expr/grammar.hpp"
#include "rules/expr/suggestion.hpp"
#include "rules/expr/units.hpp"

namespace homeostat::rules {
namespace {

using std::chrono::seconds;

constexpr seconds ahead_max = std::chrono::hours(24 * 7);

std::string arity(const Function& function) {
  const std::string least = std::to_string(function.arguments_min);
  if (function.arguments_min == function.arguments_max) {
    return least + (function.arguments_min == 1 ? " argument" : " arguments");
  }
  return least + " to " + std::to_string(function.arguments_max) + " arguments";
}

bool is_constant(const Node& node, Unit unit) {
  return node.operation == Operation::constant && node.type.unit == unit;
}

bool is_signal(const Node& node) {
  return node.operation == Operation::signal || node.operation == Operation::selected;
}

Span span_of(const Node& node) { return {node.begin, node.end}; }

}  // namespace

Parsed Grammar::name(const Token& token) {
  if (token_.kind == TokenKind::open) return call(token);
  if (is_selected_signal(token.text)) return selected(token);
  if (const auto id = find_signal(token.text)) return catalogued(token, *id);
  const std::string* macro =
      options_.macros != nullptr ? options_.macros->find(token.text) : nullptr;
  return macro != nullptr ? expanded(token, *macro) : unknown_signal(token);
}

Parsed Grammar::catalogued(const Token& token, SignalId id) {
  const SignalInfo& info = signal_info(id);
  if (info.scope == SignalScope::endpoint && !options_.allow_endpoint) {
    return fail(rules::span_of(token),
                "'" + std::string(token.text) + "' exists only in rules with 'scope: endpoint'");
  }
  return push({.operation = Operation::signal, .type = {info.unit, false}, .signal = id},
              rules::span_of(token));
}

Parsed Grammar::selected(const Token& token) {
  std::vector<LabelMatch> labels;
  Span span = rules::span_of(token);
  if (token_.kind == TokenKind::open_brace) {
    auto read = lexer_.labels();
    if (!read) {
      error_ = lexer_.error();
      return std::nullopt;
    }
    labels = std::move(*read);
    span.end = lexer_.position();
    if (!advance()) return std::nullopt;
  }
  Selector selector = make_selector(token.text, std::move(labels));
  const auto known = std::find(ast_.selectors.begin(), ast_.selectors.end(), selector);
  const auto index = static_cast<std::uint32_t>(known - ast_.selectors.begin());
  const Unit unit = selector.unit;
  if (known == ast_.selectors.end()) ast_.selectors.push_back(std::move(selector));
  return push({.operation = Operation::selected, .type = {unit, false}, .selector = index}, span);
}

/// Parses a macro's text in place of its name. What is wrong inside (an
/// endpoint signal in a global rule) is told at the name.
Parsed Grammar::expanded(const Token& token, const std::string& text) {
  const Lexer outer = std::exchange(lexer_, Lexer(text));
  const Token next = std::exchange(token_, Token{});
  const auto result = advance() ? expression(0) : std::nullopt;
  lexer_ = outer;
  token_ = next;
  if (!result) {
    return fail(rules::span_of(token),
                "in macro '" + std::string(token.text) + "': " + error_.message);
  }
  ast_.nodes[*result].begin = token.offset;
  ast_.nodes[*result].end = token.end();
  return result;
}

std::nullopt_t Grammar::unknown_signal(const Token& token) {
  std::string message = "unknown signal '" + std::string(token.text) + "'";
  const std::string_view nearest =
      nearest_signal(token.text, options_.allow_endpoint, options_.macros);
  if (!nearest.empty()) {
    message += "; did you mean '" + std::string(nearest) + "'?";
  } else if (find_function(token.text)) {
    message += "; a function needs '(' and arguments";
  }
  return fail(rules::span_of(token), std::move(message));
}

Parsed Grammar::call(const Token& token) {
  const auto function = find_function(token.text);
  if (!function) {
    return fail(rules::span_of(token),
                "unknown function '" + std::string(token.text) + "'; allowed: " + function_names());
  }
  if (!advance()) return std::nullopt;
  std::vector<NodeIndex> arguments;
  do {
    if (!arguments.empty() && !advance()) return std::nullopt;
    const Parsed argument = expression(0);
    if (!argument) return std::nullopt;
    arguments.push_back(*argument);
  } while (token_.kind == TokenKind::comma && arguments.size() < function->arguments_max);
  if (arguments.size() < function->arguments_min || token_.kind == TokenKind::comma) {
    std::string message = std::string(function->name) + " takes " + arity(*function);
    if (function->window) message += ", as in " + std::string(function->usage);
    return fail(rules::span_of(token), std::move(message));
  }
  const Parsed result = apply(*function, token, arguments);
  if (!result) return std::nullopt;
  const std::size_t end = token_.end();
  if (!expect(TokenKind::close, "',' or ')'")) return std::nullopt;
  ast_.nodes[*result].begin = token.offset;
  ast_.nodes[*result].end = end;
  return result;
}

/// max(a, b) works on values, max(signal, 5m) looks back. Of a signal that is a
/// duration itself, the larger of it and 5 s is written max(5s, signal).
bool Grammar::looks_back(const Function& function, const std::vector<NodeIndex>& arguments) const {
  if (!function.window) return false;
  if (!function.operation) return true;
  return arguments.size() == 2 && is_signal(ast_[arguments[0]]) &&
         is_constant(ast_[arguments[1]], Unit::duration);
}

Parsed Grammar::apply(const Function& function, const Token& token,
                      const std::vector<NodeIndex>& arguments) {
  return looks_back(function, arguments) ? over_window(function, token, arguments)
                                         : over_values(function, token, arguments);
}

Parsed Grammar::over_values(const Function& function, const Token& token,
                            const std::vector<NodeIndex>& arguments) {
  const Span span = rules::span_of(token);
  if (is_unary(*function.operation)) {
    return checked(builder_.unary(*function.operation, arguments[0], span, token.offset));
  }
  Parsed result = arguments[0];
  for (std::size_t i = 1; i < arguments.size() && result; ++i) {
    result = checked(builder_.joined(*function.operation, *result, arguments[i], span,
                                     std::string(function.name)));
  }
  return result;
}

Parsed Grammar::over_window(const Function& function, const Token& token,
                            const std::vector<NodeIndex>& arguments) {
  const Node& signal = ast_[arguments[0]];
  if (!is_signal(signal)) {
    return fail(span_of(signal), std::string(function.name) +
                                     " looks back over one signal, as in " +
                                     std::string(function.usage));
  }
  Node node{.operation = Operation::window,
            .type = signal.type,
            .signal = signal.signal,
            .selector = signal.selector};
  node.query.function = *function.window;
  if (!take_window(function, signal, ast_[arguments[1]], node.query)) return std::nullopt;
  if (node.query.function == WindowFunction::quantile) node.query.parameter = 0.95;
  if (arguments.size() > 2 && !take_parameter(function, ast_[arguments[2]], node.query)) {
    return std::nullopt;
  }
  return typed_window(node, token);
}

bool Grammar::take_window(const Function& function, const Node& signal, const Node& window,
                          WindowQuery& query) {
  if (!is_constant(window, Unit::duration)) {
    fail(span_of(window), "the window of " + std::string(function.name) + " is a duration, as in " +
                              std::string(function.usage));
    return false;
  }
  const bool endpoint = signal.signal != SignalId::count_ &&
                        signal_info(signal.signal).scope == SignalScope::endpoint;
  const seconds reach = reach_of(endpoint ? endpoint_history : global_history);
  if (!(window.value >= 1 && window.value <= static_cast<double>(reach.count()))) {
    fail(span_of(window),
         "the window of " + std::string(endpoint ? "an endpoint's signal" : "a signal") +
             " is 1s to " + format_literal(static_cast<double>(reach.count()), Unit::duration));
    return false;
  }
  query.window = seconds(std::llround(window.value));
  return true;
}

bool Grammar::take_parameter(const Function& function, const Node& parameter, WindowQuery& query) {
  if (query.function == WindowFunction::predict) {
    if (is_constant(parameter, Unit::duration) && parameter.value >= 1 &&
        parameter.value <= static_cast<double>(ahead_max.count())) {
      query.parameter = std::round(parameter.value);
      return true;
    }
    fail(span_of(parameter), "predict looks 1s to 7d ahead, as in " + std::string(function.usage));
    return false;
  }
  const bool share = is_constant(parameter, Unit::ratio) || is_constant(parameter, Unit::number);
  if (share && parameter.value >= 0 && parameter.value <= 1) {
    query.parameter = parameter.value;
    return true;
  }
  fail(span_of(parameter), "a quantile is 0% to 100%, as in " + std::string(function.usage));
  return false;
}

/// A rate is per second: of a count or a size that is a rate, of seconds a share.
Parsed Grammar::typed_window(Node node, const Token& token) {
  const Span span = rules::span_of(token);
  if (node.query.function != WindowFunction::rate) return push(node, span);
  const bool counter =
      node.signal == SignalId::count_ && is_counter_name(ast_.selectors[node.selector].name);
  if (!counter) {
    return fail(span,
                "rate needs a counter, a scrape.* signal that ends in _total, _count, _sum or "
                "_bucket; write trend for the change of any other signal");
  }
  node.type = node.type.unit == Unit::duration || node.type.unit == Unit::ratio
                  ? Type{Unit::number, true}
                  : Type{Unit::rate, false};
  return push(node, span);
}

}  // namespace homeostat::rules
