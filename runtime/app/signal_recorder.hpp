// Writes the agent's own signals to a bounded CSV file for later replays.
//
// One row per `monitor.record.every`, in the format of rules/replay, the header
// again whenever it changes and every hundred rows, so that a part can be read: global
// signals, the labelled ones that rules read (scrape.*, slo.*), the burn rates of every
// objective, and the signals of each endpoint seen in the last minute, up to 50
// of the busiest (recorded_signals.hpp). What is missing, stale or injected is left empty. When the
// file has half of `monitor.record.bytes_max` it becomes `<file>.1` (record_file.hpp).
//
// Runs on the io_context's thread; a row is a few kilobytes, written at once.
// Thread safety: start and stop on that thread; text() on any, meanwhile. Ownership: what is
// referenced must outlive it. Errors: a file that cannot be written, or not
// renamed, is told once and tried again with the next row.
#pragma once

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/settings/monitor.hpp"
#include "runtime/app/record_file.hpp"
#include "runtime/app/recorded_signals.hpp"
#include "runtime/ports/control.hpp"

namespace homeostat::app {

class SignalRecorder {
 public:
  /// What text() returns at most: the newest rows.
  static constexpr std::size_t text_bytes_max = std::size_t{8} * 1024 * 1024;

  SignalRecorder(boost::asio::io_context& context, const config::RecordSettings& settings,
                 const ControlBoard& board);

  void start();
  void stop();
  /// What was recorded; nothing if nothing is. What is written meanwhile may be torn at its end,
  /// and a file that is just renamed may come twice: a recording bears both.
  [[nodiscard]] std::optional<std::string> text() const;
  [[nodiscard]] std::uint64_t rows() const noexcept { return rows_; }

 private:
  void wait();
  void record();
  void write(const std::string& header, const std::string& row);

  const config::RecordSettings settings_;
  const ControlBoard& board_;
  boost::asio::basic_waitable_timer<std::chrono::steady_clock> timer_;
  RecordFile file_;
  RecordedEndpoints endpoints_;
  std::string header_;         ///< last written
  unsigned since_header_ = 0;  ///< rows
  std::uint64_t rows_ = 0;
  std::int64_t last_millisecond_ = 0;
  bool failing_ = false;
};

/// The row of a report and the header that goes with it.
struct SignalRow {
  std::string header, row;
};
[[nodiscard]] SignalRow signal_row(const ControlReport& report, RecordedEndpoints& endpoints);

}  // namespace homeostat::app
