#include "runtime/sense/system_sensor.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "runtime/sense/cgroup_paths.hpp"
#include "runtime/sense/cpu.hpp"
#include "runtime/sense/disk_network.hpp"
#include "runtime/sense/files.hpp"
#include "runtime/sense/memory.hpp"
#include "runtime/sense/pressure.hpp"
#include "runtime/sense/source_watch.hpp"

namespace homeostat::sense {
namespace {

using rules::Quality;
using rules::Reading;
using rules::SignalId;
using rules::SignalValues;

constexpr const char* no_source = "none";

const char* cgroup_source(CgroupVersion version, bool app) noexcept {
  if (version == CgroupVersion::v2) return app ? "app-cgroup2" : "cgroup2";
  return app ? "app-cgroup1" : "cgroup1";
}

void put(SignalValues& values, SignalId id, const std::optional<double>& value, Instant at,
         const char* source) {
  Reading& reading = values[static_cast<std::size_t>(id)];
  reading =
      value ? Reading{*value, at, Quality::good, source} : Reading{0, at, Quality::missing, source};
}

/// One cgroup of interest with what was last read of its limits.
struct CgroupScope {
  CgroupCpu cpu{CgroupPaths{}};
  std::optional<CpuLimit> cpu_limit;
  std::vector<MemoryLimit> memory_limits;

  [[nodiscard]] const CgroupPaths& paths() const noexcept { return cpu.paths(); }

  void refresh(CgroupPaths now, std::optional<double> online, std::optional<std::uint64_t> total) {
    if (!(now == paths())) cpu = CgroupCpu(std::move(now));
    cpu_limit = online ? sense::cpu_limit(paths(), *online) : std::nullopt;
    memory_limits.clear();
    if (paths().memory.known() && total) {
      memory_limits = cgroup_memory_limits(paths().memory, *total);
    }
  }
  [[nodiscard]] bool cpu_limited() const noexcept { return cpu_limit && cpu_limit->limited; }
};

struct PressureSource {
  const char* source;
  std::array<PressureReader, 3> readers;  // cpu, memory, io
};

PressureSource pressure_of(const char* source, const std::string& directory, const char* suffix) {
  const auto reader = [&](const char* name) {
    return PressureReader(directory + "/" + name + suffix);
  };
  return {source, {reader("cpu"), reader("memory"), reader("io")}};
}

}  // namespace

struct SystemSensor::State {
  State(const config::MonitorSettings& from, EventHook hook)
      : settings(from),
        watch(std::move(hook)),
        tree(from.root),
        host(from.root),
        network(from.root) {}

  void refresh(Instant now);
  void refresh_pressure();
  void sample_cpu(Instant now, SignalValues& values, SensorDetails& details);
  void sample_memory(Instant now, SignalValues& values, SensorDetails& details);
  void sample_pressure(Instant now, SignalValues& values, SensorDetails& details);
  void sample_rest(Instant now, SignalValues& values);
  [[nodiscard]] CgroupPaths app_paths() const;

