#include "runtime/app/demo/story.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "runtime/app/demo/explanation.hpp"
#include "runtime/app/demo/fetch.hpp"
#include "runtime/app/demo/process_figures.hpp"
#include "runtime/app/descriptors.hpp"

namespace homeostat::demo {

namespace {

constexpr Duration progress_interval = std::chrono::seconds(1);
/// Worker time of an average request, to choose a rate that surely saturates.
constexpr double nominal_seconds = 0.0135;
constexpr double saturation = 2.5;
constexpr unsigned probes_max = 4;

void say(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

double seconds_of(Duration duration) { return std::chrono::duration<double>(duration).count(); }

void print_progress(const Plan& plan, Duration elapsed, const LoadGenerator::Progress& progress,
                    double seconds) {
  const Duration in_last = elapsed - progress_interval / 2;
  const auto rate = [&](std::uint64_t count) { return static_cast<double>(count) / seconds; };
  const std::string p95 =
      progress.good_latency.total() == 0
          ? "     -"
          : fmt::format("{:4.0f} ms", progress.good_latency.quantile(0.95) * 1000);
  say(fmt::format(
      "{:>5.0f} s  {:<9} done {:>5.0f}/s  good {:>5.0f}/s  p95 {:>8}  rejected {:>5.0f}/s  "
      "failed {:>5.0f}/s\n",
      seconds_of(elapsed), plan[phase_at(plan, in_last)].name, rate(progress.tally.offered),
      rate(progress.tally.good), p95, rate(progress.tally.rejected), rate(progress.tally.failed)));
}

}  // namespace

Story::Story(const DemoOptions& options, Clock& clock)
    : options_(options), clock_(clock), descriptors_(app::raise_descriptor_limit()) {}

bool Story::fail(const std::string& message) {
  if (!loop_.interrupted()) fmt::print(stderr, "demo: {}\n", message);
  return false;
}

bool Story::children_alive() {
  if (!application_.process().running()) {
    return fail(fmt::format("the sample application ended ({}):\n{}", application_.process().end(),
                            application_.process().log_tail()));
  }
  if (agent_expected_ && !agent_.process().running()) {
    return fail(fmt::format("the agent ended ({}):\n{}", agent_.process().end(),
                            agent_.process().log_tail()));
  }
  return true;
}

/// Enough connections for every request that can be waiting at once.
LoadGenerator::Options Story::load_options(std::uint16_t port, const Plan& plan) const {
  double rate = 0;
  for (const Phase& phase : plan) rate = std::max(rate, phase.rate);
  const auto wanted = static_cast<std::size_t>(rate * seconds_of(client_patience) * 1.2) + 200;
  const std::size_t spare = 64;
  const std::size_t possible = descriptors_ > 2 * spare ? descriptors_ - spare : spare;
  return {port, options_.seed, std::min({wanted, possible, std::size_t{12000}})};
}

bool Story::run_load(LoadGenerator& load) {
  const Plan& plan = load.statistics().plan();
  Instant last = clock_.now();
  load.start([this] { loop_.finish(); });
  return loop_.run(progress_interval, [&] {
    const Instant now = clock_.now();
    print_progress(plan, load.elapsed(), load.take_progress(), seconds_of(now - last));
    last = now;
    return children_alive();
  });
}

bool Story::probe() {
  const double rate = saturation * options_.workers / nominal_seconds;
  const Plan plan{{"probe", probe_length(options_.seconds), rate}};
  if (std::string error = application_.start(loop_, directory_, options_.workers); !error.empty()) {
    return fail(error);
  }
  LoadGenerator load(loop_.context(), clock_, plan, load_options(application_.port(), plan));
  // Completed work between the first and the last look while it is saturated.
  double first = 0, last = 0;
  Instant first_at{}, last_at{};
  unsigned looks = 0;
  load.start([this] { loop_.finish(); });
  const bool complete = loop_.run(progress_interval / 2, [&] {
    const auto completed =
        load.elapsed() < plan.front().length ? application_.counter("completed") : std::nullopt;
    if (completed) {
      last = *completed;
      last_at = clock_.now();
      if (++looks == 1) {
        first = last;
        first_at = last_at;
      }
    }
    return children_alive();
  });
  if (!complete) return false;
  application_.process().kill_now();
  const double seconds = seconds_of(last_at - first_at);
  const bool reliable = looks >= 3 && seconds >= 1 && load.statistics().worst_lag() <= lag_max;
  capacity_ = reliable ? (last - first) / seconds : 0;
  return true;
}

bool Story::measure_capacity() {
  say(fmt::format("Measuring what the application can do with {} workers\n", options_.workers));
  for (unsigned attempt = 1; attempt <= probes_max; ++attempt) {
    if (!probe()) return false;
    if (capacity_ >= 1) return true;
    say(fmt::format("  probe {} of {} was disturbed: the load or the answers came too late\n",
                    attempt, probes_max));
  }
  return fail("the capacity could not be measured; run it again when the machine is quieter");
}

std::optional<RunResult> Story::run_bare(const Plan& plan) {
  if (std::string error = application_.start(loop_, directory_, options_.workers); !error.empty()) {
    (void)fail(error);
    return std::nullopt;
  }
  LoadGenerator load(loop_.context(), clock_, plan, load_options(application_.port(), plan));
  if (!run_load(load)) return std::nullopt;
  const auto upstream = static_cast<std::uint64_t>(application_.counter("requests").value_or(0));
  application_.process().kill_now();
  return RunResult{load.statistics(), upstream, std::nullopt};
}

std::optional<RunResult> Story::run_guarded(const Plan& plan) {
  std::string error = application_.start(loop_, directory_, options_.workers);
  if (error.empty()) error = agent_.start(loop_, directory_, application_);
  if (!error.empty()) {
    (void)fail(error);
    return std::nullopt;
  }
  agent_expected_ = true;
  LoadGenerator load(loop_.context(), clock_, plan, load_options(agent_.port(), plan));
  const Instant start = clock_.now();
  const double cpu_before = cpu_seconds(agent_.process().pid()).value_or(0);
  if (!run_load(load)) return std::nullopt;
  AgentUse use;
  use.cpu_seconds = cpu_seconds(agent_.process().pid()).value_or(0) - cpu_before;
  use.run_seconds = seconds_of(clock_.now() - start);
  use.requests = load.statistics().offered();
  use.memory_bytes = memory_bytes(agent_.process().pid()).value_or(0);
  if (const auto stats = fetch_json(agent_.admin_port(), "/api/v1/cache/stats")) {
    use.cache_hits = number_at(*stats, "/cache_statistics/overall_statistics/hits");
    use.cache_misses = number_at(*stats, "/cache_statistics/overall_statistics/misses");
  }
  const auto upstream = static_cast<std::uint64_t>(application_.counter("requests").value_or(0));
  return RunResult{load.statistics(), upstream, use};
}

void Story::show_where_to_look() {
  const std::uint16_t admin = agent_.admin_port();
  say("\nWhat the agent decided, and why\n");
  const auto status = fetch_json(admin, "/api/v1/performance/status");
  say(status ? explain_decisions(*status) : "  the management API did not answer\n");
  if (const auto rules = fetch_json(admin, "/api/v1/rules")) say(explain_rules(*rules));
  say("\nWhere to look next\n");
  if (!options_.keep_running) {
    say("  homeostat demo --keep-running   leaves both up and prints where these are:\n"
        "  dashboard /, metrics /metrics, state /api/v1/performance/status, rules /api/v1/rules\n");
    return;
  }
  say(fmt::format(
      "  application  http://127.0.0.1:{}/api/catalog/1   guarded: "
      "http://127.0.0.1:{}/api/catalog/1\n"
      "  dashboard    http://127.0.0.1:{}/\n"
      "  metrics      http://127.0.0.1:{}/metrics\n"
      "  state        http://127.0.0.1:{}/api/v1/performance/status\n"
      "  rules        http://127.0.0.1:{}/api/v1/rules\n"
      "  files        {}: homeostat.yaml, rules.yaml, agent.log\n",
      application_.port(), agent_.port(), admin, admin, admin, admin, directory_.path()));
}

void Story::keep_serving() {
  say("\nBoth keep running until Ctrl-C.\n");
  (void)loop_.run(progress_interval, [this] { return children_alive(); });
}

int Story::tell() {
  const auto code_of_failure = [this] { return loop_.interrupted() ? 130 : 1; };
  if (!measure_capacity()) return code_of_failure();
  const Plan plan = plan_run(options_.seconds, capacity_, options_.overload);
  say(fmt::format("It finishes {:.0f} requests a second. Overload will be {:.1f} times that.\n\n",
                  capacity_, options_.overload));
  say("Without homeostat\n");
  const auto bare = run_bare(plan);
  if (!bare) return code_of_failure();
  say("\nWith homeostat in front, the same requests at the same times\n");
  const auto guarded = run_guarded(plan);
  if (!guarded) return code_of_failure();
  say("\n" + comparison_table(*bare, *guarded));
  show_where_to_look();
  const std::string invalid = invalid_because(bare->statistics, guarded->statistics);
  const Verdict verdict = judge(bare->statistics, guarded->statistics);
  const bool better = invalid.empty() && verdict.better();
  if (!invalid.empty()) {
    say("\nNo verdict:\n" + invalid);
  } else {
    say(better ? "\nThe guarded run was clearly better.\n"
               : "\nThe guarded run was NOT clearly better:\n" + shortcomings(verdict));
  }
  if (options_.keep_running) keep_serving();
  agent_expected_ = false;
  agent_.stop(loop_);
  return better ? 0 : 1;
}

}  // namespace homeostat::demo
