// The registry behind /metrics: value callbacks and collectors, rendered in the
// Prometheus text format through prometheus-cpp.
//
// Names follow the Prometheus convention: homeostat_<what>_<unit>[_total], base
// units (seconds, bytes), ratios 0..1.
//
// Thread safety: any thread. Callbacks run on the thread that renders, under
// the registry's mutex: they must not block, throw or register. Ownership: the
// registry keeps the callbacks; what they refer to must outlive it.
// Errors: an invalid metric or label name, a counter without `_total`, an empty
// help text or a type clash throws std::invalid_argument when registering.
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace homeostat::telemetry {

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

class MetricsRegistry {
 public:
  using Value = std::function<double()>;
  using Collector = std::function<void(std::vector<prometheus::MetricFamily>&)>;

  MetricsRegistry();
  ~MetricsRegistry();
  MetricsRegistry(const MetricsRegistry&) = delete;
  MetricsRegistry& operator=(const MetricsRegistry&) = delete;

  /// A monotonic total. Registering one name with other labels adds a series.
  void counter(const std::string& name, const std::string& help, MetricLabels labels, Value value);
  /// A value that may go up and down. NaN leaves the series out of this scrape.
  void gauge(const std::string& name, const std::string& help, MetricLabels labels, Value value);
  /// Appends whole families at every scrape.
  void collector(Collector collect);
  /// A prometheus-cpp Registry or Collectable of somebody else's.
  void collectable(std::shared_ptr<prometheus::Collectable> source);

  /// All families sorted by name; those of one name are merged.
  [[nodiscard]] std::vector<prometheus::MetricFamily> families() const;
  /// Content type: text/plain; version=0.0.4; charset=utf-8.
  [[nodiscard]] std::string render() const;

 private:
  struct Series;
  void add(prometheus::MetricType type, const std::string& name, const std::string& help,
           MetricLabels labels, Value value);

  mutable std::mutex mutex_;
  std::vector<Series> series_;
  std::vector<Collector> collectors_;
  std::vector<std::shared_ptr<prometheus::Collectable>> collectables_;
};

/// homeostat_build_info{version, revision} 1.
void register_build_info(MetricsRegistry& registry, const std::string& version,
                         const std::string& revision);

/// process_cpu_seconds_total, process_resident_memory_bytes,
/// process_virtual_memory_bytes, process_open_fds, process_max_fds,
/// process_threads and process_start_time_seconds, from /proc/self.
void register_process_metrics(MetricsRegistry& registry);

}  // namespace homeostat::telemetry
