// An application that answers one path only when it is told to, and what the
// agent says of those who wait for a place meanwhile.
//
// Thread safety: use from the test's thread.
#pragma once

#include <string>
#include <utility>

#include "tests/e2e/running_agent.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {

class HeldOrigin {
 public:
  /// Answers `path` with 200, `fields` and "done" once go_on is set.
  explicit HeldOrigin(const std::string& path, std::string fields = {}) {
    origin.on(path, [this, fields = std::move(fields)](OriginExchange& exchange) {
      go_on.wait();
      exchange.respond(200, fields, "done");
    });
  }
  ~HeldOrigin() { go_on.set(); }

  Signal go_on;  // outlives the origin's threads
  ScriptedOrigin origin;
};

/// Admission by one place; whoever comes waits a minute at most unless `more` says otherwise.
[[nodiscard]] inline AgentConfig one_place(const ScriptedOrigin& origin,
                                           const std::string& more = "max_wait: 1m") {
  AgentConfig config = config_for(origin);
  config.workers = 1;
  config.admission = "mode: on, limit_initial: 1, limit_min: 1, limit_max: 1, " + more;
  return config;
}

/// Requests that wait for a permit, as the agent reports.
[[nodiscard]] inline bool waiting_becomes(const RunningAgent& agent, double count) {
  return eventually([&] { return agent.metric("homeostat_admission_queue_length") == count; });
}

}  // namespace homeostat::test
