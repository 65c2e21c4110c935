// Reloads by cause, among them a change of the files themselves.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "config/files.hpp"
#include "runtime/app/agent_parts.hpp"
#include "runtime/app/metric_families.hpp"

namespace homeostat::app {
namespace {

constexpr std::array<const char*, reload_cause_count> cause_names{"signal", "api", "file"};
constexpr std::array<const char*, 2> result_names{"applied", "refused"};

/// An excerpt with carets is of no use unless its lines stay lines.
void log_lines(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    spdlog::error("{}", text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

}  // namespace

std::vector<std::string> Agent::Parts::reload_because(ReloadCause cause) {
  std::vector<std::string> errors = reload();
  auto& counts = reloads_by_cause.at(static_cast<std::size_t>(cause));
  counts[errors.empty() ? 0 : 1].fetch_add(1, std::memory_order_relaxed);
  return errors;
}

void Agent::Parts::reload_and_log(ReloadCause cause) {
  for (const std::string& reason : reload_because(cause)) log_lines(reason);
}

/// Also what a refused reload has read: that is where the mistake will be mended.
std::vector<std::string> Agent::Parts::watched_files() const {
  if (!settings->reload_on_change) return {};
  std::vector<std::string> paths = files_read;
  if (!settings->source_path.empty()) paths.push_back(settings->source_path);
  const std::string base_dir =
      settings->source_path.empty() ? "." : config::folder_of(settings->source_path);
  for (const std::string& entry : settings->optimization.rule_sources) {
    if (entry != "builtin") paths.push_back(config::resolve_path(entry, base_dir));
  }
  std::sort(paths.begin(), paths.end());
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  return paths;
}

void Agent::Parts::watch_files() {
  file_watch = std::make_unique<FileWatch>(
      context, [this] { return watched_files(); },
      [this] {
        spdlog::info("configuration or rule files have changed: reloading");
        reload_and_log(ReloadCause::file);
      });
  // Whoever asks for a reload, the files are read then: as they are is as they are known.
  loader = [this, load = std::move(loader)] {
    file_watch->settle();
    config::LoadResult loaded = load();
    files_read = loaded.files;
    return loaded;
  };
  file_watch->start();
}

void register_reloads(telemetry::MetricsRegistry& metrics, Agent::Parts& parts) {
  for (std::size_t cause = 0; cause < reload_cause_count; ++cause) {
    for (std::size_t result = 0; result < result_names.size(); ++result) {
      const auto& count = parts.reloads_by_cause.at(cause).at(result);
      metrics.counter("homeostat_config_reload_causes_total",
                      "Reloads by what asked for them and what came of it.",
                      {{"cause", cause_names.at(cause)}, {"result", result_names.at(result)}},
                      [&count] { return number(count.load()); });
    }
  }
}

}  // namespace homeostat::app
