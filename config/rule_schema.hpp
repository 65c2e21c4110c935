// The keys of one rule and of its actions. See rule_loader.hpp.
#pragma once

#include <string>
#include <vector>

#include "config/leaf.hpp"
#include "rules/engine/rule.hpp"
#include "rules/engine/rule_override.hpp"
#include "rules/expr/macros.hpp"

namespace homeostat::config {

/// `effect` while it is read: the signal stays a name until all is known.
struct EffectDraft {
  enum class Unproven : std::uint8_t { rollback, keep };
  rules::EffectGoal goal;
  std::string improve;
  Unproven unproven = Unproven::rollback;
};

/// A rule while it is read: conditions stay nodes until scope and macros are known.
struct RuleDraft {
  rules::Rule rule;
  std::string path;  ///< "rules[3]", for messages
  const Node* when = nullptr;
  const Node* until = nullptr;
  EffectDraft effect;
};

void visit_rule(Visitor& visitor, RuleDraft& draft);
/// The keys that can be changed while the agent runs.
void visit_terms(Visitor& visitor, rules::Rule& rule);
/// Of these, those that the map has.
[[nodiscard]] rules::RuleOverride given_terms(const Node& map, const rules::Rule& edited);

/// Checks what is required.
void finish_rule(RuleDraft& draft, const Node& row, const std::string& path, Reading& reading,
                 bool clean);

void visit_effect(Visitor& visitor, EffectDraft& draft);
/// Checks `effect` and `rollout` against the rest of the rule and takes them over.
void finish_trial(RuleDraft& draft, const Node& row, const std::string& path, Report& report);

/// Parses the conditions, even after other errors. The nodes must still live.
void parse_conditions(RuleDraft& draft, const rules::Macros& macros, Report& report);

/// Reads `macros`: a map of names to expressions, in order.
class MacrosLeaf final : public Leaf {
 public:
  explicit MacrosLeaf(rules::Macros& field) : field_(field) {}
  void read(const Node& node, const std::string& path, Reading& reading) override;
  std::string show() const override { return {}; }
  std::string type() const override { return "map of names to expressions"; }
  void take(const Leaf& same_key) override { field_ = same_kind(*this, same_key).field_; }

 private:
  rules::Macros& field_;
};

/// Reads `then`: a list of maps of one key each, the action's name.
class ActionsLeaf final : public Leaf {
 public:
  explicit ActionsLeaf(std::vector<rules::Action>& field) : field_(field) {}
  void read(const Node& node, const std::string& path, Reading& reading) override;
  std::string show() const override;
  std::string type() const override { return "list of actions"; }
  std::string allowed() const override;
  void take(const Leaf& same_key) override { field_ = same_kind(*this, same_key).field_; }

 private:
  bool read_action(const Node& item, const std::string& path, Reading& reading);
  std::vector<rules::Action>& field_;
};

}  // namespace homeostat::config
