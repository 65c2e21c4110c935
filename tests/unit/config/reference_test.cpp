// docs/config_reference.md and the examples against the schema: every key is
// described, with its true type, default, range and effect of a change.
#include <algorithm>
#include <map>
#include <set>

#include "config/effective.hpp"
#include "config/schema.hpp"
#include "tests/unit/config/support.hpp"

namespace homeostat::config {
namespace {

struct Row {
  std::string type, standard, allowed, change;
};

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream text(line.substr(1));
  for (std::string cell; std::getline(text, cell, '|');) {
    const auto first = cell.find_first_not_of(' ');
    const auto last = cell.find_last_not_of(' ');
    cells.push_back(first == std::string::npos ? "" : cell.substr(first, last - first + 1));
  }
  return cells;
}

std::string unquoted(const std::string& cell) {
  const bool code = cell.size() >= 2 && cell.front() == '`' && cell.back() == '`';
  return code ? cell.substr(1, cell.size() - 2) : cell;
}

/// Rows of tables with six columns whose first cell is a key in back-quotes.
std::map<std::string, Row> documented() {
  std::map<std::string, Row> rows;
  std::istringstream text(project_file("docs/config_reference.md"));
  for (std::string line; std::getline(text, line);) {
    if (line.rfind("| `", 0) != 0) continue;
    const auto cells = cells_of(line);
    if (cells.size() != 6) continue;
    const auto key = unquoted(cells[0]);
    EXPECT_EQ(rows.count(key), 0U) << key << " is described twice";
    EXPECT_FALSE(cells[5].empty()) << key << ": what does it do?";
    rows[key] = Row{unquoted(cells[1]), unquoted(cells[2]), unquoted(cells[3]), cells[4]};
  }
  return rows;
}

TEST(Reference, DescribesEveryKeyAndNoOther) {
  auto rows = documented();
  for (const auto& key : catalogue()) {
    if (key.section && key.available) continue;
    EXPECT_EQ(rows.erase(key.path), 1U) << key.path << " is not in docs/config_reference.md";
  }
  for (const auto& [key, row] : rows) ADD_FAILURE() << key << " is described but does not exist";
}

TEST(Reference, TellsTheTruth) {
  const auto rows = documented();
  for (const auto& key : catalogue()) {
    const auto found = rows.find(key.path);
    if (found == rows.end()) continue;
    const auto& row = found->second;
    EXPECT_EQ(row.type, key.type) << key.path;
    if (row.standard != "required") {
      EXPECT_EQ(row.standard, key.default_text.empty() ? "none" : key.default_text) << key.path;
    }
    if (!key.allowed.empty()) {
      EXPECT_EQ(row.allowed, key.allowed) << key.path;
    }
    const auto* change = !key.available                ? "refused"
                         : key.apply == Apply::restart ? "restart"
                                                       : "reload";
    EXPECT_EQ(row.change, change) << key.path;
  }
}

TEST(Reference, RequiredKeysAreThoseWithoutWhichNothingLoads) {
  std::set<std::string> required;
  for (const auto& [key, row] : documented()) {
    if (row.standard == "required") required.insert(key);
  }
  EXPECT_EQ(required, (std::set<std::string>{"listen",
                                             "upstream.url",
                                             "admin.tokens[].name",
                                             "cache.rules[].match.path",
                                             "admission.priorities[].match.path",
                                             "admission.priorities[].class",
                                             "admission.deadlines.fields[].name",
                                             "admission.deadlines.fields[].format",
                                             "admission.deadlines.routes[].match.path",
                                             "admission.deadlines.routes[].within",
                                             "admission.rate_limits[].name",
                                             "admission.rate_limits[].per",
                                             "admission.rate_limits[].rate",
                                             "admission.concurrency_caps[].name",
                                             "admission.concurrency_caps[].match.path",
                                             "admission.concurrency_caps[].max",
                                             "admission.weights[].match.path",
                                             "admission.weights[].weight",
                                             "admission.streams[].match.path",
                                             "admission.page_limits[].name",
                                             "admission.page_limits[].match.path",
                                             "slo[].name"}));
}

TEST(Reference, DescribesTheRuleFile) {
  const auto text = project_file("docs/config_reference.md");
  for (const char* key :
       {"name",           "description", "level",    "scope",     "when",     "for",
        "until",          "hold",        "cooldown", "no_data",   "priority", "enabled",
        "dry_run",        "every_level", "then",     "scale_ttl", "compress", "throttle",
        "release_memory", "emergency",   "alert",    "disable",   "rollout",  "effect"}) {
    EXPECT_NE(text.find(std::string("`") + key + "`"), std::string::npos) << key;
  }
}

TEST(Examples, Load) {
  const Environment environment{{"HOMEOSTAT_ADMIN_TOKEN", "0123456789abcdef"}};
  for (const char* name : {"config/examples/homeostat.yaml", "config/examples/minimal.yaml"}) {
    const auto result = load_file(project_path(name), environment);
    EXPECT_TRUE(result.ok()) << format(result.diagnostics);
  }
}

TEST(Examples, TheCompleteOneNamesEveryKey) {
  const auto text = project_file("config/examples/homeostat.yaml");
  for (const auto& key : catalogue()) {
    if (key.row || !key.available) continue;
    const auto last = key.path.substr(key.path.rfind('.') + 1);
    EXPECT_NE(text.find(last + ":"), std::string::npos) << key.path;
  }
}

TEST(Examples, TheCompleteOneShowsDefaultsWhereItSaysSo) {
  const auto complete = *load_file(project_path("config/examples/homeostat.yaml"),
                                   {{"HOMEOSTAT_ADMIN_TOKEN", "0123456789abcdef"}})
                             .settings;
  const auto minimal = *load_file(project_path("config/examples/minimal.yaml"), {}).settings;
  EXPECT_EQ(
      changed_keys(minimal, complete),
      (std::vector<std::string>{
          "upstream.health.path", "admin.tokens", "cache.query_drop", "cache.rules", "cache.groups",
          "admission.priorities", "admission.deadlines.routes", "admission.rate_limits",
          "admission.concurrency_caps", "admission.weights", "admission.streams",
          "admission.page_limits", "monitor.app.pid_file", "monitor.endpoints.routes",
          "optimization.memory_hook", "alerts.alertmanager", "alerts.labels"}));
}

}  // namespace
}  // namespace homeostat::config
