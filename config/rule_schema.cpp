#include "config/rule_schema.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "config/list_leaves.hpp"
#include "config/settings/words.hpp"
#include "config/text_checks.hpp"
#include "rules/expr/expression.hpp"

namespace homeostat::config {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t excerpt_bytes_max = 100;

/// Keeps a condition's node; it is parsed once the scope is known.
class ConditionLeaf final : public Leaf {
 public:
  ConditionLeaf(const Node*& field, const std::shared_ptr<const rules::Expression>& parsed)
      : field_(field), parsed_(parsed) {}
  void read(const Node& node, const std::string& path, Reading& reading) override {
    if (node.is_scalar()) {
      field_ = node.broken ? nullptr : &node;
    } else {
      report_type(*this, node, path, reading);
    }
  }
  std::string show() const override { return parsed_ ? yaml_text(parsed_->text()) : std::string{}; }
  std::string type() const override { return "condition"; }
  void take(const Leaf& same_key) override { field_ = same_kind(*this, same_key).field_; }

 private:
  const Node*& field_;
  const std::shared_ptr<const rules::Expression>& parsed_;
};

std::size_t code_points(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;
  }));
}

/// The line of the condition that holds the offence, and carets below it.
std::string excerpt_of(const std::string& text, std::size_t offset, std::size_t length) {
  offset = std::min(offset, text.size());
  auto start = offset == 0 ? std::string::npos : text.rfind('\n', offset - 1);
  start = start == std::string::npos ? 0 : start + 1;
  auto end = std::min(text.find('\n', offset), text.size());
  if (end - start > excerpt_bytes_max) {
    start = std::max(start, offset - std::min(offset, excerpt_bytes_max / 2));
    end = std::min(end, start + excerpt_bytes_max);
  }
  const auto line = std::string_view(text).substr(start, end - start);
  const auto marked = line.substr(offset - start, std::max<std::size_t>(length, 1));
  return fmt::format("    {}\n    {}{}", line,
                     std::string(code_points(line.substr(0, offset - start)), ' '),
                     std::string(std::max<std::size_t>(code_points(marked), 1), '^'));
}

void report_expression(const Node& node, const std::string& path,
                       const rules::ExpressionError& error, Report& report) {
  report.error(place_inside(node, error.offset), fmt::format("`{}`: {}", path, error.message), {},
               excerpt_of(node.text, error.offset, error.length));
}

std::shared_ptr<const rules::Expression> parse(const Node* node, rules::Scope scope,
                                               const std::string& path, const rules::Macros& macros,
                                               Report& report) {
  if (node == nullptr) return nullptr;
  auto parsed =
      rules::Expression::parse_condition(node->text, scope == rules::Scope::endpoint, &macros);
  if (auto* condition = std::get_if<std::shared_ptr<const rules::Expression>>(&parsed)) {
    return std::move(*condition);
  }
  report_expression(*node, path, std::get<rules::ExpressionError>(parsed), report);
  return nullptr;
}

}  // namespace

void visit_terms(Visitor& visitor, rules::Rule& rule) {
  visitor.leaf({"level"}, ChoiceLeaf(rule.level, words::level));
  visitor.leaf({"every_level"}, BoolLeaf(rule.every_level));
  visitor.leaf({"for"}, DurationLeaf(rule.for_, 0s, 24h));
  visitor.leaf({"hold"}, DurationLeaf(rule.hold, 0s, 24h));
  visitor.leaf({"cooldown"}, DurationLeaf(rule.cooldown, 0s, 24h));
  visitor.leaf({"no_data"}, ChoiceLeaf(rule.no_data, words::no_data));
  visitor.leaf({"priority"}, IntegerLeaf(rule.priority, -1000, 1000));
  visitor.leaf({"dry_run"}, BoolLeaf(rule.dry_run));
}

rules::RuleOverride given_terms(const Node& map, const rules::Rule& edited) {
  rules::RuleOverride terms;
  const auto take = [&map](std::string_view key, const auto& value, auto& field) {
    if (map.find(key) != nullptr) field = value;
  };
  take("level", edited.level, terms.level);
  take("every_level", edited.every_level, terms.every_level);
  take("for", edited.for_, terms.for_);
  take("hold", edited.hold, terms.hold);
  take("cooldown", edited.cooldown, terms.cooldown);
  take("no_data", edited.no_data, terms.no_data);
  take("priority", edited.priority, terms.priority);
  take("dry_run", edited.dry_run, terms.dry_run);
  return terms;
}

void visit_rule(Visitor& visitor, RuleDraft& draft) {
  auto& rule = draft.rule;
  visitor.leaf({"name"}, TextLeaf(rule.name, "name", check_identifier));
  visitor.leaf({"description"},
               TextLeaf(rule.description, "text", nullptr, TextLeaf::Show::all, 1024));
  visitor.leaf({"scope"}, ChoiceLeaf(rule.scope, words::scope));
  visitor.leaf({"when"}, ConditionLeaf(draft.when, rule.when));
  visitor.leaf({"until"}, ConditionLeaf(draft.until, rule.until));
  visit_terms(visitor, rule);
  visitor.leaf({"enabled"}, BoolLeaf(rule.enabled));
  visitor.leaf({"then"}, ActionsLeaf(rule.then));
  visitor.leaf({"rollout"}, RatioLeaf(rule.rollout, 0.01, 1));
  visitor.begin({"effect"});
  visit_effect(visitor, draft.effect);
  visitor.end();
}

void finish_rule(RuleDraft& draft, const Node& row, const std::string& path, Reading& reading,
                 bool) {
  auto& rule = draft.rule;
  rule.where = {row.place.source ? row.place.source->name : std::string{}, row.place.line,
                row.place.column};
  for (const std::string_view key : {"name", "when", "then"}) {
    if (row.find(key) == nullptr) {
      reading.report.error(row.place, fmt::format("`{}` needs a `{}`", path, key));
    }
  }
  draft.path = path;
  finish_trial(draft, row, path, reading.report);
}

void parse_conditions(RuleDraft& draft, const rules::Macros& macros, Report& report) {
  auto& rule = draft.rule;
  rule.when = parse(draft.when, rule.scope, draft.path + ".when", macros, report);
  rule.until = parse(draft.until, rule.scope, draft.path + ".until", macros, report);
}

void MacrosLeaf::read(const Node& node, const std::string& path, Reading& reading) {
  if (!node.is_map()) {
    report_type(*this, node, path, reading);
    return;
  }
  for (const Node& child : node.children) {
    if (child.broken) continue;
    const auto name = path + "." + child.key;
    if (!child.is_scalar()) {
      reading.report.error(child.place, fmt::format("`{}` must be an expression", name));
      continue;
    }
    const auto error = field_.add(child.key, child.text);
    if (error && error->length == 0) {
      reading.report.error(child.key_place, fmt::format("`{}`: {}", path, error->message));
    } else if (error) {
      report_expression(child, name, *error, reading.report);
    }
  }
}

}  // namespace homeostat::config
