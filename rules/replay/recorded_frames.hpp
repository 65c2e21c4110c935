// What the engine would have seen at each moment of a recording.
//
// Thread safety: none; one owner. Ownership: recording and selectors must outlive it.
// Memory: about 2 KB for each endpoint; a moment allocates nothing that the one before had.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "rules/engine/frame.hpp"
#include "rules/expr/labelled_signals.hpp"
#include "rules/replay/recording.hpp"

namespace homeostat::rules {

/// Walks one series along with the replay's time.
class SeriesCursor {
 public:
  explicit SeriesCursor(const RecordedSeries& series);
  [[nodiscard]] Reading read(double at, Instant now);
  [[nodiscard]] const RecordedSeries& series() const noexcept { return *series_; }

 private:
  const RecordedSeries* series_;
  std::size_t next_ = 0;
  double interval_ = 1;  ///< usual time between two samples
};

/// Whether a series counts for a selector.
[[nodiscard]] bool selects(const Selector& wanted, const Selector& recorded);

/// Of each series, the selectors it counts for: by their places in the two lists.
[[nodiscard]] std::vector<std::vector<std::size_t>> readers_of(
    const Recording& recording, const std::vector<Selector>& selectors);

/// The recorded endpoints' names, in order.
[[nodiscard]] std::vector<std::string> endpoints_of(const Recording& recording);

class RecordedFrames {
 public:
  RecordedFrames(const Recording& recording, const std::vector<Selector>& selectors);

  /// The moment `at`, seconds since 1970, that the engine takes for `now`; until the next call.
  /// REQUIRES: times do not go backwards.
  const Frame& advance(double at, Instant now);

  // Of the last moment.
  /// Series of an application are added up, objectives give the worst: as live.
  [[nodiscard]] const std::vector<LabelledReading>& labelled() const noexcept { return labelled_; }
  /// The fastest of all objectives; 0 if none was recorded.
  [[nodiscard]] double worst_burn() const noexcept { return worst_burn_; }

 private:
  struct Endpoint {
    std::string name;
    std::vector<SeriesCursor> cursors;
  };
  struct Selected {
    SeriesCursor cursor;
    std::vector<std::size_t> readers;
  };
  void take_endpoints(double at, Instant now);
  void take_selected(double at, Instant now);

  const std::vector<Selector>& selectors_;
  std::vector<SeriesCursor> global_;
  std::vector<Endpoint> endpoints_;
  std::vector<Selected> selected_;
  Frame frame_;
  std::vector<Reading> sums_;  ///< by selector
  std::vector<LabelledReading> labelled_;
  double worst_burn_ = 0;
};

}  // namespace homeostat::rules
