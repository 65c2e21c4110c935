#include "runtime/tier/signals.hpp"

#include <numeric>

namespace homeostat::tier {
namespace {

using rules::SignalId;

constexpr Duration short_window = std::chrono::seconds(10);
constexpr Duration long_window = std::chrono::minutes(1);
constexpr Duration keep_every = std::chrono::seconds(1);

void set(rules::SignalValues& values, SignalId id, double value, Instant at,
         Duration span = short_window) {
  values[static_cast<std::size_t>(id)] = {value, at, rules::Quality::good, "redis", span};
}

}  // namespace

Signals::Totals Signals::totals_at(Instant now) const {
  const TierCounters& counters = source_->counters;
  const auto reads = [&counters](ReadOutcome outcome) {
    return counters.reads[static_cast<std::size_t>(outcome)].load(std::memory_order_relaxed);
  };
  Totals totals;
  totals.at = now;
  totals.times = counters.read_times.totals();
  totals.hits = reads(ReadOutcome::hit);
  totals.answered = totals.hits;
  for (const ReadOutcome outcome : {ReadOutcome::miss, ReadOutcome::broken, ReadOutcome::unsuitable,
                                    ReadOutcome::outdated, ReadOutcome::expired}) {
    totals.answered += reads(outcome);
  }
  return totals;
}

Signals::Totals Signals::since(const Totals& now, Duration window) const {
  const Totals* base = &past_.front();
  for (const Totals& one : past_) {
    if (now.at - one.at >= window) base = &one;
  }
  Totals out;
  for (std::size_t i = 0; i < out.times.size(); ++i) out.times[i] = now.times[i] - base->times[i];
  out.hits = now.hits - base->hits;
  out.answered = now.answered - base->answered;
  return out;
}

void Signals::fill_reads(const Totals& now, rules::SignalValues& values) const {
  const auto count = [](const Totals& totals) {
    return std::accumulate(totals.times.begin(), totals.times.end(), std::uint64_t{0});
  };
  Duration span = short_window;
  Totals window = since(now, span);
  if (count(window) < reads_min) window = since(now, span = long_window);
  if (count(window) > 0) {
    set(values, SignalId::redis_latency_p95, quantile_of(window.times, 0.95), now.at, span);
  }
  if (window.answered > 0) {
    set(values, SignalId::redis_hit_ratio,
        static_cast<double>(window.hits) / static_cast<double>(window.answered), now.at, span);
  }
}

void Signals::sample(Instant now, rules::SignalValues& values) {
  machine_.sample(now, values);
  if (!source_) return;
  const HealthReport health = source_->health();
  set(values, SignalId::redis_connected, health.up ? 1 : 0, now);
  if (health.up && health.memory_bytes && health.memory_bytes_max.value_or(0) > 0) {
    set(values, SignalId::redis_memory,
        static_cast<double>(*health.memory_bytes) / static_cast<double>(*health.memory_bytes_max),
        now);
  }
  const Totals totals = totals_at(now);
  if (past_.empty() || now - past_.back().at >= keep_every) past_.push_back(totals);
  while (past_.size() > 1 && now - past_[1].at >= long_window) past_.pop_front();
  fill_reads(totals, values);
}

}  // namespace homeostat::tier
