#include "runtime/app/signal_recorder.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <utility>

#include "actors/traffic_signals.hpp"
#include "rules/expr/selector.hpp"
#include "rules/replay/recording.hpp"
#include "runtime/ports/rfc3339.hpp"

namespace homeostat::app {
namespace {

using rules::SignalId;

constexpr unsigned rows_per_header = 100;

/// Injected values never happened: a replay must not take them for measured.
std::string value_text(const rules::Reading& reading) {
  return reading.quality == rules::Quality::good ? fmt::format("{:.6g}", reading.value)
                                                 : std::string();
}

/// The endpoints seen lately, busiest first.
std::vector<rules::EndpointFrame> recorded_endpoints(const ControlReport& report) {
  std::vector<rules::EndpointFrame> frames;
  if (!report.traffic) return frames;
  TrafficFigures seen;
  seen.at = report.traffic->at;
  for (const EndpointFigures& endpoint : report.traffic->endpoints) {
    if (endpoint.last_1m.requests > 0) seen.endpoints.push_back(endpoint);
  }
  std::sort(seen.endpoints.begin(), seen.endpoints.end(),
            [](const EndpointFigures& a, const EndpointFigures& b) {
              return a.last_1m.requests > b.last_1m.requests;
            });
  if (seen.endpoints.size() > SignalRecorder::endpoints_max) {
    seen.endpoints.resize(SignalRecorder::endpoints_max);
  }
  // By id, so that the header changes only when the set does.
  std::sort(seen.endpoints.begin(), seen.endpoints.end(),
            [](const EndpointFigures& a, const EndpointFigures& b) { return a.id < b.id; });
  return actors::endpoint_frames(seen, seen.at);
}

/// By name: what rules read, and each objective by itself, which no rule may read yet.
std::map<std::string, std::string> recorded_selected(const ControlReport& report) {
  std::map<std::string, std::string> values;
  for (const SelectedSignal& signal : report.selected) {
    values.emplace(signal.name, value_text(signal.reading));
  }
  for (const ObjectiveReport& objective : report.objectives) {
    const auto put = [&](const char* name, double burn) {
      const auto selector = rules::make_selector(name, {{"objective", objective.figures.name}});
      if (std::isfinite(burn)) values.emplace(selector.text, fmt::format("{:.6g}", burn));
    };
    put("slo.burn", objective.burn);
    put("slo.burn_slow", objective.burn_slow);
  }
  return values;
}

std::optional<std::string> read_tail(const std::string& path, std::size_t bytes_max) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return std::nullopt;
  const auto size = static_cast<std::size_t>(std::max<std::streamoff>(0, file.tellg()));
  const std::size_t wanted = std::min(size, bytes_max);
  std::string text(wanted, '\0');
  file.seekg(static_cast<std::streamoff>(size - wanted));
  file.read(text.data(), static_cast<std::streamsize>(wanted));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (wanted == size) return text;
  // Rows before the first header in the piece cannot be read.
  const std::size_t header = text.find("\ntime,");
  return header == std::string::npos ? std::string() : text.substr(header + 1);
}

}  // namespace

SignalRow signal_row(const ControlReport& report) {
  SignalRow out{"time", rfc3339(report.at)};
  const auto add = [&out](const std::string& name, const std::string& value) {
    out.header += "," + rules::csv_cell(name);
    out.row += "," + value;
  };
  for (std::size_t i = 0; i < rules::first_endpoint_signal; ++i) {
    add(rules::column_name(static_cast<SignalId>(i)), value_text(report.signals[i]));
  }
  for (const auto& [name, value] : recorded_selected(report)) add(name, value);
  for (const rules::EndpointFrame& endpoint : recorded_endpoints(report)) {
    for (std::size_t i = rules::first_endpoint_signal; i < rules::signal_count; ++i) {
      add(rules::column_name(static_cast<SignalId>(i), endpoint.name),
          value_text(endpoint.values[i]));
    }
  }
  return out;
}

SignalRecorder::SignalRecorder(boost::asio::io_context& context,
                               const config::RecordSettings& settings, const ControlBoard& board)
    : settings_(settings), board_(board), timer_(context) {}

void SignalRecorder::start() {
  if (!settings_.file.empty()) wait();
}

void SignalRecorder::stop() { timer_.cancel(); }

void SignalRecorder::wait() {
  timer_.expires_after(settings_.every);
  timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    record();
    wait();
  });
}

void SignalRecorder::record() {
  const auto report = board_.current();
  if (report->at == WallTime{}) return;
  const auto millisecond =
      std::chrono::floor<std::chrono::milliseconds>(report->at.time_since_epoch()).count();
  if (millisecond == last_millisecond_) return;  // the control plane stands still
  last_millisecond_ = millisecond;
  const SignalRow row = signal_row(*report);
  write(row.header, row.row);
}

void SignalRecorder::write(const std::string& header, const std::string& row) {
  std::error_code ignored;
  const auto size = std::filesystem::file_size(settings_.file, ignored);
  if (!ignored && size >= settings_.bytes_max / 2) {
    std::filesystem::rename(settings_.file, settings_.file + ".1", ignored);
    header_.clear();
  }
  std::ofstream file(settings_.file, std::ios::app | std::ios::binary);
  const bool again = header != header_ || since_header_ >= rows_per_header;
  if (again) file << header << '\n';
  file << row << '\n';
  file.flush();
  if (file) {
    header_ = header;
    since_header_ = again ? 1 : since_header_ + 1;
    ++rows_;
    failing_ = false;
  } else if (!std::exchange(failing_, true)) {
    spdlog::error("monitor.record.file {} cannot be written", settings_.file);
  }
}

std::optional<std::string> SignalRecorder::text() const {
  if (settings_.file.empty()) return std::nullopt;
  auto newest = read_tail(settings_.file, text_bytes_max);
  if (!newest) return std::nullopt;
  const std::size_t left = text_bytes_max - newest->size();
  const auto older = left > 0 ? read_tail(settings_.file + ".1", left) : std::nullopt;
  return older ? *older + *newest : *newest;
}

}  // namespace homeostat::app
