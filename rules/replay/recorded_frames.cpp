#include "rules/replay/recorded_frames.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <string_view>
#include <utility>

namespace homeostat::rules {
namespace {

constexpr int stale_intervals = 3;

bool is_selected(const RecordedSeries& series) { return series.signal == SignalId::count_; }

}  // namespace

SeriesCursor::SeriesCursor(const RecordedSeries& series) : series_(&series) {
  std::vector<double> gaps;
  for (std::size_t i = 1; i < series.samples.size(); ++i) {
    gaps.push_back(series.samples[i].at - series.samples[i - 1].at);
  }
  if (gaps.empty()) return;
  const auto middle = gaps.begin() + static_cast<std::ptrdiff_t>(gaps.size() / 2);
  std::nth_element(gaps.begin(), middle, gaps.end());
  interval_ = std::max(1.0, *middle);
}

Reading SeriesCursor::read(double at, Instant now) {
  const std::vector<RecordedSample>& samples = series_->samples;
  while (next_ < samples.size() && samples[next_].at <= at) ++next_;
  if (next_ == 0) return {};
  const RecordedSample& last = samples[next_ - 1];
  const bool fresh = at - last.at <= stale_intervals * interval_;
  const auto age = std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(std::max(0.0, at - last.at)));
  return {last.value, now - age, fresh ? Quality::good : Quality::stale, "recorded"};
}

bool selects(const Selector& wanted, const Selector& recorded) {
  if (wanted.name != recorded.name) return false;
  return std::all_of(wanted.labels.begin(), wanted.labels.end(), [&](const LabelMatch& label) {
    const auto found =
        std::find_if(recorded.labels.begin(), recorded.labels.end(),
                     [&](const LabelMatch& other) { return other.name == label.name; });
    // Recorded without a label's value, it says nothing about that value.
    if (found != recorded.labels.end() && !found->equal) return false;
    const std::string_view value =
        found == recorded.labels.end() ? std::string_view() : found->value;
    return (value == label.value) == label.equal;
  });
}

std::vector<std::vector<std::size_t>> readers_of(const Recording& recording,
                                                 const std::vector<Selector>& selectors) {
  std::set<std::string_view> recorded;  // selections, as written
  for (const RecordedSeries& series : recording.series()) {
    if (is_selected(series)) recorded.insert(series.selector.text);
  }
  std::vector<std::vector<std::size_t>> readers(recording.series().size());
  for (std::size_t i = 0; i < readers.size(); ++i) {
    const RecordedSeries& series = recording.series()[i];
    if (!is_selected(series)) continue;
    for (std::size_t reader = 0; reader < selectors.size(); ++reader) {
      const Selector& wanted = selectors[reader];
      // What was recorded as just this selection is the sum already.
      const bool exact = wanted.text == series.selector.text;
      const bool part = !recorded.contains(wanted.text) && selects(wanted, series.selector);
      if (exact || part) readers[i].push_back(reader);
    }
  }
  return readers;
}

std::vector<std::string> endpoints_of(const Recording& recording) {
  std::set<std::string> names;
  for (const RecordedSeries& series : recording.series()) {
    if (!series.endpoint.empty()) names.insert(series.endpoint);
  }
  return {names.begin(), names.end()};
}

RecordedFrames::RecordedFrames(const Recording& recording, const std::vector<Selector>& selectors)
    : selectors_(selectors), sums_(selectors.size()) {
  std::map<std::string_view, std::size_t> places;
  for (std::string& name : endpoints_of(recording)) endpoints_.push_back({std::move(name), {}});
  for (std::size_t i = 0; i < endpoints_.size(); ++i) places.emplace(endpoints_[i].name, i);
  auto readers = readers_of(recording, selectors);
  for (std::size_t i = 0; i < readers.size(); ++i) {
    const RecordedSeries& series = recording.series()[i];
    if (is_selected(series)) {
      selected_.push_back({SeriesCursor(series), std::move(readers[i])});
    } else if (series.endpoint.empty()) {
      global_.emplace_back(series);
    } else {
      endpoints_[places.at(series.endpoint)].cursors.emplace_back(series);
    }
  }
}

const Frame& RecordedFrames::advance(double at, Instant now) {
  frame_.now = now;
  for (SeriesCursor& cursor : global_) frame_[cursor.series().signal] = cursor.read(at, now);
  take_endpoints(at, now);
  take_selected(at, now);
  return frame_;
}

void RecordedFrames::take_endpoints(double at, Instant now) {
  std::size_t seen = 0;
  for (std::size_t i = 0; i < endpoints_.size(); ++i) {
    if (seen == frame_.endpoints.size()) frame_.endpoints.emplace_back();
    EndpointFrame& into = frame_.endpoints[seen];
    bool usable = false;
    std::fill(into.values.begin() + static_cast<std::ptrdiff_t>(first_endpoint_signal),
              into.values.end(), Reading{});
    for (SeriesCursor& cursor : endpoints_[i].cursors) {
      const Reading reading = cursor.read(at, now);
      if (!reading.usable()) continue;
      into.values[static_cast<std::size_t>(cursor.series().signal)] = reading;
      usable = true;
    }
    if (!usable) continue;
    into.id = static_cast<EndpointId>(i);
    into.name = endpoints_[i].name;
    ++seen;
  }
  frame_.endpoints.resize(seen);
}

void RecordedFrames::take_selected(double at, Instant now) {
  worst_burn_ = 0;
  std::fill(sums_.begin(), sums_.end(), Reading{});
  for (Selected& selected : selected_) {
    const Reading reading = selected.cursor.read(at, now);
    if (!reading.usable()) continue;
    const Selector& recorded = selected.cursor.series().selector;
    const bool adds_up = recorded.name.starts_with(scrape_prefix);
    if (recorded.name == "slo.burn") worst_burn_ = std::max(worst_burn_, reading.value);
    for (const std::size_t reader : selected.readers) {
      Reading& sum = sums_[reader];
      if (!sum.usable()) {
        sum = reading;
      } else {
        sum.value = adds_up ? sum.value + reading.value : std::max(sum.value, reading.value);
      }
    }
  }
  labelled_.clear();
  for (std::size_t i = 0; i < sums_.size(); ++i) {
    if (sums_[i].usable()) labelled_.push_back({selectors_[i].key, sums_[i]});
  }
}

}  // namespace homeostat::rules
