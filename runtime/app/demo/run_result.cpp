#include "runtime/app/demo/run_result.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

namespace homeostat::demo {

namespace {

constexpr auto checkout = static_cast<std::size_t>(RequestKind::checkout);
constexpr double mebibyte = 1024.0 * 1024.0;

std::string row(const std::string& name, const std::string& bare, const std::string& guarded) {
  return fmt::format("  {:<34} {:>16} {:>16}\n", name, bare, guarded);
}

std::string percent(double ratio) { return fmt::format("{:.1f} %", ratio * 100); }

std::string milliseconds(const PhaseFigures& figures, double quantile) {
  if (figures.good_latency.total() == 0) return "none good";
  return fmt::format("{:.1f} ms", figures.good_latency.quantile(quantile) * 1000);
}

std::string recovery_text(const RunStatistics& statistics) {
  const auto time = statistics.recovery_time();
  const Duration phase = statistics.plan().back().length;
  const auto seconds = [](Duration value) { return std::chrono::duration<double>(value).count(); };
  if (!time) return fmt::format("not in {:.1f} s", seconds(phase));
  return *time == Duration{} ? "at once" : fmt::format("{:.1f} s", seconds(*time));
}

std::string overload_rows(const RunStatistics& bare, const RunStatistics& guarded) {
  const PhaseFigures& a = bare.phase(overload_phase);
  const PhaseFigures& b = guarded.phase(overload_phase);
  const auto share = [](std::uint64_t part, const Tally& tally) {
    return percent(
        tally.offered == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(tally.offered));
  };
  std::string text;
  text += row("requests offered", fmt::to_string(a.all.offered), fmt::to_string(b.all.offered));
  text += row("success ratio", percent(a.all.success()), percent(b.all.success()));
  text += row("goodput", fmt::format("{:.0f} /s", bare.goodput(overload_phase)),
              fmt::format("{:.0f} /s", guarded.goodput(overload_phase)));
  text += row("refused at once (503)", share(a.all.rejected, a.all), share(b.all.rejected, b.all));
  text += row("timed out or broken", share(a.all.failed, a.all), share(b.all.failed, b.all));
  constexpr std::array<std::pair<const char*, double>, 3> quantiles{
      {{"p50 of good answers", 0.5}, {"p95 of good answers", 0.95}, {"p99 of good answers", 0.99}}};
  for (const auto& [name, quantile] : quantiles) {
    text += row(name, milliseconds(a, quantile), milliseconds(b, quantile));
  }
  text += row("checkout (critical) success", percent(a.by_kind[checkout].success()),
              percent(b.by_kind[checkout].success()));
  return text;
}

std::string agent_rows(const AgentUse& use) {
  std::string text;
  const auto hits = use.hit_ratio();
  text += row("cache hit ratio", "-", hits ? percent(*hits) : "unknown");
  text += row("agent CPU", "-", fmt::format("{:.2f} s", use.cpu_seconds));
  text += row("agent CPU, share of one core", "-", percent(use.core_share()));
  text +=
      row("agent CPU per request", "-", fmt::format("{:.0f} us", use.microseconds_per_request()));
  text += row("agent memory (PSS)", "-",
              fmt::format("{:.1f} MiB", static_cast<double>(use.memory_bytes) / mebibyte));
  return text;
}

}  // namespace

double AgentUse::core_share() const noexcept {
  return run_seconds > 0 ? cpu_seconds / run_seconds : 0;
}

double AgentUse::microseconds_per_request() const noexcept {
  return requests > 0 ? cpu_seconds * 1e6 / static_cast<double>(requests) : 0;
}

std::optional<double> AgentUse::hit_ratio() const noexcept {
  const double lookups = cache_hits + cache_misses;
  if (lookups <= 0) return std::nullopt;
  return cache_hits / lookups;
}

Verdict judge(const RunStatistics& bare, const RunStatistics& guarded) {
  const PhaseFigures& a = bare.phase(overload_phase);
  const PhaseFigures& b = guarded.phase(overload_phase);
  Verdict verdict;
  verdict.success_higher =
      b.all.success() >= 1.5 * a.all.success() && b.all.success() >= a.all.success() + 0.1;
  verdict.goodput_higher = guarded.goodput(overload_phase) > 0 &&
                           guarded.goodput(overload_phase) >= 1.2 * bare.goodput(overload_phase);
  const double critical = b.by_kind[checkout].success();
  verdict.critical_served = critical >= 0.9 && critical >= a.by_kind[checkout].success();
  return verdict;
}

std::string comparison_table(const RunResult& bare, const RunResult& guarded) {
  std::string text = row("", "without", "with homeostat");
  text += "  during overload\n";
  text += overload_rows(bare.statistics, guarded.statistics);
  text += "  whole run\n";
  text += row("recovery after overload", recovery_text(bare.statistics),
              recovery_text(guarded.statistics));
  text += row("requests at the application", fmt::to_string(bare.upstream_requests),
              fmt::to_string(guarded.upstream_requests));
  const auto bytes = [](const RunStatistics& statistics) {
    return fmt::format("{:.1f} MiB", static_cast<double>(statistics.bytes()) / mebibyte);
  };
  text += row("bytes received by clients", bytes(bare.statistics), bytes(guarded.statistics));
  const auto lag = [](const RunStatistics& statistics) {
    return fmt::format("{:.0f} ms",
                       std::chrono::duration<double, std::milli>(statistics.worst_lag()).count());
  };
  text += row("load sent late, worst case", lag(bare.statistics), lag(guarded.statistics));
  if (guarded.agent) text += agent_rows(*guarded.agent);
  return text;
}

std::string invalid_because(const RunStatistics& bare, const RunStatistics& guarded) {
  const Duration worst = std::max(bare.worst_lag(), guarded.worst_lag());
  if (worst <= lag_max) return {};
  return fmt::format(
      "  the load generator itself sent requests up to {:.1f} s late, so these figures do\n"
      "  not compare the same load. A machine without CPU to spare is the usual cause;\n"
      "  run it again when it is quieter.\n",
      std::chrono::duration<double>(worst).count());
}

std::string shortcomings(const Verdict& verdict) {
  std::string text;
  if (!verdict.success_higher) {
    text += "  - the success ratio is not 1.5 times and 10 points above the bare run's\n";
  }
  if (!verdict.goodput_higher) text += "  - goodput is not 1.2 times the bare run's\n";
  if (!verdict.critical_served) text += "  - less than 90 % of checkouts succeeded\n";
  return text;
}

}  // namespace homeostat::demo
