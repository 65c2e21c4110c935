// Prints a section as one line of YAML: {path: /a, ttl: 30s}. Keys that are not
// set, empty, or refused in this version are left out.
#pragma once

#include <string>
#include <vector>

#include "config/leaf.hpp"

namespace homeostat::config {

class FlowPrinter final : public Visitor {
 public:
  /// `complete` prints Leaf::identity() (with secrets, for comparison only).
  explicit FlowPrinter(bool complete) : complete_(complete) {}

  void leaf(const Key& key, Leaf&& leaf) override;
  void begin(const Key& key) override;
  void end() override;

  [[nodiscard]] std::string text() const { return "{" + levels_.front().text + "}"; }

 private:
  struct Level {
    std::string key;
    std::string text;
    bool refused = false;
  };
  void add(const std::string& key, const std::string& value);

  bool complete_;
  std::vector<Level> levels_ = std::vector<Level>(1);
};

}  // namespace homeostat::config
