#include "rules/history/snapshot.hpp"

namespace homeostat::rules {

HistorySnapshot snapshot_of(const SeriesGroup& group, Instant at) {
  HistorySnapshot snapshot;
  snapshot.at = at;
  for (std::size_t i = 0; i < history_levels; ++i) {
    HistorySnapshot::Level& level = snapshot.levels[i];
    for (std::size_t series = 0; series < group.width(); ++series) {
      const auto view = group.level(series, i);
      if (!view) break;
      level.step = std::chrono::seconds(static_cast<std::int64_t>(view->step));
      std::vector<float>& values = level.series.emplace_back();
      values.reserve(view->size());
      values.insert(values.end(), view->older.begin(), view->older.end());
      values.insert(values.end(), view->newer.begin(), view->newer.end());
    }
  }
  return snapshot;
}

}  // namespace homeostat::rules
