// The whole agent: builds every room from the settings, runs them, and ends
// them in order.
//
// Threads: one per worker (data plane), two for the actors (control plane), one
// for compression at low priority, and the caller's, which runs the control
// loop: admin listener, alerts, health checks, signals, policy watchdog.
//
// Thread safety: construct, start and run on one thread; stop() from any.
// Errors: start() returns text; nothing is left running then.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/loader.hpp"
#include "config/settings.hpp"

namespace homeostat::app {

class Agent {
 public:
  /// Reads the configuration again, on reload.
  using Loader = std::function<config::LoadResult()>;

  Agent(config::Settings settings, Loader loader);
  ~Agent();
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  /// Binds and starts everything; from then on signals are handled, unless
  /// `handle_signals` is false. Empty on success.
  [[nodiscard]] std::string start(bool handle_signals = true);

  /// Serves until SIGTERM or SIGINT has drained the agent, a second one asked
  /// it to quit, or stop() was called.
  void run();
  void stop();

  [[nodiscard]] const std::vector<config::Address>& listening() const;
  [[nodiscard]] const config::Address& admin_address() const;
  /// Loads the configuration again; the reasons why not, if it is bad.
  [[nodiscard]] std::vector<std::string> reload();
  /// Fault injection for tests: makes one actor fail.
  void crash_actor(const std::string& name);

  struct Parts;  ///< agent_parts.hpp; for the agent's own files

 private:
  std::unique_ptr<Parts> parts_;
};

}  // namespace homeostat::app
