#include "config/effective.hpp"

#include <fmt/format.h>

#include <utility>

#include "config/schema.hpp"
#include "rules/engine/rule_definition.hpp"

namespace homeostat::config {
namespace {

/// Block style: one key a line, sections indented by two blanks.
class BlockPrinter final : public Visitor {
 public:
  void leaf(const Key& key, Leaf&& leaf) override {
    if (!key.refused.empty() || refused_depth_ > 0) return;
    const auto value = leaf.show();
    if (value.empty()) return;
    // A section's name is printed with its first key, so none stands empty.
    for (auto& section : sections_) {
      if (section.printed) continue;
      text_ += fmt::format("{:{}}{}:\n", "", section.indent, section.name);
      section.printed = true;
    }
    text_ += fmt::format("{:{}}{}: {}\n", "", indent_, key.name, value);
  }

  void begin(const Key& key) override {
    if (!key.refused.empty() || refused_depth_ > 0) {
      ++refused_depth_;
      return;
    }
    sections_.push_back({std::string(key.name), indent_, false});
    indent_ += 2;
  }

  void end() override {
    if (refused_depth_ > 0) {
      --refused_depth_;
    } else {
      indent_ -= 2;
      sections_.pop_back();
    }
  }

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  struct Section {
    std::string name;
    std::size_t indent = 0;
    bool printed = false;
  };
  std::string text_;
  std::vector<Section> sections_;
  std::size_t indent_ = 0;
  unsigned refused_depth_ = 0;
};

struct Value {
  std::string path;
  std::string identity;
  Apply apply = Apply::reload;
};

class Collector final : public Visitor {
 public:
  void leaf(const Key& key, Leaf&& leaf) override {
    values_.push_back({prefix_ + std::string(key.name), leaf.identity(), key.apply});
  }
  void begin(const Key& key) override { prefix_ += std::string(key.name) + "."; }
  void end() override {
    const auto dot = prefix_.rfind('.', prefix_.size() - 2);
    prefix_.resize(dot == std::string::npos ? 0 : dot + 1);
  }
  [[nodiscard]] std::vector<Value> take() { return std::move(values_); }

 private:
  std::string prefix_;
  std::vector<Value> values_;
};

std::vector<Value> values_of(Settings settings) {
  Collector collector;
  visit(collector, settings);
  return collector.take();
}

bool same_rules(const rules::RuleSet& a, const rules::RuleSet& b) {
  if (a.rules.size() != b.rules.size()) return false;
  for (std::size_t i = 0; i < a.rules.size(); ++i) {
    if (a.rules[i].enabled != b.rules[i].enabled ||
        !rules::same_definition(a.rules[i], b.rules[i])) {
      return false;
    }
  }
  return true;
}

std::vector<std::string> differing(const Settings& before, const Settings& after,
                                   bool restart_only) {
  std::vector<std::string> keys;
  const auto old_values = values_of(before);
  const auto new_values = values_of(after);
  for (std::size_t i = 0; i < old_values.size(); ++i) {
    const auto& value = old_values[i];
    bool differs = value.identity != new_values[i].identity;
    if (value.path == "optimization.rules") {
      differs = differs || !same_rules(before.optimization.rules, after.optimization.rules);
    }
    if (differs && (!restart_only || value.apply == Apply::restart)) keys.push_back(value.path);
  }
  return keys;
}

}  // namespace

std::string to_yaml(const Settings& settings) {
  Settings copy = settings;
  BlockPrinter printer;
  visit(printer, copy);
  return printer.take();
}

std::vector<std::string> restart_required(const Settings& old_, const Settings& new_) {
  return differing(old_, new_, true);
}

std::vector<std::string> changed_keys(const Settings& old_, const Settings& new_) {
  return differing(old_, new_, false);
}

}  // namespace homeostat::config
