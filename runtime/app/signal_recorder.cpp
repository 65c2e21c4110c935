#include "runtime/app/signal_recorder.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <fstream>
#include <utility>

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

SignalRow signal_row(const ControlReport& report, RecordedEndpoints& endpoints) {
  SignalRow out{"time", rfc3339(report.at)};
  const auto add = [&out](const std::string& name, const std::string& value) {
    out.header += "," + rules::csv_cell(name);
    out.row += "," + value;
  };
  for (std::size_t i = 0; i < rules::first_endpoint_signal; ++i) {
    add(rules::column_name(static_cast<SignalId>(i)), value_text(report.signals[i]));
  }
  for (const auto& [name, reading] : recorded_selected(report)) add(name, value_text(reading));
  for (const rules::EndpointFrame& endpoint : endpoints.update(report)) {
    for (std::size_t i = rules::first_endpoint_signal; i < rules::signal_count; ++i) {
      add(rules::column_name(static_cast<SignalId>(i), endpoint.name),
          value_text(endpoint.values[i]));
    }
  }
  return out;
}

SignalRecorder::SignalRecorder(boost::asio::io_context& context,
                               const config::RecordSettings& settings, const ControlBoard& board)
    : settings_(settings),
      board_(board),
      timer_(context),
      file_(settings.file, settings.bytes_max) {}

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
  const SignalRow row = signal_row(*report, endpoints_);
  write(row.header, row.row);
}

void SignalRecorder::write(const std::string& header, const std::string& row) {
  const bool begins = file_.make_room();
  const bool again = begins || header != header_ || since_header_ >= rows_per_header;
  const std::string lines = (again ? header + '\n' : std::string()) + row + '\n';
  if (file_.append(lines)) {
    header_ = header;
    since_header_ = again ? 1 : since_header_ + 1;
    ++rows_;
  }
  if (file_.error().empty()) {
    failing_ = false;
  } else if (!std::exchange(failing_, true)) {
    spdlog::error("monitor.record.file {}: {}", settings_.file, file_.error());
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
