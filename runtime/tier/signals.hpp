// The signals redis.* beside those of the machine: what the shared tier is like, for rules.
//
// Latency and hit ratio come from the last 10 s if these hold at least 20 reads, else from
// the last minute; without a read in that they are missing. redis.memory is missing where
// Redis has no bound (maxmemory 0). Without a tier all of them are.
//
// Thread safety: one thread at a time, as ResourceSensor. Ownership: outlived by what it
// refers to. Memory: a minute of totals, about 60 KB.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <utility>

#include "runtime/ports/signals.hpp"
#include "runtime/tier/figures.hpp"
#include "runtime/tier/health.hpp"

namespace homeostat::tier {

class Signals final : public ResourceSensor {
 public:
  struct Source {
    const TierCounters& counters;
    std::function<HealthReport()> health;
  };
  /// `machine` measures everything else.
  explicit Signals(ResourceSensor& machine) : machine_(machine) {}

  /// Before the first sample; never: there is no tier.
  void read_from(Source source) { source_.emplace(std::move(source)); }
  void sample(Instant now, rules::SignalValues& values) override;

 private:
  static constexpr std::uint64_t reads_min = 20;

  struct Totals {
    Instant at{};
    ReadTimes::Totals times{};
    std::uint64_t hits = 0, answered = 0;
  };
  [[nodiscard]] Totals totals_at(Instant now) const;
  /// What came since so long ago, as far as it is known.
  [[nodiscard]] Totals since(const Totals& now, Duration window) const;
  void fill_reads(const Totals& now, rules::SignalValues& values) const;

  ResourceSensor& machine_;
  std::optional<Source> source_;
  std::deque<Totals> past_;  ///< one a second, oldest first
};

}  // namespace homeostat::tier
