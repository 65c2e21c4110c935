#include "config/flow_printer.hpp"

#include <utility>

namespace homeostat::config {

void FlowPrinter::add(const std::string& key, const std::string& value) {
  auto& text = levels_.back().text;
  text += (text.empty() ? "" : ", ") + key + ": " + value;
}

void FlowPrinter::leaf(const Key& key, Leaf&& leaf) {
  if (!key.refused.empty()) return;
  const auto value = complete_ ? leaf.identity() : leaf.show();
  const bool nothing = value.empty() || (!complete_ && (value == "[]" || value == "{}"));
  if (!nothing) add(std::string(key.name), value);
}

void FlowPrinter::begin(const Key& key) {
  levels_.push_back({std::string(key.name), {}, !key.refused.empty()});
}

void FlowPrinter::end() {
  const Level level = std::move(levels_.back());
  levels_.pop_back();
  if (!level.refused && !level.text.empty()) add(level.key, "{" + level.text + "}");
}

}  // namespace homeostat::config
