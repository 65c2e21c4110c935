#include "config/schema.hpp"

#include <utility>

namespace homeostat::config {
namespace {

/// Lists every key once, with the defaults of a fresh Settings.
class Lister final : public Visitor {
 public:
  void leaf(const Key& key, Leaf&& leaf) override {
    KeyFacts facts = base(key);
    facts.type = leaf.type();
    facts.default_text = leaf.show();
    facts.allowed = leaf.allowed();
    const auto path = facts.path;
    keys_.push_back(std::move(facts));
    // A list is applied as a whole, so its rows follow it.
    levels_.push_back({path + "[]", true, !key.refused.empty() || levels_.back().refused,
                       key.apply == Apply::restart});
    leaf.visit_row(*this);
    levels_.pop_back();
  }

  void begin(const Key& key) override {
    KeyFacts facts = base(key);
    facts.type = "section";
    facts.section = true;
    levels_.push_back({facts.path, facts.row, !facts.available, levels_.back().restart});
    keys_.push_back(std::move(facts));
  }

  void end() override { levels_.pop_back(); }

  [[nodiscard]] std::vector<KeyFacts> take() { return std::move(keys_); }

 private:
  struct Level {
    std::string path;
    bool row = false;
    bool refused = false;
    bool restart = false;
  };

  [[nodiscard]] KeyFacts base(const Key& key) const {
    const auto& level = levels_.back();
    KeyFacts facts;
    facts.path = level.path.empty() ? "" : level.path + ".";
    facts.path += key.name;
    facts.apply = level.restart ? Apply::restart : key.apply;
    facts.available = key.refused.empty() && !level.refused;
    facts.row = level.row;
    return facts;
  }

  std::vector<KeyFacts> keys_;
  std::vector<Level> levels_ = std::vector<Level>(1);
};

}  // namespace

void visit(Visitor& visitor, Settings& settings) {
  visit_listen(visitor, settings);
  visit_server(visitor, settings.server);
  visit_upstream(visitor, settings.upstream);
  visit_admin(visitor, settings.admin);
  visit_cache(visitor, settings.cache);
  visit_compression(visitor, settings.compression);
  visit_admission(visitor, settings.admission);
  visit_monitor(visitor, settings.monitor);
  visit_slo(visitor, settings.slo);
  visit_optimization(visitor, settings.optimization);
  visit_alerts(visitor, settings.alerts);
  visit_log(visitor, settings.log);
}

const std::vector<KeyFacts>& catalogue() {
  static const std::vector<KeyFacts> keys = [] {
    Settings settings;
    Lister lister;
    visit(lister, settings);
    return lister.take();
  }();
  return keys;
}

std::string key_named(std::string_view last_part) {
  std::string found;
  for (const auto& key : catalogue()) {
    const auto dot = key.path.rfind('.');
    const auto part = dot == std::string::npos ? key.path : key.path.substr(dot + 1);
    if (part != last_part) continue;
    if (!found.empty()) return {};
    found = key.path;
  }
  return found;
}

}  // namespace homeostat::config
