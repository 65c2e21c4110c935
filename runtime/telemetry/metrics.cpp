#include "runtime/telemetry/metrics.hpp"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <stdexcept>

namespace homeostat::telemetry {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

bool is_name(const std::string& name, bool metric) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  return std::all_of(name.begin(), name.end(), [metric](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (metric && c == ':');
  });
}

bool ends_with_total(const std::string& name) {
  constexpr std::string_view suffix = "_total";
  return name.size() > suffix.size() && std::string_view(name).ends_with(suffix);
}

}  // namespace

struct MetricsRegistry::Series {
  MetricType type;
  std::string name, help;
  MetricLabels labels;
  Value value;
};

MetricsRegistry::MetricsRegistry() = default;
MetricsRegistry::~MetricsRegistry() = default;

void MetricsRegistry::add(MetricType type, const std::string& name, const std::string& help,
                          MetricLabels labels, Value value) {
  const auto refuse = [&name](const std::string& why) {
    throw std::invalid_argument("metric \"" + name + "\": " + why);
  };
  if (!is_name(name, true)) refuse("not a valid name");
  if (help.empty()) refuse("has no help text");
  if (!value) refuse("has no value");
  if ((type == MetricType::Counter) != ends_with_total(name)) {
    refuse("names end in _total for counters and for nothing else");
  }
  for (const auto& label : labels) {
    if (!is_name(label.first, false)) refuse("\"" + label.first + "\" is not a valid label name");
  }
  const std::lock_guard lock(mutex_);
  for (const Series& other : series_) {
    if (other.name != name) continue;
    if (other.type != type) refuse("is registered with another type");
    if (other.labels == labels) refuse("is registered twice with the same labels");
  }
  series_.push_back({type, name, help, std::move(labels), std::move(value)});
}

void MetricsRegistry::counter(const std::string& name, const std::string& help, MetricLabels labels,
                              Value value) {
  add(MetricType::Counter, name, help, std::move(labels), std::move(value));
}

void MetricsRegistry::gauge(const std::string& name, const std::string& help, MetricLabels labels,
                            Value value) {
  add(MetricType::Gauge, name, help, std::move(labels), std::move(value));
}

void MetricsRegistry::collector(Collector collect) {
  if (!collect) throw std::invalid_argument("empty metrics collector");
  const std::lock_guard lock(mutex_);
  collectors_.push_back(std::move(collect));
}

void MetricsRegistry::collectable(std::shared_ptr<prometheus::Collectable> source) {
  if (!source) throw std::invalid_argument("empty metrics collectable");
  const std::lock_guard lock(mutex_);
  collectables_.push_back(std::move(source));
}

std::vector<MetricFamily> MetricsRegistry::families() const {
  std::vector<MetricFamily> gathered;
  {
    const std::lock_guard lock(mutex_);
    for (const Series& series : series_) {
      const double value = series.value();
      if (std::isnan(value)) continue;
      ClientMetric metric;
      for (const auto& [name, text] : series.labels) metric.label.push_back({name, text});
      (series.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
      gathered.push_back({series.name, series.help, series.type, {std::move(metric)}});
    }
    for (const Collector& collect : collectors_) collect(gathered);
    for (const auto& source : collectables_) {
      for (MetricFamily& family : source->Collect()) gathered.push_back(std::move(family));
    }
  }
  // The format allows each family once; a family of another type is left out.
  std::map<std::string, MetricFamily> merged;
  for (MetricFamily& family : gathered) {
    if (family.metric.empty()) continue;
    const auto [at, fresh] = merged.try_emplace(family.name);
    if (fresh) {
      at->second = std::move(family);
    } else if (at->second.type == family.type) {
      std::move(family.metric.begin(), family.metric.end(), std::back_inserter(at->second.metric));
    }
  }
  std::vector<MetricFamily> sorted;
  sorted.reserve(merged.size());
  for (auto& entry : merged) sorted.push_back(std::move(entry.second));
  return sorted;
}

std::string MetricsRegistry::render() const {
  const prometheus::TextSerializer serializer;
  return serializer.Serialize(families());
}

void register_build_info(MetricsRegistry& registry, const std::string& version,
                         const std::string& revision) {
  registry.gauge("homeostat_build_info", "Version of the running agent; the value is always 1.",
                 {{"version", version}, {"revision", revision}}, [] { return 1.0; });
}

}  // namespace homeostat::telemetry
