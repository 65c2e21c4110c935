#include "runtime/app/commands.hpp"

#include <spdlog/spdlog.h>

#include <csignal>
#include <iostream>
#include <utility>

#include "config/builtin.hpp"
#include "config/effective.hpp"
#include "config/rule_loader.hpp"
#include "runtime/alert/alert_dispatcher.hpp"
#include "runtime/alert/http_client.hpp"
#include "runtime/app/agent.hpp"
#include "runtime/cache/rule_warnings.hpp"
#include "runtime/telemetry/logging.hpp"

namespace homeostat::app {
namespace {

std::vector<config::Override> overrides_of(const RunOptions& options) {
  std::vector<config::Override> overrides;
  for (const std::string& setting : options.settings) {
    const std::size_t equals = setting.find('=');
    const std::string key = setting.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : setting.substr(equals + 1);
    overrides.push_back({"--set " + key, key, value});
  }
  return overrides;
}

/// What only the rooms that use a URL know about it.
void check_urls(const config::Settings& settings, const config::Complain& complain) {
  for (const alert::SettingProblem& problem : alert::validate(settings.alerts)) {
    complain(problem.key, problem.message);
  }
  const auto check = [&](const char* key, const std::string& url) {
    if (url.empty()) return;
    if (const auto reason = alert::validate_url(url)) complain(key, *reason);
  };
  check("optimization.memory_hook", settings.optimization.memory_hook);
  check("monitor.scrape", settings.monitor.scrape);
}

void add_flags(const RunOptions& options, std::vector<config::Override>& overrides) {
  if (!options.listen.empty())
    overrides.push_back({"--listen", "listen", "'" + options.listen + "'"});
  if (options.upstreams.empty()) return;
  std::string list = "[";
  for (const std::string& upstream : options.upstreams) {
    list += (list.size() > 1 ? ", '" : "'") + upstream + "'";
  }
  overrides.push_back({"--upstream", "upstream.url", list + "]"});
}

}  // namespace

config::LoadResult load(const RunOptions& options) {
  const config::Environment environment = config::process_environment();
  std::vector<config::Override> overrides = overrides_of(options);
  if (options.config.empty()) {
    return config::from_flags(options.listen, options.upstreams, environment, overrides,
                              check_urls);
  }
  add_flags(options, overrides);
  return config::load_file(options.config, environment, overrides, check_urls);
}

int run_agent(const RunOptions& options) {
  // A reader of the log that ends must not take the agent with it.
  std::signal(SIGPIPE, SIG_IGN);
  config::LoadResult loaded = load(options);
  if (!loaded.ok()) {
    std::cerr << config::format(loaded.diagnostics);
    return 1;
  }
  telemetry::setup_logging(loaded.settings->log);
  Agent agent(std::move(*loaded.settings), [options] { return load(options); });
  if (const std::string error = agent.start(); !error.empty()) {
    spdlog::error("cannot start: {}", error);
    return 1;
  }
  agent.run();
  return 0;
}

int check_configuration(const RunOptions& options, bool print) {
  const config::LoadResult loaded = load(options);
  if (!loaded.ok()) {
    std::cerr << config::format(loaded.diagnostics);
    return 1;
  }
  if (print) {
    std::cout << config::to_yaml(*loaded.settings);
  } else {
    std::cout << "ok: " << loaded.settings->optimization.rules.rules.size() << " rules, "
              << loaded.settings->cache.rules.size() << " cache rules, "
              << loaded.settings->upstream.targets.size() << " upstream targets\n";
  }
  for (const std::string& warning : cache::rule_warnings(loaded.settings->cache)) {
    std::cerr << "warning: " << warning << "\n";
  }
  return 0;
}

int check_rules(const std::vector<std::string>& sources) {
  const config::RuleLoadResult loaded =
      config::load_rules(sources, ".", config::process_environment());
  if (!loaded.ok()) {
    std::cerr << config::format(loaded.diagnostics);
    return 1;
  }
  std::cout << "ok: " << loaded.rules.rules.size() << " rules\n";
  return 0;
}

int print_builtin_rules() {
  for (const config::BuiltinFile& file : config::builtin_files()) {
    std::cout << "# " << file.name << "\n" << file.text << "\n";
  }
  return 0;
}

}  // namespace homeostat::app
