// Which objects stay? Replays a trace, or a generated workload, through the cache's
// own eviction policy and through its peers, and prints miss ratios and cost.
//
//   trace_replay --trace nasa95.csv.gz --size 1% --size 10%
//   trace_replay --workload scan-unit --seed 7 --ttl
//
// A bench of its own kind: see docs/caching.md, "What is kept".
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "bench/replay/replay.hpp"
#include "bench/replay/workload.hpp"

namespace {

using namespace homeostat::replay;

struct Options {
  std::vector<std::string> traces, workloads, policies = policy_names(), sizes = {"1%", "10%"};
  std::string format = "auto";
  std::uint64_t unit_bytes = 4096, seed = 1;
  std::size_t requests = 0, objects = 0;
  double zipf = 0, object_cap = 0;
  bool ttl = false, latency = false, bound = false;
};

/// `10%` of the reference bytes, or bytes.
std::uint64_t capacity_of(const std::string& text, const Trace& trace) {
  std::size_t end = 0;
  double value = 0;
  try {
    value = std::stod(text, &end);
  } catch (const std::exception&) {
    end = std::string::npos;
  }
  const std::string unit = end < text.size() ? text.substr(end) : "";
  if (end > text.size() || (!unit.empty() && unit != "%") || value <= 0) {
    throw std::runtime_error("--size " + text + ": expected bytes or a percentage");
  }
  if (unit.empty()) return static_cast<std::uint64_t>(value);
  const std::uint64_t whole = trace.reference_bytes > 0 ? trace.reference_bytes : trace.footprint();
  return static_cast<std::uint64_t>(value / 100 * static_cast<double>(whole));
}

void report(const Trace& trace, const Options& options) {
  std::printf("%s: %zu requests, %zu objects, footprint %llu bytes%s\n", trace.name.c_str(),
              trace.accesses.size(), trace.objects(),
              static_cast<unsigned long long>(trace.footprint()),
              trace.ttls.empty() ? "" : ", lifetimes overlaid");
  for (const std::string& size : options.sizes) {
    ReplaySettings settings;
    settings.capacity = capacity_of(size, trace);
    settings.seed = options.seed;
    settings.latency = options.latency;
    settings.object_bytes_max =
        static_cast<std::uint64_t>(options.object_cap * static_cast<double>(settings.capacity));
    std::printf("  cache %s = %llu bytes\n", size.c_str(),
                static_cast<unsigned long long>(settings.capacity));
    for (const std::string& policy : options.policies) {
      const ReplayResult result = replay(trace, policy, settings);
      std::printf("    %-10s OMR %.4f  BMR %.4f  %6.0f ns", policy.c_str(),
                  result.object_miss_ratio(), result.byte_miss_ratio(), result.mean_ns);
      if (options.latency) std::printf("  p99 %6.0f  max %8.0f", result.p99_ns, result.max_ns);
      std::printf("\n");
    }
    if (options.bound) {
      std::printf("    %-10s OMR %.4f\n", "PFOO-L",
                  lowest_object_miss_ratio(trace, settings.capacity));
    }
    std::fflush(stdout);
  }
}

void run(const Options& options) {
  const auto finish = [&](Trace trace) {
    if (options.ttl) overlay_ttls(trace, options.seed);
    report(trace, options);
  };
  const TraceFormat format = options.format == "u32"   ? TraceFormat::u32
                             : options.format == "csv" ? TraceFormat::csv
                                                       : TraceFormat::automatic;
  for (const std::string& path : options.traces) {
    finish(read_trace(path, format, options.unit_bytes));
  }
  for (const std::string& name : options.workloads) {
    WorkloadSettings settings = workload_preset(name);
    settings.seed = options.seed;
    settings.unit_bytes = options.unit_bytes;
    if (options.requests > 0) settings.requests = options.requests;
    if (options.objects > 0) settings.objects = options.objects;
    if (options.zipf > 0) settings.zipf = options.zipf;
    Trace trace = generate(settings);
    trace.name = name + " (seed " + std::to_string(options.seed) + ")";
    finish(std::move(trace));
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Replays traces through the cache's eviction policy and its peers.", "trace_replay"};
  Options options;
  app.add_option("--trace", options.traces, "file (plain, .gz, .xz) or - for standard input");
  app.add_option("--format", options.format, "csv (time,id,size), u32 (little-endian keys) or auto")
      ->check(CLI::IsMember({"auto", "csv", "u32"}));
  app.add_option("--workload", options.workloads, "generated instead of read")
      ->check(CLI::IsMember(workload_names()));
  app.add_option("--size", options.sizes, "cache size: bytes, or % of the footprint");
  app.add_option("--policy", options.policies, "which policies")
      ->check(CLI::IsMember(policy_names()));
  app.add_option("--seed", options.seed, "of workload, lifetimes and hashing");
  app.add_option("--object-cap", options.object_cap, "largest object, as a share of the cache");
  app.add_option("--unit-bytes", options.unit_bytes, "weight of an object without a size")
      ->check(CLI::PositiveNumber);
  app.add_option("--requests", options.requests, "of a workload");
  app.add_option("--objects", options.objects, "of a workload's base population");
  app.add_option("--zipf", options.zipf, "exponent of a workload's popularity");
  app.add_flag("--ttl", options.ttl, "overlay lifetimes, by endpoint");
  app.add_flag("--latency", options.latency, "time each access: 99th percentile and worst");
  app.add_flag("--bound", options.bound, "print PFOO-L, which no policy can beat");
  CLI11_PARSE(app, argc, argv);
  if (options.traces.empty() && options.workloads.empty()) {
    std::fprintf(stderr, "trace_replay: give --trace or --workload\n");
    return 2;
  }
  try {
    run(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "trace_replay: %s\n", error.what());
    return 1;
  }
}
