// The whole agent inside the test's process: built from configuration text,
// listening on ports the kernel chose, running on a thread of its own.
//
// Thread safety: clients may be made from any thread; the rest on the test's.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "runtime/app/agent.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/scripted_origin.hpp"

namespace homeostat::test {

/// Sections of the configuration as YAML flow text without braces. What the
/// machine's own load could disturb (admission, rules) is off unless asked for.
struct AgentConfig {
  std::string listen = "127.0.0.1:0";
  std::string upstream_url;  ///< one URL or a flow list
  std::string upstream;
  std::string server;
  std::string cache;
  std::string compression;
  std::string admission = "mode: off";
  std::string monitor = "interval: 100ms";
  std::string optimization = "rules: [], interval: 100ms";
  std::string slo;  ///< a flow list
  std::string alerts;
  std::string admin = "allow_injection: true";
  unsigned workers = 2;

  [[nodiscard]] std::string text() const;
};

/// The defaults in front of one upstream.
[[nodiscard]] AgentConfig config_for(const ScriptedOrigin& origin);

class RunningAgent {
 public:
  explicit RunningAgent(const AgentConfig& config, bool handle_signals = false);
  /// One upstream, everything else as the defaults of AgentConfig.
  explicit RunningAgent(const ScriptedOrigin& origin);
  ~RunningAgent();
  RunningAgent(const RunningAgent&) = delete;
  RunningAgent& operator=(const RunningAgent&) = delete;

  [[nodiscard]] std::uint16_t port() const { return agent_->listening().front().port; }
  [[nodiscard]] std::uint16_t admin_port() const { return agent_->admin_address().port; }
  /// One request on a connection of its own.
  [[nodiscard]] Message get(std::string_view target, std::string_view fields = {}) const;
  [[nodiscard]] Message admin(std::string_view method, std::string_view target,
                              std::string_view body = {}) const;
  [[nodiscard]] std::string status() const;
  /// The value of a metric line that starts with `name` (labels included), or -1.
  [[nodiscard]] double metric(const std::string& name) const;
  /// What the next reload will read.
  void set_text(std::string text);
  void crash_actor(const std::string& name) { agent_->crash_actor(name); }
  /// Ends the agent and waits for it.
  void stop();
  /// Waits until run() has returned by itself.
  void join();

 private:
  std::shared_ptr<std::string> text_;
  std::shared_ptr<std::mutex> text_mutex_;
  std::unique_ptr<app::Agent> agent_;
  std::thread thread_;
};

}  // namespace homeostat::test
