#include "runtime/app/demo/statistics.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace homeostat::demo {

namespace {

constexpr double recovered_success = 0.95;

}  // namespace

void Tally::add(Outcome outcome) noexcept {
  ++offered;
  switch (outcome) {
    case Outcome::good: ++good; break;
    case Outcome::rejected: ++rejected; break;
    case Outcome::failed: ++failed; break;
  }
}

double Tally::success() const noexcept {
  return offered == 0 ? 0 : static_cast<double>(good) / static_cast<double>(offered);
}

RunStatistics::RunStatistics(Plan plan) : plan_(std::move(plan)), phases_(plan_.size()) {
  const Duration last = plan_.empty() ? Duration{} : plan_.back().length;
  bins_.resize(static_cast<std::size_t>((last + bin_length - Duration(1)) / bin_length));
}

void RunStatistics::record(const Arrival& arrival, Outcome outcome, Duration latency) {
  PhaseFigures& figures = phases_.at(arrival.phase);
  ++offered_;
  figures.all.add(outcome);
  figures.by_kind[static_cast<std::size_t>(arrival.kind)].add(outcome);
  if (outcome == Outcome::good) {
    const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(latency).count();
    figures.good_latency.record(static_cast<std::uint64_t>(std::max<std::int64_t>(0, nanoseconds)));
  }
  if (arrival.phase + 1 != plan_.size() || bins_.empty()) return;
  const Duration inside = arrival.at - phase_start(plan_, arrival.phase);
  const auto bin = static_cast<std::size_t>(std::max(Duration{}, inside) / bin_length);
  bins_[std::min(bin, bins_.size() - 1)].add(outcome);
}

double RunStatistics::goodput(std::size_t index) const {
  const double seconds = std::chrono::duration<double>(plan_.at(index).length).count();
  return seconds > 0 ? static_cast<double>(phases_.at(index).all.good) / seconds : 0;
}

std::optional<Duration> RunStatistics::recovery_time() const {
  std::size_t bad_until = 0;
  for (std::size_t i = 0; i < bins_.size(); ++i) {
    if (bins_[i].offered > 0 && bins_[i].success() < recovered_success) bad_until = i + 1;
  }
  if (bins_.empty() || bad_until == bins_.size()) return std::nullopt;
  return bin_length * static_cast<Duration::rep>(bad_until);
}

}  // namespace homeostat::demo
