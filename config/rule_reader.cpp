#include "config/rule_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "config/builtin.hpp"
#include "config/files.hpp"
#include "config/list_leaves.hpp"
#include "config/reader.hpp"
#include "config/rows_leaf.hpp"
#include "config/rule_loader.hpp"
#include "config/rule_schema.hpp"
#include "config/substitution.hpp"
#include "config/suggest.hpp"
#include "config/text_checks.hpp"
#include "rules/expr/expression.hpp"
#include "rules/expr/labelled_signals.hpp"

namespace homeostat::config {
namespace {

rules::Rule* find_rule(std::vector<rules::Rule>& rules, std::string_view name) {
  const auto found =
      std::find_if(rules.begin(), rules.end(), [&](const auto& rule) { return rule.name == name; });
  return found == rules.end() ? nullptr : &*found;
}

}  // namespace

void RuleReader::add(const std::string& entry, const std::string& base_dir, const Place& place) {
  if (entry == "builtin") {
    for (const auto& file : builtin_files()) {
      add_text(make_source(std::string(file.name), std::string(file.text)), base_dir);
    }
    return;
  }
  const auto path = resolve_path(entry, base_dir);
  if (!has_wildcard(path)) {
    add_file(path, place);
    return;
  }
  auto found = expand_glob(path, rule_files_max);
  if (const auto* error = std::get_if<UnitError>(&found)) {
    report_.error(place, fmt::format("{}rule files {}: {}", prefix_, path, error->message));
    return;
  }
  for (const auto& file : std::get<std::vector<std::string>>(found)) add_file(file, place);
}

void RuleReader::add_file(const std::string& path, const Place& place) {
  // Named and matched by a glob: once is enough.
  if (std::find(files_.begin(), files_.end(), path) != files_.end()) return;
  if (files_.size() >= rule_files_max) {
    report_.error(place, fmt::format("more than {} rule files", rule_files_max));
    return;
  }
  files_.push_back(path);
  auto text = read_file(path, file_bytes_max);
  if (const auto* error = std::get_if<UnitError>(&text)) {
    report_.error(place, fmt::format("{}rule file {} {}", prefix_, path, error->message));
    return;
  }
  add_text(make_source(path, std::get<std::string>(text)), folder_of(path));
}

void RuleReader::add_text(std::shared_ptr<const Source> source, const std::string& base_dir) {
  auto root = parse_document(source, report_);
  if (!root) return;
  if (!root->is_map()) {
    report_.error(root->place,
                  "a rule file is a map with the keys `macros`, `rules` and `disable`");
    return;
  }
  if (environment_ != nullptr) {
    substitute(*root, *environment_, report_, referenced_);
  } else {
    refuse_substitution(*root, report_);
  }
  Reading reading{report_, base_dir, {}, false};
  std::vector<RuleDraft> drafts;
  std::vector<std::string> disabled;
  read_map(*root, "", reading, [&](Visitor& visitor) {
    visitor.leaf({"macros"}, MacrosLeaf(macros_));
    visitor.leaf({"rules"}, RowsLeaf<RuleDraft>(drafts, rules::rules_max, visit_rule, finish_rule));
    visitor.leaf({"disable"}, TextListLeaf(disabled, "rule names", check_identifier,
                                           {.items_max = rules::rules_max, .bytes_max = 64}));
  });
  std::vector<rules::Rule> rules;
  for (auto& draft : drafts) {
    parse(draft);
    if (!draft.rule.name.empty()) rules.push_back(std::move(draft.rule));
  }
  const auto disable_place = reading.places.find("disable");
  if (disable_place != reading.places.end()) disable(disabled, disable_place->second, rules);
  merge(std::move(rules), source);
}

/// Few bytes of macros are written out to much, in every rule that uses them.
void RuleReader::parse(RuleDraft& draft) {
  if (conditions_size_ > conditions_size_max) return;  // has been told
  const Place place = draft.when != nullptr ? draft.when->place : Place{};
  parse_conditions(draft, macros_, report_);
  for (const auto& condition : {draft.rule.when, draft.rule.until}) {
    if (condition) conditions_size_ += condition->size();
  }
  if (conditions_size_ <= conditions_size_max) return;
  report_.error(place, fmt::format("`{}`: the conditions of the rules up to here are too large "
                                   "with their macros written out; at most {} signals, constants "
                                   "and operators in all",
                                   draft.path, conditions_size_max));
}

void RuleReader::disable(const std::vector<std::string>& names, const Place& place,
                         const std::vector<rules::Rule>& own) {
  for (const auto& name : names) {
    if (auto* rule = find_rule(set_.rules, name)) {
      rule->enabled = false;
      continue;
    }
    const bool in_same_file =
        std::any_of(own.begin(), own.end(), [&](const auto& rule) { return rule.name == name; });
    if (in_same_file) {
      report_.error(place, fmt::format("`disable` names `{}`, a rule of the same file", name),
                    "write enabled: false in the rule");
      continue;
    }
    std::vector<std::string_view> known;
    for (const auto& rule : set_.rules) known.push_back(rule.name);
    report_.error(place, fmt::format("`disable` names `{}`, which no earlier file has", name),
                  did_you_mean(name, known));
  }
}

/// Of the rules that are in force in the end, not of those that a later file replaces.
void RuleReader::check_selectors() {
  constexpr std::size_t selectors_max = rules::LabelledSignals::signals_max;
  std::set<std::string> selectors;
  for (const rules::Rule& rule : set_.rules) {
    for (const auto& expression : {rule.when, rule.until}) {
      if (!expression) continue;
      for (const auto& selector : expression->selectors()) selectors.insert(selector.text);
    }
    if (selectors.size() <= selectors_max) continue;
    const auto place = places_.find(rule.name);  // none: of an earlier load
    report_.error(
        place == places_.end() ? Place{} : place->second,
        fmt::format("the rules read more than {} scrape.* and slo.* signals", selectors_max));
    return;
  }
}

rules::RuleSet RuleReader::take() {
  check_selectors();
  return std::move(set_);
}

void RuleReader::merge(std::vector<rules::Rule> rules,
                       const std::shared_ptr<const Source>& source) {
  for (auto rule = rules.begin(); rule != rules.end(); ++rule) {
    const Place place{source, rule->where.line, rule->where.column, 0};
    const auto first = std::find_if(rules.begin(), rule,
                                    [&](const auto& other) { return other.name == rule->name; });
    if (first != rule) {
      report_.error(place, fmt::format("rule `{}` is given twice; first at line {}", rule->name,
                                       first->where.line));
    }
  }
  for (auto& rule : rules) {
    const Place place{source, rule.where.line, rule.where.column, 0};
    places_.insert_or_assign(rule.name, place);
    if (auto* earlier = find_rule(set_.rules, rule.name)) {
      *earlier = std::move(rule);
    } else if (set_.rules.size() >= rules::rules_max) {
      report_.error(place, fmt::format("more than {} rules", rules::rules_max));
      return;
    } else {
      set_.rules.push_back(std::move(rule));
    }
  }
}

// -- rule_loader.hpp --------------------------------------------------------------

RuleLoadResult load_rules(const std::vector<std::string>& sources, const std::string& base_dir,
                          const Environment& environment) {
  Report report;
  Names referenced;
  RuleReader reader(&environment, report, referenced);
  const auto origin = std::make_shared<const Source>(Source{"rules", {}, false});
  for (const auto& source : sources) reader.add(source, base_dir, Place{origin, 0, 0, 0});
  RuleLoadResult result;
  result.files = reader.files();
  result.rules = reader.take();
  result.diagnostics = report.take();
  return result;
}

namespace {

RuleLoadResult load_text(std::string_view text, const std::string& name,
                         const Environment* environment, rules::RuleSet earlier) {
  Report report;
  Names referenced;
  RuleReader reader(environment, report, referenced);
  reader.start_from(std::move(earlier));
  reader.add_text(make_source(name, std::string(text)), ".");
  RuleLoadResult result;
  result.rules = reader.take();
  result.diagnostics = report.take();
  return result;
}

}  // namespace

RuleLoadResult load_rules_text(std::string_view text, const std::string& name,
                               const Environment& environment, rules::RuleSet earlier) {
  return load_text(text, name, &environment, std::move(earlier));
}

RuleLoadResult load_sent_rules(std::string_view text, const std::string& name) {
  return load_text(text, name, nullptr, {});
}

RuleOverrideResult read_rule_override(std::string_view text, const rules::Rule& rule) {
  RuleOverrideResult result;
  Report report;
  const auto source = std::make_shared<const Source>(Source{"override", std::string(text), false});
  auto root = parse_document(source, report);
  if (root) {
    refuse_substitution(*root, report);
    rules::Rule edited = rule;
    Reading reading{report, ".", {}, false};
    read_map(*root, "override", reading, [&](Visitor& visitor) { visit_terms(visitor, edited); });
    result.terms = given_terms(*root, edited);
  }
  result.diagnostics = report.take();
  return result;
}

}  // namespace homeostat::config
