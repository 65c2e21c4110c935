// The story: the same load twice, without and with the agent.
//
//   1. measure what the application can do (a short saturation)
//   2. warm-up, overload, recovery against the application itself
//   3. the same, same seed, through the agent; the application is a fresh one
//   4. table, verdict, and where to look next
//
// Errors are printed with the log of the child that caused them.
// Thread safety: none; run it on the main thread (children die with it).
#pragma once

#include <cstddef>
#include <string>

#include "runtime/app/demo/demo.hpp"
#include "runtime/app/demo/event_loop.hpp"
#include "runtime/app/demo/load_generator.hpp"
#include "runtime/app/demo/run_result.hpp"
#include "runtime/app/demo/servers.hpp"

namespace homeostat::demo {

class Story {
 public:
  Story(const DemoOptions& options, Clock& clock);

  /// The exit code: 0 better; 1 not clearly better, no verdict possible, or
  /// failed; 130 interrupted.
  [[nodiscard]] int tell();

 private:
  /// Probes until one probe can be relied on; a few times at most.
  [[nodiscard]] bool measure_capacity();
  /// One probe: sets capacity_, or leaves it 0 when it cannot be relied on.
  /// False when a child died or a signal came.
  [[nodiscard]] bool probe();
  [[nodiscard]] std::optional<RunResult> run_bare(const Plan& plan);
  [[nodiscard]] std::optional<RunResult> run_guarded(const Plan& plan);
  /// Runs the load to its end; false when a child died or a signal came.
  [[nodiscard]] bool run_load(LoadGenerator& load);
  [[nodiscard]] LoadGenerator::Options load_options(std::uint16_t port, const Plan& plan) const;
  [[nodiscard]] bool children_alive();
  [[nodiscard]] bool fail(const std::string& message);
  void show_where_to_look();
  void keep_serving();

  DemoOptions options_;
  Clock& clock_;
  std::size_t descriptors_;
  EventLoop loop_;
  WorkDirectory directory_;
  ApplicationServer application_;  // ends after the agent does
  AgentServer agent_;
  bool agent_expected_ = false;
  double capacity_ = 0;  ///< requests per second
};

}  // namespace homeostat::demo
