// Walks a schema over a YAML map: fills the fields, records where each key
// stands, and reports unknown keys with the nearest known name.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "config/leaf.hpp"

namespace homeostat::config {

class Reader final : public Visitor {
 public:
  /// `path` is the dotted key of `map`; empty for the top level.
  Reader(const Node& map, const std::string& path, Reading& reading);

  void leaf(const Key& key, Leaf&& leaf) override;
  void begin(const Key& key) override;
  void end() override;

  /// Reports what the schema did not name. REQUIRES: every begin() had its end().
  void finish();

 private:
  struct Level {
    const Node* map;  ///< null: the section is not given
    std::string path;
    std::vector<std::string> known;
  };
  const Node* take(const Key& key, std::string& path);
  void report_unknown(const Level& level);

  Reading& reading_;
  std::vector<Level> levels_;
};

/// Reads `node` as a map with the keys that `describe` walks. False (and a
/// diagnostic) if it is not a map.
bool read_map(const Node& node, const std::string& path, Reading& reading,
              const std::function<void(Visitor&)>& describe);

}  // namespace homeostat::config
