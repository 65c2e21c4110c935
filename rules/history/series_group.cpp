#include "rules/history/series_group.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace homeostat::rules {
namespace {

constexpr float missing = std::numeric_limits<float>::quiet_NaN();

std::int64_t number_at(Instant now, std::chrono::seconds step) {
  return std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()) / step;
}

}  // namespace

bool HistoryBudget::take(std::size_t bytes) noexcept {
  if (bytes > limit_ - std::min(used_, limit_)) return false;
  used_ += bytes;
  return true;
}

SeriesGroup::SeriesGroup(std::size_t width, const HistoryShape& shape, HistoryBudget* budget)
    : width_(width), shape_(shape), budget_(budget) {}

SeriesGroup::~SeriesGroup() {
  if (budget_ != nullptr) budget_->give(bytes_);
}

bool SeriesGroup::allocate(std::size_t index) {
  Level& level = levels_[index];
  if (level.refused_at && *level.refused_at == budget_->returns()) return false;
  const std::size_t cells = width_ * shape_[index].slots;
  const std::size_t bytes =
      cells * sizeof(float) * (index == 0 ? 1 : 3) + width_ * sizeof(std::uint32_t);
  if (budget_ != nullptr && !budget_->take(bytes)) {
    if (!level.refused_at) budget_->count_refused();
    level.refused_at = budget_->returns();
    return false;
  }
  bytes_ += bytes;
  level.mean.assign(cells, missing);
  if (index > 0) {
    level.low.assign(cells, missing);
    level.high.assign(cells, missing);
  }
  level.samples.assign(width_, 0);
  return true;
}

void SeriesGroup::clear_slot(std::size_t index, std::int64_t number) {
  Level& level = levels_[index];
  const std::size_t slots = shape_[index].slots;
  const std::size_t place = static_cast<std::size_t>(number) % slots;
  for (std::size_t series = 0; series < width_; ++series) {
    const std::size_t cell = series * slots + place;
    level.mean[cell] = missing;
    if (index == 0) continue;
    level.low[cell] = missing;
    level.high[cell] = missing;
  }
}

void SeriesGroup::open_slot(std::size_t index, std::int64_t number) {
  Level& level = levels_[index];
  const auto slots = static_cast<std::int64_t>(shape_[index].slots);
  const std::int64_t first =
      level.newest < 0 ? number : std::max(level.newest + 1, number - slots + 1);
  for (std::int64_t slot = first; slot <= number; ++slot) clear_slot(index, slot);
  level.newest = number;
  std::fill(level.samples.begin(), level.samples.end(), 0U);
}

void SeriesGroup::add(std::size_t index, std::int64_t number, std::span<const Reading> readings) {
  Level& level = levels_[index];
  if (number != level.newest) open_slot(index, number);
  const std::size_t slots = shape_[index].slots;
  const std::size_t place = static_cast<std::size_t>(number) % slots;
  for (std::size_t series = 0; series < width_; ++series) {
    const Reading& reading = readings[series];
    if (reading.quality != Quality::good || !std::isfinite(reading.value)) continue;
    const auto value = static_cast<float>(reading.value);
    const std::size_t cell = series * slots + place;
    const std::uint32_t count = ++level.samples[series];
    float& mean = level.mean[cell];
    mean = count == 1 ? value : mean + (value - mean) / static_cast<float>(count);
    if (index == 0) continue;
    level.low[cell] = count == 1 ? value : std::min(level.low[cell], value);
    level.high[cell] = count == 1 ? value : std::max(level.high[cell], value);
  }
}

void SeriesGroup::push(Instant now, std::span<const Reading> readings) {
  if (last_ && now < *last_) return;
  if (!first_) first_ = now;
  const bool carried = last_ && now - *last_ <= carry_max;
  for (std::size_t i = 0; i < history_levels; ++i) {
    Level& level = levels_[i];
    const auto step = shape_[i].step;
    if (level.empty() && ((i > 0 && now - *first_ < step) || !allocate(i))) continue;
    const std::int64_t number = number_at(now, step);
    if (carried && level.newest >= 0) {
      for (std::int64_t slot = level.newest + 1; slot < number; ++slot) add(i, slot, readings);
    }
    add(i, number, readings);
  }
  last_ = now;
}

SeriesView SeriesGroup::newest_slots(std::size_t index, std::size_t series, std::size_t count,
                                     SlotFigure figure) const noexcept {
  const Level& level = levels_[index];
  const std::size_t slots = shape_[index].slots;
  const std::vector<float>& cells = figure == SlotFigure::mean || index == 0 ? level.mean
                                    : figure == SlotFigure::low              ? level.low
                                                                             : level.high;
  const std::span<const float> ring(cells.data() + series * slots, slots);
  const std::size_t end = static_cast<std::size_t>(level.newest) % slots + 1;
  SeriesView view;
  view.step = static_cast<double>(shape_[index].step.count());
  if (count <= end) {
    view.newer = ring.subspan(end - count, count);
  } else {
    view.older = ring.last(count - end);
    view.newer = ring.first(end);
  }
  return view;
}

std::optional<SeriesView> SeriesGroup::view(std::size_t series, std::chrono::seconds window,
                                            SlotFigure figure) const noexcept {
  for (std::size_t i = 0; i < history_levels; ++i) {
    const auto step = shape_[i].step;
    const auto count = static_cast<std::size_t>((window + step - std::chrono::seconds(1)) / step);
    if (count > shape_[i].slots || (count > window_slots_max && i + 1 < history_levels)) continue;
    if (count == 0 || levels_[i].empty()) return std::nullopt;
    return newest_slots(i, series, count, figure);
  }
  return std::nullopt;
}

std::optional<SeriesView> SeriesGroup::level(std::size_t series, std::size_t level) const noexcept {
  if (levels_[level].empty()) return std::nullopt;
  return newest_slots(level, series, shape_[level].slots, SlotFigure::mean);
}

}  // namespace homeostat::rules
