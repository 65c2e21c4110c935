// The values of the selected signals a rule set reads, with their history.
//
// Of a counter the increase per second is kept, too: taken from the full values, before
// the history narrows them to seven digits. A counter of 10^9 that grows by ones would
// seem to stand still otherwise.
//
// Thread safety: none; owned by the rule engine. Bounds: signals_max selectors
// per rule set (the loader refuses more), one history of global shape each, of counters two.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "rules/engine/frame.hpp"
#include "rules/expr/selector.hpp"
#include "rules/history/series_group.hpp"
#include "rules/history/window_function.hpp"

namespace homeostat::rules {

class LabelledSignals {
 public:
  static constexpr std::size_t signals_max = 64;

  struct Entry {
    std::uint64_t key = 0;
    Reading reading;
    std::unique_ptr<SeriesGroup> history;
    std::unique_ptr<SeriesGroup> increase;  ///< per second; null unless it is a counter
    std::optional<double> counted;          ///< the counter's last value
    Instant counted_at{};                   ///< when that was read at its source
    Reading newest_increase;                ///< per second, up to that reading
    bool interrupted = false;               ///< missing since that reading

    /// What the query's function looks back over.
    [[nodiscard]] const SeriesGroup& past(const WindowQuery& query) const noexcept {
      return query.function == WindowFunction::rate && increase ? *increase : *history;
    }
  };

  /// Keeps what is wanted; the history of those already known stays.
  void want(std::span<const Selector> selectors);
  /// Takes a tick's readings; what is absent from them counts as missing.
  void take(Instant now, std::span<const LabelledReading> readings);
  /// Null if no rule wanted it.
  [[nodiscard]] const Entry* find(std::uint64_t key) const noexcept;

 private:
  std::vector<Entry> entries_;  ///< sorted by key
};

}  // namespace homeostat::rules
