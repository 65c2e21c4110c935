#include "runtime/admin/recording_json.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <charconv>
#include <cmath>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace homeostat::admin {

namespace json = boost::json;
using rules::Recording;
using rules::RecordingError;

namespace {

constexpr std::string_view signal_metric = "homeostat_signal";

/// The list of series, wherever the answer holds it.
const json::array* series_of(const json::value& answer) {
  const json::value* at = &answer;
  for (const char* name : {"data", "result"}) {
    if (!at->is_object()) break;
    if (const json::value* inner = at->get_object().if_contains(name)) at = inner;
  }
  return at->if_array();
}

std::string text_of(const json::value& value) {
  return value.is_string() ? std::string(value.get_string()) : std::string();
}

/// What Prometheus and its operator add to whatever they scrape.
bool is_target_label(std::string_view name) {
  static constexpr std::string_view names[] = {
      "container", "endpoint",   "instance",           "job",    "namespace", "node",
      "pod",       "prometheus", "prometheus_replica", "service"};
  return std::ranges::find(names, name) != std::end(names);
}

std::string label_of(const json::object& metric, const char* name) {
  const json::value* value = metric.if_contains(name);
  return value == nullptr ? std::string() : text_of(*value);
}

/// Of a series of homeostat_signal. The operator calls a label `exported_endpoint` where it
/// has one of its own of that name.
std::string signal_of(const json::object& metric) {
  std::string signal = label_of(metric, "signal");
  const auto id = rules::find_signal(signal);
  if (!id || rules::signal_info(*id).scope != rules::SignalScope::endpoint) return signal;
  const std::string endpoint = label_of(metric, "exported_endpoint");
  return rules::column_name(*id, endpoint.empty() ? label_of(metric, "endpoint") : endpoint);
}

/// The name a recording gives this metric; nothing, with the reason, if it has too many labels.
std::optional<std::string> name_of(const json::object& metric, std::string& reason) {
  const std::string name = label_of(metric, "__name__");
  if (name == signal_metric) return signal_of(metric);
  std::vector<rules::LabelMatch> labels;
  for (const auto& item : metric) {
    if (item.key() != "__name__") labels.push_back({item.key(), text_of(item.value()), true});
  }
  if (labels.size() > rules::Selector::labels_max) {
    std::erase_if(labels, [](const auto& label) { return is_target_label(label.name); });
  }
  if (labels.size() > rules::Selector::labels_max) {
    reason = name + " has more than " + std::to_string(rules::Selector::labels_max) +
             " labels: aggregate the others away in the query";
    return std::nullopt;
  }
  return rules::make_selector(std::string(rules::scrape_prefix) + name, std::move(labels)).text;
}

std::optional<double> number_of(const json::value& value) {
  if (value.is_number()) return value.to_number<double>();
  if (!value.is_string()) return std::nullopt;
  const std::string_view text(value.get_string().data(), value.get_string().size());
  double number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

/// The series of an answer that a recording has under one name, such as those before and
/// after a restart that changed the pod's name.
struct Gathered {
  std::vector<rules::RecordedSample> samples;
  std::size_t shortest = 0;  ///< of its series
};

class RangeReader {
 public:
  std::variant<Recording, RecordingError> run(const json::array& list) {
    for (const json::value& row : list) {
      if (!row.is_object()) return RecordingError{0, "a series must be an object"};
      if (auto error = take(row.get_object())) return std::move(*error);
    }
    Recording recording;
    for (auto& [name, gathered] : by_name_) {
      if (auto error = put(name, gathered, recording)) return std::move(*error);
    }
    if (recording.samples() == 0) return RecordingError{0, "the answer holds no samples"};
    return recording;
  }

 private:
  std::optional<RecordingError> take(const json::object& row) {
    const json::value* metric = row.if_contains("metric");
    const json::value* values = row.if_contains("values");
    if (metric == nullptr || !metric->is_object() || values == nullptr || !values->is_array()) {
      return RecordingError{
          0, "a series needs `metric` and `values`; ask for a range, not an instant"};
    }
    const json::object& labels = metric->get_object();
    // What a test injected never happened.
    if (label_of(labels, "__name__") == signal_metric && label_of(labels, "source") == "injected") {
      return std::nullopt;
    }
    std::string reason;
    const auto name = name_of(labels, reason);
    if (!name) return RecordingError{0, reason};
    return add(values->get_array(), by_name_[*name]);
  }

  std::optional<RecordingError> add(const json::array& values, Gathered& into) {
    const std::size_t before = into.samples.size();
    for (const json::value& pair : values) {
      const json::array* cells = pair.if_array();
      if (cells == nullptr || cells->size() != 2) {
        return RecordingError{0, "a sample is [time, value]"};
      }
      const auto at = number_of((*cells)[0]), value = number_of((*cells)[1]);
      if (!at || !rules::is_time(*at)) {
        return RecordingError{0, "a sample's time is in seconds since 1970"};
      }
      if (!value || !std::isfinite(*value)) continue;
      if (++samples_ > Recording::samples_max) return RecordingError{0, "too many samples"};
      into.samples.push_back({*at, *value});
    }
    const std::size_t added = into.samples.size() - before;
    if (added > 0) into.shortest = before == 0 ? added : std::min(into.shortest, added);
    return std::nullopt;
  }

  static bool at_once(const rules::RecordedSample& one, const rules::RecordedSample& other) {
    return one.at == other.at;
  }

  /// In time's order, one for each instant. Where most of a series falls together with another
  /// they are two sources, such as two agents, which make no history together.
  static std::optional<RecordingError> put(const std::string& name, Gathered& gathered,
                                           Recording& recording) {
    std::string reason;
    const auto series = recording.series_named(name, reason);
    if (!series) return RecordingError{0, reason};
    std::ranges::stable_sort(gathered.samples, {}, &rules::RecordedSample::at);
    const auto end = gathered.samples.end();
    const auto twice = std::unique(gathered.samples.begin(), end, at_once);
    if (2 * static_cast<std::size_t>(end - twice) > gathered.shortest) {
      return RecordingError{0, "several series give " + name +
                                   " at the same times: narrow the query to one agent "
                                   "(instance, pod), or to fewer labels"};
    }
    gathered.samples.erase(twice, end);
    for (const rules::RecordedSample& sample : gathered.samples)
      (void)recording.add(*series, sample);
    return std::nullopt;
  }

  std::map<std::string, Gathered> by_name_;
  std::size_t samples_ = 0;
};

}  // namespace

std::variant<Recording, RecordingError> read_range_query(const json::value& answer) {
  const json::array* list = series_of(answer);
  if (list == nullptr) return RecordingError{0, "not the answer of a Prometheus range query"};
  return RangeReader().run(*list);
}

json::object to_json(const rules::ReplayResult& result) {
  json::array events;
  for (const rules::ReplayEvent& event : result.events) {
    events.push_back(json::object{{"at", rules::format_time(event.at)},
                                  {"subject", event.subject},
                                  {"from", event.from},
                                  {"to", event.to},
                                  {"reason", event.reason}});
  }
  json::array rows;
  for (const rules::ReplayedRule& rule : result.rules) {
    rows.push_back(json::object{{"name", rule.name},
                                {"activations", rule.activations},
                                {"active_seconds", rule.active_seconds},
                                {"reads_unrecorded_signals", rule.missing}});
  }
  return {{"from", rules::format_time(result.from)},
          {"to", rules::format_time(result.to)},
          {"evaluations", result.ticks},
          {"events_total", result.events_total},
          {"events", std::move(events)},
          {"rules", std::move(rows)},
          {"emergencies", result.emergencies},
          {"emergency_seconds", result.emergency_seconds},
          {"throttled_seconds", result.throttled_seconds},
          {"effects_not_replayed", result.effects_not_replayed},
          {"truncated", result.truncated}};
}

}  // namespace homeostat::admin
