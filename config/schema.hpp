// The schema of the configuration: which keys there are, which field each one
// sets, its range, and whether a change needs a restart. docs/config_reference.md
// describes the same facts; a test compares the two.
//
// Thread safety: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/leaf.hpp"
#include "config/settings.hpp"

namespace homeostat::config {

/// Walks every key of `settings`, in the order of the reference.
void visit(Visitor& visitor, Settings& settings);

// Parts of visit(), one per file.
void visit_listen(Visitor& visitor, Settings& settings);
void visit_server(Visitor& visitor, ServerSettings& settings);
void visit_upstream(Visitor& visitor, UpstreamSettings& settings);
void visit_breaker(Visitor& visitor, BreakerSettings& settings);
void visit_outliers(Visitor& visitor, OutlierSettings& settings);
void visit_retry_budget(Visitor& visitor, RetryBudgetSettings& settings);
void visit_admin(Visitor& visitor, AdminSettings& settings);
void visit_cache(Visitor& visitor, CacheSettings& settings);
void visit_redis(Visitor& visitor, RedisSettings& settings);
void visit_compression(Visitor& visitor, CompressionSettings& settings);
void visit_admission(Visitor& visitor, AdmissionSettings& settings);
void visit_monitor(Visitor& visitor, MonitorSettings& settings);
void visit_slo(Visitor& visitor, std::vector<ObjectiveSettings>& objectives);
void visit_optimization(Visitor& visitor, OptimizationSettings& settings);
void visit_alerts(Visitor& visitor, AlertSettings& settings);
void visit_log(Visitor& visitor, LogSettings& settings);
/// {path, methods} of a rule.
void visit_match(Visitor& visitor, RequestMatch& match);

/// One key as the reference lists it.
struct KeyFacts {
  std::string path;  ///< dotted; keys of a list's rows as cache.rules[].ttl
  std::string type;  ///< "section" for a map of keys
  std::string default_text;
  std::string allowed;
  Apply apply = Apply::reload;
  bool available = true;  ///< false: refused in this version
  bool section = false;
  bool row = false;  ///< belongs to a list's rows: cannot be set by environment
};

/// Every key, in order. Computed once.
[[nodiscard]] const std::vector<KeyFacts>& catalogue();

/// The full path of the only key with this last part, e.g. "memory" ->
/// "cache.memory"; empty if there is none or more than one.
[[nodiscard]] std::string key_named(std::string_view last_part);

}  // namespace homeostat::config
