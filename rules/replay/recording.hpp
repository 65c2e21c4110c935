// Recorded signals: what rules are replayed over.
//
// A recording is a set of series of (time, value) in base units (seconds,
// bytes, ratios 0..1, per second). Each series is one signal of the catalogue,
// for endpoint.* of one endpoint, or one selected signal with the labels it was
// recorded with.
//
// CSV, as the agent records it: one row a time, one column a series,
//
//   time,cpu.utilization,"endpoint.latency_p95[GET /book/{id}]"
//   2026-01-31T12:00:00Z,0.85,1.2
//
// `time` is RFC 3339 in UTC or seconds since 1970. A value may carry a unit
// (85%, 250ms); an empty cell is a missing value. A further line that begins
// with `time` gives new columns from there on. A last line that was not written to its
// end, of a recorder that was killed, is left out.
//
// Plain values. Thread safety: pure functions. Bounds: series_max series,
// samples_max samples in all; errors name the line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "rules/expr/selector.hpp"
#include "rules/expr/signal.hpp"

namespace homeostat::rules {

struct RecordedSample {
  double at = 0;  ///< seconds since 1970, UTC
  double value = 0;
};

struct RecordedSeries {
  SignalId signal = SignalId::count_;   ///< count_: see `selector`
  Selector selector;                    ///< name and labels as recorded
  std::string endpoint;                 ///< of endpoint.* signals: "GET /book/{id}"
  std::vector<RecordedSample> samples;  ///< ascending in time
};

struct RecordingError {
  std::size_t line = 0;  ///< from 1; 0: the whole
  std::string message;
};

class Recording {
 public:
  static constexpr std::size_t series_max = 10'000;
  static constexpr std::size_t samples_max = 20'000'000;

  /// The series of that name, made if it is new. The name is written as in a
  /// CSV header. Nothing, with the reason in `error`, if it names no signal.
  [[nodiscard]] std::optional<std::size_t> series_named(std::string_view name, std::string& error);
  /// Adds a sample; one not later than the last of its series is ignored.
  /// False once samples_max is reached.
  bool add(std::size_t series, RecordedSample sample);

  [[nodiscard]] const std::vector<RecordedSeries>& series() const noexcept { return series_; }
  [[nodiscard]] std::size_t samples() const noexcept { return samples_; }
  /// First and last sample's time; 0, 0 when empty.
  [[nodiscard]] std::pair<double, double> span() const noexcept;

 private:
  std::vector<RecordedSeries> series_;
  std::unordered_map<std::string, std::size_t> places_;  ///< by name
  std::size_t samples_ = 0;
};

[[nodiscard]] std::variant<Recording, RecordingError> read_recording(std::string_view csv);

/// Whether it can be the time of a sample: seconds from 1970 to the year 2099, so that what lies
/// between two can be counted in nanoseconds. Milliseconds are beyond that.
[[nodiscard]] bool is_time(double seconds) noexcept;

/// "2026-01-31T12:00:00Z", "2026-01-31T12:00:00.250Z" or "1769860800.25" in
/// seconds since 1970; nothing for anything else.
[[nodiscard]] std::optional<double> parse_time(std::string_view text) noexcept;
/// RFC 3339, UTC, whole seconds.
[[nodiscard]] std::string format_time(double seconds);

/// A CSV column's name: "cpu.utilization", "endpoint.rate[GET /a]".
[[nodiscard]] std::string column_name(SignalId signal, std::string_view endpoint = {});
/// Quoted where CSV asks for it.
[[nodiscard]] std::string csv_cell(std::string_view text);

}  // namespace homeostat::rules
