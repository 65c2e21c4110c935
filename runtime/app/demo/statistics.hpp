// What became of the requests of one run, by phase, by kind and over time.
//
// A request is booked where it was meant to be sent, and its latency counts
// from that instant: a server that stops answering cannot hide by also stopping
// the client (coordinated omission; G. Tene, "How NOT to Measure Latency").
// Good means: a 2xx answer, complete, within the client's patience.
// Thread safety: none; one owner. Memory: fixed per phase and per half second.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "runtime/app/demo/arrivals.hpp"
#include "runtime/app/demo/phases.hpp"
#include "runtime/telemetry/histogram.hpp"

namespace homeostat::demo {

enum class Outcome : std::uint8_t {
  good,      ///< 2xx in time
  rejected,  ///< 503 or 429: refused on purpose, at once
  failed     ///< timed out, broken, another status, or no connection was free
};

struct Tally {
  std::uint64_t offered = 0, good = 0, rejected = 0, failed = 0;

  void add(Outcome outcome) noexcept;
  /// Good over offered; 0 when nothing was offered.
  [[nodiscard]] double success() const noexcept;
};

struct PhaseFigures {
  Tally all;
  std::array<Tally, request_kinds> by_kind;
  telemetry::HistogramCounts good_latency;
};

class RunStatistics {
 public:
  static constexpr Duration bin_length = std::chrono::milliseconds(500);

  explicit RunStatistics(Plan plan);

  /// `offset`: intended send time after the run's start; `latency` from there.
  void record(const Arrival& arrival, Outcome outcome, Duration latency);
  void add_bytes(std::uint64_t bytes) noexcept { bytes_ += bytes; }
  /// How much later than intended a request left the load generator itself.
  void note_lag(Duration lag) noexcept { worst_lag_ = lag > worst_lag_ ? lag : worst_lag_; }

  [[nodiscard]] const Plan& plan() const noexcept { return plan_; }
  [[nodiscard]] const PhaseFigures& phase(std::size_t index) const { return phases_.at(index); }
  [[nodiscard]] std::uint64_t offered() const noexcept { return offered_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] Duration worst_lag() const noexcept { return worst_lag_; }

  /// Good answers per second of the phase.
  [[nodiscard]] double goodput(std::size_t index) const;

  /// From the start of the last phase until requests succeed again: the end of
  /// its last half second in which fewer than 95 % were good. Nothing when that
  /// is the end of the phase, that is, when the run did not recover in it.
  [[nodiscard]] std::optional<Duration> recovery_time() const;

 private:
  Plan plan_;
  std::vector<PhaseFigures> phases_;
  std::vector<Tally> bins_;  ///< of the last phase
  std::uint64_t offered_ = 0;
  std::uint64_t bytes_ = 0;
  Duration worst_lag_{};
};

}  // namespace homeostat::demo
