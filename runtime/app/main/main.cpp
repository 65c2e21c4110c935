// The command line: run, check, demo, rules.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "runtime/app/commands.hpp"
#include "runtime/app/demo/demo.hpp"
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
  check->add_flag("--print", print, "print the effective configuration, without secrets");
  CLI::App* rules = app.add_subcommand("rules", "Print the built-in rules as YAML");
  CLI::App* show =
      app.add_subcommand("demo", "Overload a sample application without and with the agent");
  homeostat::demo::add_options(*show, demo);

  CLI11_PARSE(app, argc, argv);
  if (run->parsed()) return homeostat::app::run_agent(options);
  if (check->parsed()) return homeostat::app::check_configuration(options, print);
  if (rules->parsed()) return homeostat::app::print_builtin_rules();
  if (show->parsed()) return homeostat::demo::run_demo(demo);
  return 2;
}
