// The command line: run, check, rules, replay, explain, top, demo.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "runtime/app/commands.hpp"
#include "runtime/app/demo/demo.hpp"
#include "runtime/app/explain_command.hpp"
#include "runtime/app/replay_command.hpp"
#include "runtime/app/top_command.hpp"
#include "runtime/app/version.hpp"

namespace {

using homeostat::app::RunOptions;

void add_source_options(CLI::App& command, RunOptions& options) {
  command.add_option("-c,--config", options.config, "YAML configuration file");
  command.add_option("-l,--listen", options.listen, "where clients connect, e.g. :8080");
  command.add_option("-u,--upstream", options.upstreams,
                     "where the application is, e.g. http://127.0.0.1:9000; may be repeated");
  command.add_option("-s,--set", options.settings,
                     "one configuration key, e.g. --set cache.memory=200MiB; may be repeated");
}

void add_replay_options(CLI::App& command, homeostat::app::ReplayCommand& replay) {
  command.add_option("-r,--rules", replay.rules, "rule files, globs or `builtin`; may be repeated")
      ->capture_default_str();
  command.add_option("--compare", replay.compare, "a second rule set over the same signals");
  command
      .add_option("-s,--signals", replay.signals,
                  "recorded signals: CSV, or .json of a Prometheus range query")
      ->required();
  command.add_option("--level", replay.level, "level in force; adaptive follows the load")
      ->capture_default_str();
  command.add_option("--step", replay.step_seconds, "seconds between two evaluations")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  command.add_flag("--json", replay.json, "print JSON");
}

void add_target_options(CLI::App& command, homeostat::app::AdminTarget& target) {
  command.add_option("--admin", target.url, "URL of the management listener")
      ->capture_default_str();
  command.add_option("--token", target.token, "default: HOMEOSTAT_ADMIN_TOKEN");
}

void add_explain_options(CLI::App& command, homeostat::app::ExplainCommand& explain) {
  command.add_option("subject", explain.subject, "a rule's name, or an endpoint: /book/{id}")
      ->required();
  add_target_options(command, explain.target);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"homeostat keeps a service inside its performance envelope"};
  app.set_version_flag("--version", "homeostat " + std::string(homeostat::app::version()) + " (" +
                                        std::string(homeostat::app::revision()) + ")");
  app.require_subcommand(1);
  RunOptions options;
  bool print = false;
  homeostat::demo::DemoOptions demo;

  CLI::App* run = app.add_subcommand("run", "Serve in the foreground until SIGTERM");
  add_source_options(*run, options);
  CLI::App* check = app.add_subcommand("check", "Validate configuration and rules");
  add_source_options(*check, options);
  CLI::Option* printed =
      check->add_flag("--print", print, "print the effective configuration, without secrets");
  std::vector<std::string> rule_files;
  check
      ->add_option("-r,--rules", rule_files,
                   "only these rule files, globs or `builtin`, in order; may be repeated")
      ->excludes(printed)
      ->excludes("--config");
  CLI::App* rules = app.add_subcommand("rules", "Print the built-in rules as YAML");
  CLI::App* show =
      app.add_subcommand("demo", "Overload a sample application without and with the agent");
  homeostat::demo::add_options(*show, demo);

  homeostat::app::ReplayCommand replay;
  CLI::App* again = app.add_subcommand("replay", "Say what rules would have done, offline");
  add_replay_options(*again, replay);
  homeostat::app::ExplainCommand explain;
  CLI::App* why = app.add_subcommand("explain", "Say why a rule or endpoint is in its state");
  add_explain_options(*why, explain);
  homeostat::app::AdminTarget target;
  CLI::App* live = app.add_subcommand("top", "Show a running agent live, in the terminal");
  add_target_options(*live, target);

  CLI11_PARSE(app, argc, argv);
  if (again->parsed()) return homeostat::app::run_replay(replay);
  if (live->parsed()) return homeostat::app::run_top(target);
  if (why->parsed()) return homeostat::app::run_explain(explain);
  if (run->parsed()) return homeostat::app::run_agent(options);
  if (check->parsed() && !rule_files.empty()) return homeostat::app::check_rules(rule_files);
  if (check->parsed()) return homeostat::app::check_configuration(options, print);
  if (rules->parsed()) return homeostat::app::print_builtin_rules();
  if (show->parsed()) return homeostat::demo::run_demo(demo);
  return 2;
}