  config::MonitorSettings settings;
  SourceWatch watch;
  std::optional<Instant> refreshed, disk_at;
  std::optional<double> online, disk;
  std::optional<std::uint64_t> app_pid;
  CgroupScope app, own;
  ProcessTreeCpu tree;
  HostCpu host;
  MedianOfThree median;
  const char* cpu_source = no_source;
  std::vector<PressureSource> pressure;
  NetworkReader network;
};

CgroupPaths SystemSensor::State::app_paths() const {
  if (!settings.app_cgroup.empty()) {
    // As written, else relative to the usual mount point.
    CgroupPaths paths = explicit_cgroup(settings.root, settings.app_cgroup);
    if (!paths.known())
      paths = explicit_cgroup(settings.root, join_path("/sys/fs/cgroup", settings.app_cgroup));
    return paths;
  }
  return app_pid ? resolve_cgroup(settings.root, std::to_string(*app_pid)) : CgroupPaths{};
}

void SystemSensor::State::refresh(Instant now) {
  if (refreshed && now - *refreshed < limit_refresh) return;
  refreshed = now;
  online = online_cpus(settings.root);
  app_pid = settings.app_pid_file.empty() ? std::nullopt : read_number(settings.app_pid_file);
  const auto machine = host_memory(settings.root);
  const auto total = machine ? std::optional(machine->total) : std::nullopt;
  app.refresh(app_paths(), online, total);
  own.refresh(resolve_cgroup(settings.root, "self"), online, total);
  refresh_pressure();
}

void SystemSensor::State::refresh_pressure() {
  std::vector<PressureSource> wanted;
  if (app.paths().unified.known()) {
    wanted.push_back(pressure_of("app-cgroup2", app.paths().unified.leaf, ".pressure"));
  }
  if (own.paths().unified.known() && (own.cpu_limited() || !own.memory_limits.empty())) {
    wanted.push_back(pressure_of("cgroup2", own.paths().unified.leaf, ".pressure"));
  }
  wanted.push_back(pressure_of("host", join_path(settings.root, "/proc/pressure"), ""));
  const bool same = std::equal(wanted.begin(), wanted.end(), pressure.begin(), pressure.end(),
                               [](const PressureSource& a, const PressureSource& b) {
                                 return a.readers[0].path() == b.readers[0].path();
                               });
  if (!same) pressure = std::move(wanted);
}

// Every scope is sampled at every call, so that the next best one has a rate
// at once when the best one is lost.
void SystemSensor::State::sample_cpu(Instant now, SignalValues& values, SensorDetails& details) {
  const CgroupCpu::Sample app_sample =
      app.paths().known() ? app.cpu.sample(now) : CgroupCpu::Sample{};
  const CgroupCpu::Sample own_sample =
      own.paths().known() ? own.cpu.sample(now) : CgroupCpu::Sample{};
  const ProcessTreeCpu::Sample tree_sample =
      app_pid ? tree.sample(*app_pid, now) : ProcessTreeCpu::Sample{};
  const HostCpu::Sample host_sample = host.sample(now);
  const bool app_wanted = !settings.app_cgroup.empty() || app.cpu_limited();

  const char* source = no_source;
  std::optional<double> used, cores, utilization;
  if (app_sample.readable && app.cpu_limit && app_wanted) {
    source = cgroup_source(app.paths().cpuacct.version, true);
    used = app_sample.cores;
    cores = app.cpu_limit->cores;
  } else if (tree_sample.readable && online) {
    source = "app-process-tree";
    used = tree_sample.cores;
    cores = online;
  } else if (own_sample.readable && own.cpu_limited()) {
    source = cgroup_source(own.paths().cpuacct.version, false);
    used = own_sample.cores;
    cores = own.cpu_limit->cores;
  } else if (host_sample.readable) {
    source = "host";
    cores = online;
    utilization = host_sample.utilization;
    if (utilization && online) used = *utilization * *online;
  }
  if (source != std::exchange(cpu_source, source)) median.reset();
  if (!utilization && used && cores && *cores > 0) utilization = std::min(1.0, *used / *cores);
  if (utilization) utilization = median.add(*utilization);
  watch.report("cpu", source);
  put(values, SignalId::cpu_utilization, utilization, now, source);
  const bool app_throttled = app_sample.throttled.has_value();
  const CgroupPaths& throttled_paths = app_throttled ? app.paths() : own.paths();
  put(values, SignalId::cpu_throttled, app_throttled ? app_sample.throttled : own_sample.throttled,
      now,
      throttled_paths.cpu.known() ? cgroup_source(throttled_paths.cpu.version, app_throttled)
                                  : no_source);
  details.cpu_source = source;
  details.cpu_cores = cores;
  details.cpu_cores_used = used;
  details.host_steal = host_sample.steal;
  details.host_iowait = host_sample.iowait;
  if (tree_sample.readable) details.app_resident_bytes = tree_sample.resident_bytes;
}

void SystemSensor::State::sample_memory(Instant now, SignalValues& values, SensorDetails& details) {
  const char* source = no_source;
  std::optional<std::uint64_t> used, limit;
  for (const CgroupScope* scope : {&app, &own}) {
    if (scope->memory_limits.empty()) continue;
    const auto use = cgroup_memory_use(scope->paths().memory, scope->memory_limits);
    if (!use) continue;
    used = use->working_set;
    limit = use->limit;
    source = cgroup_source(scope->paths().memory.version, scope == &app);
    if (const auto events = memory_events(scope->paths().memory)) {
      details.memory_high_events = events->high;
      details.memory_oom_events = events->oom;
    }
    break;
  }
  if (!used) {
    if (const auto machine = host_memory(settings.root)) {
      used = machine->total - machine->available;
      limit = machine->total;
      source = "host";
    }
  }
  watch.report("memory", source);
  std::optional<double> working_set, utilization;
  if (used && limit) {
    working_set = static_cast<double>(*used);
    utilization = *working_set / static_cast<double>(*limit);
  }
  put(values, SignalId::memory_working_set, working_set, now, source);
  put(values, SignalId::memory_utilization, utilization, now, source);
  details.memory_source = source;
  details.memory_limit = limit;
}

void SystemSensor::State::sample_pressure(Instant now, SignalValues& values,
                                          SensorDetails& details) {
  struct Choice {
    const char* source = no_source;
    PressureReader::Sample sample;
  };
  std::array<Choice, 3> chosen;
  for (PressureSource& from : pressure) {
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      const PressureReader::Sample sample = from.readers[i].sample(now);
      if (sample.readable && !chosen[i].sample.readable) chosen[i] = {from.source, sample};
    }
  }
  const auto& [cpu, memory, io] = chosen;
  watch.report("pressure", cpu.source);
  put(values, SignalId::cpu_pressure, cpu.sample.some, now, cpu.source);
  put(values, SignalId::memory_pressure, memory.sample.some, now, memory.source);
  put(values, SignalId::memory_full_pressure, memory.sample.full_lasting, now, memory.source);
  details.pressure_source = cpu.source;
  details.io_pressure = io.sample.some;
}

