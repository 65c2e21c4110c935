#include "runtime/admin/recording_json.hpp"

#include <boost/json/array.hpp>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

namespace homeostat::admin {

namespace json = boost::json;
using rules::Recording;
using rules::RecordingError;

namespace {

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

/// The name a recording gives this metric.
std::string name_of(const json::object& metric) {
  const auto label = [&metric](const char* name) {
    const json::value* value = metric.if_contains(name);
    return value == nullptr ? std::string() : text_of(*value);
  };
  const std::string name = label("__name__");
  if (name == "homeostat_signal") {
    const std::string endpoint = label("endpoint");
    return label("signal") + (endpoint.empty() ? "" : "[" + endpoint + "]");
  }
  std::vector<rules::LabelMatch> labels;
  for (const auto& item : metric) {
    const std::string key(item.key());
    if (key == "__name__" || labels.size() >= rules::Selector::labels_max) continue;
    labels.push_back({key, text_of(item.value()), true});
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

std::optional<RecordingError> add_series(const json::object& row, Recording& recording) {
  const json::value* metric = row.if_contains("metric");
  const json::value* values = row.if_contains("values");
  if (metric == nullptr || !metric->is_object() || values == nullptr || !values->is_array()) {
    return RecordingError{0,
                          "a series needs `metric` and `values`; ask for a range, not an instant"};
  }
  std::string reason;
  const auto series = recording.series_named(name_of(metric->get_object()), reason);
  if (!series) return RecordingError{0, reason};
  for (const json::value& pair : values->get_array()) {
    const json::array* cells = pair.if_array();
    if (cells == nullptr || cells->size() != 2)
      return RecordingError{0, "a sample is [time, value]"};
    const auto at = number_of((*cells)[0]), value = number_of((*cells)[1]);
    if (!at || !value || !std::isfinite(*value)) continue;
    if (!recording.add(*series, {*at, *value})) return RecordingError{0, "too many samples"};
  }
  return std::nullopt;
}

}  // namespace

std::variant<Recording, RecordingError> read_range_query(const json::value& answer) {
  const json::array* list = series_of(answer);
  if (list == nullptr) return RecordingError{0, "not the answer of a Prometheus range query"};
  Recording recording;
  for (const json::value& row : *list) {
    if (!row.is_object()) return RecordingError{0, "a series must be an object"};
    if (auto error = add_series(row.get_object(), recording)) return std::move(*error);
  }
  return recording;
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
          {"effects_not_replayed", result.effects_not_replayed}};
}

}  // namespace homeostat::admin
