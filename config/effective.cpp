#include "config/effective.hpp"

#include <fmt/format.h>

#include <functional>
#include <memory>
#include <utility>

#include "config/checks.hpp"
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

/// Hands the leaf at a place of the walk to a function.
class Finder final : public Visitor {
 public:
  Finder(std::size_t place, const std::function<void(Leaf&)>& found)
      : left_(place), found_(found) {}
  void leaf(const Key&, Leaf&& leaf) override {
    if (left_-- == 0) found_(leaf);
  }
  void begin(const Key&) override {}
  void end() override {}

 private:
  std::size_t left_;
  const std::function<void(Leaf&)>& found_;
};

void with_leaf(Settings& settings, std::size_t place, const std::function<void(Leaf&)>& found) {
  Finder finder(place, found);
  visit(finder, settings);
}

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

struct Difference {
  std::string path;
  std::size_t place;  ///< of the key in the walk
  Apply apply;
};

std::vector<Difference> differences(const Settings& before, const Settings& after) {
  std::vector<Difference> found;
  const auto old_values = values_of(before);
  const auto new_values = values_of(after);
  for (std::size_t i = 0; i < old_values.size(); ++i) {
    const auto& value = old_values[i];
    bool differs = value.identity != new_values[i].identity;
    if (value.path == "optimization.rules") {
      differs = differs || !same_rules(before.optimization.rules, after.optimization.rules);
    }
    if (differs) found.push_back({value.path, i, value.apply});
  }
  return found;
}

std::vector<std::string> contradictions_in(const Settings& settings) {
  Report report;
  Reading reading{report, ".", {}, true};
  const Place nowhere{std::make_shared<const Source>(Source{"until a restart", {}, false})};
  check_settings(settings, nowhere, reading);
  std::vector<std::string> texts;
  for (const Diagnostic& one : report.take()) texts.push_back(format(one));
  return texts;
}

}  // namespace

std::string to_yaml(const Settings& settings) {
  Settings copy = settings;
  BlockPrinter printer;
  visit(printer, copy);
  return printer.take();
}

std::vector<std::string> restart_required(const Settings& old_, const Settings& new_) {
  std::vector<std::string> keys;
  for (const Difference& one : differences(old_, new_)) {
    if (one.apply == Apply::restart) keys.push_back(one.path);
  }
  return keys;
}

std::vector<std::string> changed_keys(const Settings& old_, const Settings& new_) {
  std::vector<std::string> keys;
  for (const Difference& one : differences(old_, new_)) keys.push_back(one.path);
  return keys;
}

Reloadable until_restart(const Settings& in_force, Settings loaded) {
  Reloadable result{std::move(loaded), {}, {}};
  Settings before = in_force;
  for (const Difference& one : differences(in_force, result.settings)) {
    if (one.apply != Apply::restart) continue;
    result.kept.push_back(one.path);
    with_leaf(result.settings, one.place, [&](Leaf& leaf) {
      with_leaf(before, one.place, [&](Leaf& kept) { leaf.take(kept); });
    });
  }
  if (!result.kept.empty()) result.contradictions = contradictions_in(result.settings);
  return result;
}

}  // namespace homeostat::config
