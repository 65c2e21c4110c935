#include "runtime/app/demo/demo.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "runtime/app/demo/sample_app.hpp"
#include "runtime/app/demo/story.hpp"

namespace homeostat::demo {

void add_options(CLI::App& command, DemoOptions& options) {
  command.add_option("--role", options.role, "story: everything; app: only the sample application")
      ->check(CLI::IsMember({"story", "app"}))
      ->capture_default_str();
  command.add_option("--listen", options.listen, "where the sample application listens (role app)")
      ->capture_default_str();
  command.add_option("--workers", options.workers, "the sample application's worker threads")
      ->check(CLI::Range(1U, 64U))
      ->capture_default_str();
  command.add_option("--seconds", options.seconds, "length of the story, about")
      ->check(CLI::Range(20U, 3600U))
      ->capture_default_str();
  command
      .add_option("--overload", options.overload, "load, in times of the application's capacity")
      ->check(CLI::Range(1.5, 20.0))
      ->capture_default_str();
  command.add_option("--seed", options.seed, "of the request sequence")->capture_default_str();
  command.add_flag("--keep-running", options.keep_running,
                   "leave application and agent up at the end, until Ctrl-C");
}

int run_demo(const DemoOptions& options) {
  if (options.role == "app") {
    SampleAppOptions app;
    app.listen = options.listen;
    app.workers = options.workers;
    return run_sample_app(app);
  }
  try {
    Story story(options, SystemClock::instance());
    return story.tell();
  } catch (const std::exception& error) {  // set-up: signals, temporary directory
    fmt::print(stderr, "demo: {}\n", error.what());
    return 1;
  }
}

}  // namespace homeostat::demo
