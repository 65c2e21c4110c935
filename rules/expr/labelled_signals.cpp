#include "rules/expr/labelled_signals.hpp"

#include <algorithm>
#include <utility>

namespace homeostat::rules {
namespace {

/// Between two readings of the source, however many ticks they are apart: it counts until the
/// next. A fall counts as a restart from zero. Nothing after an interruption that the history
/// would not bridge either.
Reading increase_per_second(LabelledSignals::Entry& entry) {
  if (!entry.reading.usable()) {
    entry.interrupted = true;
    return {};
  }
  const Instant at = entry.reading.at;
  if (entry.counted && at <= entry.counted_at) {
    return entry.interrupted ? Reading{} : entry.newest_increase;
  }
  entry.newest_increase = {};
  const double value = entry.reading.value;
  const bool bridged = !entry.interrupted || at - entry.counted_at <= SeriesGroup::carry_max;
  if (entry.counted && bridged) {
    const double more = value >= *entry.counted ? value - *entry.counted : value;
    entry.newest_increase = entry.reading;
    entry.newest_increase.value =
        more / std::chrono::duration<double>(at - entry.counted_at).count();
  }
  entry.counted = value;
  entry.counted_at = at;
  entry.interrupted = false;
  return entry.newest_increase;
}

}  // namespace

void LabelledSignals::want(std::span<const Selector> selectors) {
  std::vector<Entry> wanted;
  for (const Selector& selector : selectors) {
    Entry entry;
    entry.key = selector.key;
    for (Entry& known : entries_) {
      if (known.key == selector.key && known.history) entry = std::move(known);
    }
    if (!entry.history) {
      entry.history = std::make_unique<SeriesGroup>(1, global_history);
      if (is_counter_name(selector.name)) {
        entry.increase = std::make_unique<SeriesGroup>(1, global_history);
      }
    }
    wanted.push_back(std::move(entry));
  }
  std::sort(wanted.begin(), wanted.end(),
            [](const Entry& a, const Entry& b) { return a.key < b.key; });
  entries_ = std::move(wanted);
}

void LabelledSignals::take(Instant now, std::span<const LabelledReading> readings) {
  for (Entry& entry : entries_) {
    const auto found = std::find_if(readings.begin(), readings.end(),
                                    [&](const LabelledReading& r) { return r.key == entry.key; });
    entry.reading = found == readings.end() ? Reading{} : found->reading;
    entry.history->push(now, {&entry.reading, 1});
    if (!entry.increase) continue;
    const Reading increase = increase_per_second(entry);
    entry.increase->push(now, {&increase, 1});
  }
}

const LabelledSignals::Entry* LabelledSignals::find(std::uint64_t key) const noexcept {
  const auto found =
      std::lower_bound(entries_.begin(), entries_.end(), key,
                       [](const Entry& entry, std::uint64_t wanted) { return entry.key < wanted; });
  return found != entries_.end() && found->key == key ? &*found : nullptr;
}

}  // namespace homeostat::rules