void SystemSensor::State::sample_rest(Instant now, SignalValues& values) {
  if (!disk_at || now - *disk_at >= disk_refresh) {
    disk = disk_utilization(settings.root, settings.disks);
    disk_at = now;
  }
  put(values, SignalId::disk_utilization, disk, *disk_at, disk ? "statvfs" : no_source);
  const NetworkReader::Sample traffic = network.sample(now);
  const char* source = traffic.readable ? "net-dev" : no_source;
  put(values, SignalId::network_received, traffic.received, now, source);
  put(values, SignalId::network_sent, traffic.sent, now, source);
  const auto resident = resident_bytes(settings.root, "self");
  put(values, SignalId::agent_memory,
      resident ? std::optional(static_cast<double>(*resident)) : std::nullopt, now,
      resident ? "statm" : no_source);
}

SystemSensor::SystemSensor(const config::MonitorSettings& settings, EventHook hook)
    : state_(std::make_unique<State>(settings, std::move(hook))) {}

SystemSensor::~SystemSensor() = default;

void SystemSensor::sample(Instant now, SignalValues& values) {
  SensorDetails details;
  state_->refresh(now);
  state_->sample_cpu(now, values, details);
  state_->sample_memory(now, values, details);
  state_->sample_pressure(now, values, details);
  state_->sample_rest(now, values);
  const std::lock_guard lock(mutex_);
  details_ = details;
}

SensorDetails SystemSensor::details() const {
  const std::lock_guard lock(mutex_);
  return details_;
}

}  // namespace homeostat::sense
