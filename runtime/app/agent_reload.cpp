// Reading the configuration again, and taking the rules of a reload back.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "config/effective.hpp"
#include "rules/engine/rule_definition.hpp"
#include "runtime/app/agent_parts.hpp"
#include "runtime/telemetry/logging.hpp"

namespace homeostat::app {
namespace {

bool same_rules(const rules::RuleSet& a, const rules::RuleSet& b) {
  return std::ranges::equal(a.rules, b.rules, [](const rules::Rule& x, const rules::Rule& y) {
    return rules::same_definition(x, y) && x.enabled == y.enabled;
  });
}

}  // namespace

std::vector<std::string> Agent::Parts::reload() {
  std::vector<std::string> errors = load_and_apply();
  events.publish(
      Event("reload", clock.wall_now())
          .with("status", std::string(errors.empty() ? "applied" : "refused"))
          .with("rules_total", static_cast<std::int64_t>(settings->optimization.rules.rules.size()))
          .with("error", errors.empty() ? EventValue() : EventValue(errors.front())));
  return errors;
}

std::vector<std::string> Agent::Parts::load_and_apply() {
  config::LoadResult loaded = loader();
  std::vector<std::string> errors;
  for (const config::Diagnostic& diagnostic : loaded.diagnostics) {
    errors.push_back(config::format(diagnostic));
  }
  if (!loaded.ok()) {
    reload_failures.fetch_add(1, std::memory_order_relaxed);
    spdlog::error("the configuration is bad; nothing was changed");
    return errors;
  }
  config::Reloadable reloadable = config::until_restart(*settings, std::move(*loaded.settings));
  for (const std::string& key : reloadable.kept) {
    spdlog::warn("{} differs from what is in force: takes effect after a restart", key);
  }
  if (!reloadable.contradictions.empty()) {
    reload_failures.fetch_add(1, std::memory_order_relaxed);
    spdlog::error("the configuration needs a restart; nothing was changed");
    return reloadable.contradictions;
  }
  auto next = std::make_shared<const config::Settings>(std::move(reloadable.settings));
  const std::shared_ptr<proxy::UpstreamSet> upstream_before = server->upstream();
  std::vector<config::Address> unknown;
  if (std::string error = server->reload(next, unknown); !error.empty()) {
    reload_failures.fetch_add(1, std::memory_order_relaxed);
    return {error};
  }
  if (const std::size_t dropped = cache.reload(next->cache); dropped > 0) {
    spdlog::info("cache rules changed: {} stored responses dropped", dropped);
  }
  if (!same_rules(settings->optimization.rules, next->optimization.rules)) keep_rules();
  settings = next;
  telemetry::set_log_level(settings->log.level);
  control->reload(settings);
  find_upstream(std::move(unknown));
  if (server->upstream() != upstream_before) {
    restart_upstream_checks();
  } else {
    resolver->look_up();  // the application may have moved
  }
  reloads.fetch_add(1, std::memory_order_relaxed);
  spdlog::info("configuration reloaded: {} rules", settings->optimization.rules.rules.size());
  return {};
}

/// For a rollback. Shares ownership with the settings that hold them.
void Agent::Parts::keep_rules() {
  rules_before = std::shared_ptr<const rules::RuleSet>(settings, &settings->optimization.rules);
}

/// A second one undoes the first. The files are as they were: the next reload
/// reads them again.
admin::ReloadOutcome Agent::Parts::rollback_rules() {
  admin::ReloadOutcome outcome;
  if (!rules_before) {
    outcome.errors = {"there was no reload whose rules could be put back"};
    return outcome;
  }
  auto next = std::make_shared<config::Settings>(*settings);
  next->optimization.rules = *rules_before;
  keep_rules();
  settings = std::move(next);
  control->reload(settings);
  outcome.rules_total = settings->optimization.rules.rules.size();
  spdlog::warn("rules rolled back: {} rules", outcome.rules_total);
  events.publish(Event("reload", clock.wall_now())
                     .with("status", std::string("rolled_back"))
                     .with("rules_total", static_cast<std::int64_t>(outcome.rules_total))
                     .with("error", EventValue()));
  return outcome;
}

}  // namespace homeostat::app
