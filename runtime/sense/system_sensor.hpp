// The machine as the control plane sees it: fills the cpu.*, memory.*, disk.*,
// network.* and agent.* signals and says where each comes from.
//
// CPU scope, best first: the application's cgroup (configured, or the limited
// one of the process in the pid file), the application's process tree, our own
// cgroup if it is limited, the host. Memory scope: the application's cgroup if
// limited, our own if limited, the host. Pressure follows the same order where
// the files exist. The source is in every Reading; a change is reported once
// through the hook.
//
// A signal that cannot be measured is `missing`, never 0; rates need two calls.
// CPU utilization is the median of three samples. Limits and the pid file are
// read again every 5 s, disks every 10 s.
//
// Thread safety: sample from one thread at a time; details from any thread.
// Ownership: copies its settings. Errors: none; see above.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "config/settings/monitor.hpp"
#include "runtime/ports/clock.hpp"
#include "runtime/ports/signals.hpp"

namespace homeostat::sense {

/// What the sensor knows beyond the signals, for metrics and the admin page.
struct SensorDetails {
  const char* cpu_source = "none";
  const char* memory_source = "none";
  const char* pressure_source = "none";
  std::optional<double> cpu_cores;  ///< usable CPUs of the CPU scope
  std::optional<double> cpu_cores_used;
  std::optional<double> host_steal, host_iowait;    ///< shares of host CPU time
  std::optional<double> io_pressure;                ///< PSI some
  std::optional<std::uint64_t> memory_limit;        ///< bytes of the memory scope
  std::optional<std::uint64_t> app_resident_bytes;  ///< of the process tree
  std::optional<std::uint64_t> memory_high_events, memory_oom_events;
};

class SystemSensor final : public ResourceSensor {
 public:
  static constexpr Duration limit_refresh = std::chrono::seconds(5);
  static constexpr Duration disk_refresh = std::chrono::seconds(10);

  /// Called with one line when a source changes or is lost.
  using EventHook = std::function<void(const std::string&)>;

  explicit SystemSensor(const config::MonitorSettings& settings, EventHook hook = nullptr);
  ~SystemSensor() override;

  void sample(Instant now, rules::SignalValues& values) override;
  [[nodiscard]] SensorDetails details() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
  mutable std::mutex mutex_;  // guards details_ only
  SensorDetails details_;
};

}  // namespace homeostat::sense
