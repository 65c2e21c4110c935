// `homeostat demo`: overloads a sample application, first bare, then behind the
// agent, with the same load, and prints what the difference was.
//
// Everything is real and measured in the run: three processes (application,
// agent, load), sockets on loopback, ports chosen by the kernel.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace homeostat::demo {

struct DemoOptions {
  std::string role = "story";          ///< story, or app: only the sample application
  unsigned seconds = 60;               ///< length of the whole story, about; at least 20
  unsigned workers = 8;                ///< of the sample application
  double overload = 4;                 ///< times the application's capacity
  std::string listen = "127.0.0.1:0";  ///< role app: where it listens
  bool keep_running = false;           ///< leave application and agent up at the end
  unsigned seed = 1;
};

void add_options(CLI::App& command, DemoOptions& options);

/// Returns the exit code: 0 only when the protected run was clearly better.
[[nodiscard]] int run_demo(const DemoOptions& options);

}  // namespace homeostat::demo
