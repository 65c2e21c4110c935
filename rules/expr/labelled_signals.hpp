// The values of the selected signals a rule set reads, with their history.
//
// Thread safety: none; owned by the rule engine. Bounds: signals_max selectors
// per rule set (the loader refuses more), one history of global shape each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "rules/engine/frame.hpp"
#include "rules/expr/selector.hpp"
#include "rules/history/series_group.hpp"

namespace homeostat::rules {

class LabelledSignals {
 public:
  static constexpr std::size_t signals_max = 64;

  struct Entry {
    std::uint64_t key = 0;
    Reading reading;
    std::unique_ptr<SeriesGroup> history;
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
