#include <fmt/format.h>

#include <array>
#include <optional>

#include "config/reader.hpp"
#include "config/rule_loader.hpp"
#include "config/rule_schema.hpp"
#include "config/scalar_leaves.hpp"
#include "config/settings/words.hpp"
#include "config/suggest.hpp"

namespace homeostat::config {
namespace {

using namespace std::chrono_literals;

constexpr std::array<std::string_view, 6> action_names{"scale_ttl",      "compress",  "throttle",
                                                       "release_memory", "emergency", "alert"};

void visit_action(Visitor& visitor, rules::ScaleTtl& action) {
  visitor.leaf({"by"}, NumberLeaf(action.by, 0.1, 10));
  visitor.leaf({"max"}, DurationLeaf(action.max, 1s, 365 * 24h));
}

void visit_action(Visitor& visitor, rules::Compress& action) {
  visitor.leaf({"enabled"}, BoolLeaf(action.enabled));
  visitor.leaf({"level"}, IntegerLeaf(action.level, 1, 9, "configured"));
  visitor.leaf({"algorithm"}, ChoiceLeaf(action.algorithm, words::coding_preference));
}

void visit_action(Visitor& visitor, rules::Throttle& action) {
  visitor.leaf({"to"}, RatioLeaf(action.to, 0.05, 1));
}

void visit_action(Visitor& visitor, rules::ReleaseMemory& action) {
  visitor.leaf({"expired"}, BoolLeaf(action.expired));
  visitor.leaf({"shrink_cache_to"}, RatioLeaf(action.shrink_cache_to, 0, 1));
  visitor.leaf({"allocator"}, BoolLeaf(action.allocator));
  visitor.leaf({"hook"}, BoolLeaf(action.hook));
  visitor.leaf({"every"}, DurationLeaf(action.every, 1s, 1h, "once"));
}

void visit_action(Visitor&, rules::EnterEmergency&) {}

void visit_action(Visitor& visitor, rules::RaiseAlert& action) {
  visitor.leaf({"severity"}, ChoiceLeaf(action.severity, words::severity));
  visitor.leaf({"summary"}, TextLeaf(action.summary, "text", nullptr, TextLeaf::Show::all, 256));
}

/// The action of that name with its defaults.
std::optional<rules::Action> action_named(std::string_view name) {
  if (name == "scale_ttl") return rules::ScaleTtl{};
  if (name == "compress") return rules::Compress{};
  if (name == "throttle") return rules::Throttle{};
  if (name == "release_memory") return rules::ReleaseMemory{};
  if (name == "emergency") return rules::EnterEmergency{};
  if (name == "alert") return rules::RaiseAlert{};
  return std::nullopt;
}

}  // namespace

void ActionsLeaf::read(const Node& node, const std::string& path, Reading& reading) {
  if (!node.is_list() || node.children.empty() || node.children.size() > actions_per_rule_max) {
    reading.report.error(node.place, fmt::format("`{}` must be a list of 1 to {} actions, e.g. "
                                                 "[{{throttle: {{to: 70%}}}}]",
                                                 path, actions_per_rule_max));
    return;
  }
  field_.clear();
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    read_action(node.children[i], fmt::format("{}[{}]", path, i), reading);
  }
}

bool ActionsLeaf::read_action(const Node& item, const std::string& path, Reading& reading) {
  if (!item.is_map() || item.children.size() != 1) {
    reading.report.error(item.place,
                         fmt::format("`{}` must be a map of one key, the action's name: {}", path,
                                     join_or(action_names)),
                         item.is_scalar() && action_named(item.text)
                             ? fmt::format("write {}: {{}}", item.text)
                             : std::string{});
    return false;
  }
  const auto& entry = item.children.front();
  auto action = action_named(entry.key);
  if (!action) {
    Node name;
    name.text = entry.key;
    auto hint = did_you_mean(entry.key, action_names);
    if (hint.empty()) hint = "known are " + join_or(action_names);
    reading.report.error(entry.key_place, fmt::format("`{}`: unknown action {}", path, shown(name)),
                         std::move(hint));
    return false;
  }
  for (const auto& other : field_) {
    if (other.index() == action->index()) {
      reading.report.error(entry.key_place,
                           fmt::format("`{}`: the rule has two actions `{}`", path, entry.key));
      return false;
    }
  }
  const bool defaults = entry.is_null();
  const auto keys = [&action](Visitor& visitor) {
    std::visit([&visitor](auto& kind) { visit_action(visitor, kind); }, *action);
  };
  if (!defaults && !read_map(entry, path + "." + entry.key, reading, keys)) return false;
  field_.push_back(std::move(*action));
  return true;
}

std::string ActionsLeaf::show() const {
  std::string text;
  for (const auto& action : field_) {
    text += (text.empty() ? "" : ", ") + rules::describe(action);
  }
  return "[" + text + "]";
}

std::string ActionsLeaf::allowed() const {
  return fmt::format("1 to {} of {}", actions_per_rule_max, join_or(action_names));
}

}  // namespace homeostat::config
