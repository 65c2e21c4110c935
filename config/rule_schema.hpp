// The keys of one rule and of its actions. See rule_loader.hpp.
#pragma once

#include <string>
#include <vector>

#include "config/leaf.hpp"
#include "rules/engine/rule.hpp"

namespace homeostat::config {

/// A rule while it is read: conditions stay nodes until the scope is known.
struct RuleDraft {
  rules::Rule rule;
  const Node* when = nullptr;
  const Node* until = nullptr;
};

void visit_rule(Visitor& visitor, RuleDraft& draft);

/// Checks what is required and parses the conditions, even after other errors.
void finish_rule(RuleDraft& draft, const Node& row, const std::string& path, Reading& reading,
                 bool clean);

/// Reads `then`: a list of maps of one key each, the action's name.
class ActionsLeaf final : public Leaf {
 public:
  explicit ActionsLeaf(std::vector<rules::Action>& field) : field_(field) {}
  void read(const Node& node, const std::string& path, Reading& reading) override;
  std::string show() const override;
  std::string type() const override { return "list of actions"; }
  std::string allowed() const override;

 private:
  bool read_action(const Node& item, const std::string& path, Reading& reading);
  std::vector<rules::Action>& field_;
};

}  // namespace homeostat::config
