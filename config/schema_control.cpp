// monitor, slo, optimization, alerts, log.
#include "config/list_leaves.hpp"
#include "config/rows_leaf.hpp"
#include "config/schema.hpp"
#include "config/settings/words.hpp"
#include "config/text_checks.hpp"

namespace homeostat::config {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t routes_max = 1000;

/// log.level is a word, held as text because spdlog parses it.
class LogLevelLeaf final : public ScalarLeaf {
 public:
  explicit LogLevelLeaf(std::string& field) : field_(field) {}
  std::string show() const override { return field_; }
  std::string type() const override { return "word"; }
  std::string allowed() const override { return "trace, debug, info, warn or error"; }
  void take(const Leaf& same_key) override { field_ = same_kind(*this, same_key).field_; }

 private:
  std::optional<UnitError> set(const Node& scalar) override {
    for (const auto word : words::log_level) {
      if (scalar.text == word) {
        field_ = scalar.text;
        return std::nullopt;
      }
    }
    return UnitError{"allowed is " + allowed()};
  }
  std::string& field_;
};

void visit_objective(Visitor& visitor, ObjectiveSettings& objective) {
  visitor.leaf({"name"}, TextLeaf(objective.name, "name", check_identifier));
  visit_match(visitor, objective.match);
  visitor.leaf({"target"}, RatioLeaf(objective.target, 0.5, 0.99999));
  visitor.leaf({"latency"}, DurationLeaf(objective.latency, 0ms, 1min));
}

void check_objective(ObjectiveSettings&, const Node& row, const std::string& path, Reading& reading,
                     bool) {
  if (row.find("name") == nullptr) {
    reading.report.error(row.place, fmt::format("`{}` needs a `name`", path));
  }
}

}  // namespace

void visit_monitor(Visitor& visitor, MonitorSettings& monitor) {
  visitor.begin({"monitor"});
  visitor.leaf({"interval", Apply::restart}, DurationLeaf(monitor.interval, 100ms, 1min));
  visitor.begin({"app"});
  visitor.leaf({"pid_file", Apply::restart},
               TextLeaf(monitor.app_pid_file, "file", check_absolute_path));
  visitor.leaf({"cgroup", Apply::restart},
               TextLeaf(monitor.app_cgroup, "folder", check_absolute_path));
  visitor.end();
  visitor.leaf({"disks", Apply::restart},
               TextListLeaf(monitor.disks, "mount points", check_absolute_path, {32, 1024}));
  visitor.leaf({"root", Apply::restart}, TextLeaf(monitor.root, "folder", check_absolute_path));
  visitor.begin({"endpoints"});
  visitor.leaf({"routes", Apply::restart},
               TextListLeaf(monitor.endpoints.routes, "routes", check_route, {routes_max, 1024}));
  visitor.leaf({"max", Apply::restart}, IntegerLeaf(monitor.endpoints.max, 1, 10'000));
  visitor.end();
  visitor.leaf({"history_memory", Apply::restart},
               SizeLeaf(monitor.history_memory, mebibyte, 1024 * mebibyte));
  visitor.leaf({"scrape", Apply::restart},
               TextLeaf(monitor.scrape, "URL", check_url, TextLeaf::Show::url_host, 2048));
  visitor.leaf({"scrape_interval", Apply::restart},
               DurationLeaf(monitor.scrape_interval, 1s, 5min));
  visitor.leaf({"scrape_timeout", Apply::restart},
               DurationLeaf(monitor.scrape_timeout, 100ms, 1min));
  visitor.begin({"record"});
  visitor.leaf({"file", Apply::restart},
               TextLeaf(monitor.record.file, "file", check_absolute_path));
  visitor.leaf({"every", Apply::restart}, DurationLeaf(monitor.record.every, 1s, 5min));
  visitor.leaf({"bytes_max", Apply::restart},
               SizeLeaf(monitor.record.bytes_max, mebibyte, 1024 * 1024 * mebibyte));
  visitor.end();
  visitor.end();
}

void visit_slo(Visitor& visitor, std::vector<ObjectiveSettings>& objectives) {
  visitor.leaf(
      {"slo", Apply::restart},
      RowsLeaf<ObjectiveSettings>(objectives, objectives_max, visit_objective, check_objective));
}

void visit_optimization(Visitor& visitor, OptimizationSettings& optimization) {
  visitor.begin({"optimization"});
  visitor.leaf({"enabled"}, BoolLeaf(optimization.enabled));
  visitor.leaf({"mode"},
               ChoiceLeaf(optimization.mode, words::loop_mode).also(words::switch_spellings));
  visitor.leaf({"level"}, ChoiceLeaf(optimization.level, words::level_setting));
  visitor.leaf({"rules"}, TextListLeaf(optimization.rule_sources, "`builtin`, files or globs",
                                       check_file_name, {}));
  visitor.leaf({"interval", Apply::restart}, DurationLeaf(optimization.interval, 100ms, 1min));
  visitor.leaf({"memory_hook", Apply::restart}, TextLeaf(optimization.memory_hook, "URL", check_url,
                                                         TextLeaf::Show::url_host, 2048));
  visitor.leaf({"memory_hook_timeout", Apply::restart},
               DurationLeaf(optimization.memory_hook_timeout, 10ms, 1min));
  visitor.leaf({"emergency_leave_after"}, DurationLeaf(optimization.emergency_leave_after, 1s, 1h));
  visitor.leaf({"policy_lease", Apply::restart},
               DurationLeaf(optimization.policy_lease, 2s, 10min));
  visitor.end();
}

void visit_alerts(Visitor& visitor, AlertSettings& alerts) {
  visitor.begin({"alerts"});
  visitor.leaf({"alertmanager", Apply::restart},
               TextLeaf(alerts.alertmanager, "URL", check_url, TextLeaf::Show::url_host, 2048));
  visitor.leaf({"webhooks", Apply::restart},
               TextListLeaf(alerts.webhooks, "URLs", check_url,
                            {.items_max = 16, .bytes_max = 2048, .secret = true}));
  visitor.leaf({"resend", Apply::restart}, DurationLeaf(alerts.resend, 1s, 1h));
  visitor.leaf({"timeout", Apply::restart}, DurationLeaf(alerts.timeout, 100ms, 1min));
  visitor.leaf({"queue_max", Apply::restart}, IntegerLeaf(alerts.queue_max, 1, 100'000));
  visitor.leaf({"labels", Apply::restart}, PairsLeaf(alerts.labels, check_label_name));
  visitor.end();
}

void visit_log(Visitor& visitor, LogSettings& log) {
  visitor.begin({"log"});
  visitor.leaf({"format", Apply::restart}, ChoiceLeaf(log.format, words::log_format));
  visitor.leaf({"level"}, LogLevelLeaf(log.level));
  visitor.begin({"access"});
  visitor.leaf({"enabled", Apply::restart}, BoolLeaf(log.access.enabled));
  visitor.leaf({"sample", Apply::restart}, RatioLeaf(log.access.sample, 0, 1));
  visitor.end();
  visitor.end();
}

}  // namespace homeostat::config
