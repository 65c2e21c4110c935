// Bounded history of signals that are sampled together, at three resolutions.
//
// Every level is a ring of slots of one step. A slot of the finest level holds
// the mean of what was sampled in it; a slot of a coarser one the mean, the
// lowest and the highest. The newest slot is still open: it takes in what its
// step brings. A slot without a usable sample is missing (NaN), unless the
// sampling itself is slower than the step: gaps of up to `carry_max` between
// two samples are filled with the newer one.
//
// Pure: time comes in. Thread safety: none; owned by the rule engine.
// Memory: the shape's slots x width, 4 bytes each in the finest level and 12 in
// the others; taken from the budget when a level is first needed (the coarser
// ones after their first step) and given back by the destructor. A level the
// budget refuses stays empty, and windows that need it unknown, until another group
// has given memory back.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "rules/engine/frame.hpp"
#include "rules/expr/signal_groups.hpp"

namespace homeostat::rules {

struct LevelShape {
  std::chrono::seconds step;
  std::size_t slots;
};
inline constexpr std::size_t history_levels = 3;
using HistoryShape = std::array<LevelShape, history_levels>;

/// 1 s for 10 min, 10 s for 2 h, 1 min for 24 h.
inline constexpr HistoryShape global_history{{{std::chrono::seconds(1), 600},
                                              {std::chrono::seconds(10), 720},
                                              {std::chrono::seconds(60), 1440}}};
/// Of each endpoint, which may be many: 1 s for 2 min, 10 s for 20 min, 1 min for 6 h.
inline constexpr HistoryShape endpoint_history{{{std::chrono::seconds(1), 120},
                                                {std::chrono::seconds(10), 120},
                                                {std::chrono::seconds(60), 360}}};

/// The longest window a shape can answer.
[[nodiscard]] constexpr std::chrono::seconds reach_of(const HistoryShape& shape) noexcept {
  return shape.back().step * static_cast<std::int64_t>(shape.back().slots);
}

/// Bytes that several groups share. Thread safety: none.
class HistoryBudget {
 public:
  explicit HistoryBudget(std::size_t limit) noexcept : limit_(limit) {}
  [[nodiscard]] bool take(std::size_t bytes) noexcept;
  void give(std::size_t bytes) noexcept {
    used_ -= bytes;
    if (bytes > 0) ++returns_;
  }
  void count_refused() noexcept { ++refused_; }
  /// Times that memory came back: what was refused before may be had now.
  [[nodiscard]] std::uint64_t returns() const noexcept { return returns_; }
  [[nodiscard]] std::size_t used() const noexcept { return used_; }
  /// Levels that got no memory since the start.
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }

 private:
  std::size_t limit_;
  std::size_t used_ = 0;
  std::uint64_t refused_ = 0, returns_ = 0;
};

/// Which figure of a slot is wanted.
enum class SlotFigure : std::uint8_t { mean, low, high };

/// The slots of one window, oldest first; in two pieces where the ring wraps.
struct SeriesView {
  std::span<const float> older, newer;
  double step = 1;  ///< seconds per slot

  [[nodiscard]] std::size_t size() const noexcept { return older.size() + newer.size(); }
};

class SeriesGroup {
 public:
  static constexpr std::chrono::seconds carry_max{90};
  /// A window is answered by the finest level that needs no more slots than
  /// this, so that an answer costs about the same whatever the window.
  static constexpr std::size_t window_slots_max = 120;

  /// `budget` may be null (no limit) and must outlive the group.
  SeriesGroup(std::size_t width, const HistoryShape& shape, HistoryBudget* budget = nullptr);
  ~SeriesGroup();
  SeriesGroup(const SeriesGroup&) = delete;
  SeriesGroup& operator=(const SeriesGroup&) = delete;

  /// Takes in one reading per series; unusable ones count as missing, and so do
  /// injected ones, which never happened.
  /// REQUIRES: readings.size() >= width; a `now` before the last is ignored.
  void push(Instant now, std::span<const Reading> readings);

  /// The newest slots that make up `window`, the open one included. Nothing if
  /// the window reaches too far or its level has no memory (yet).
  [[nodiscard]] std::optional<SeriesView> view(std::size_t series, std::chrono::seconds window,
                                               SlotFigure figure = SlotFigure::mean) const noexcept;
  /// All slots of one level, for reports. Nothing before its first step.
  [[nodiscard]] std::optional<SeriesView> level(std::size_t series,
                                                std::size_t level) const noexcept;

  [[nodiscard]] std::size_t width() const noexcept { return width_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

 private:
  struct Level {
    std::int64_t newest = -1;                 ///< slot number since the clock's epoch
    std::optional<std::uint64_t> refused_at;  ///< returns of the budget when it had none
    std::vector<float> mean, low, high;  ///< [series * slots + place]; low, high: coarse levels
    std::vector<std::uint32_t> samples;  ///< in the open slot, by series

    [[nodiscard]] bool empty() const noexcept { return mean.empty(); }
  };
  [[nodiscard]] bool allocate(std::size_t index);
  void open_slot(std::size_t index, std::int64_t number);
  void clear_slot(std::size_t index, std::int64_t number);
  void add(std::size_t index, std::int64_t number, std::span<const Reading> readings);
  [[nodiscard]] SeriesView newest_slots(std::size_t index, std::size_t series, std::size_t count,
                                        SlotFigure figure) const noexcept;

  std::size_t width_;
  const HistoryShape& shape_;
  HistoryBudget* budget_;
  std::size_t bytes_ = 0;
  std::array<Level, history_levels> levels_;
  std::optional<Instant> first_, last_;
};

}  // namespace homeostat::rules
