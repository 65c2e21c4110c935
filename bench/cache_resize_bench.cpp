// What does a worker notice while a full cache is shrunk, grown, expired or
// flushed? Fills a cache, runs hits and stores on one thread, control operations
// on another, and prints the slowest of each.
//
//   cache_resize_bench --objects 200000
#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "runtime/cache/response_rules.hpp"
#include "runtime/cache/worker.hpp"

namespace {

using namespace homeostat;
using namespace homeostat::cache;
using Stopwatch = std::chrono::steady_clock;

double microseconds(Stopwatch::duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

struct Site {
  ManualClock clock;
  Cache cache;
  Fields none, headers;

  explicit Site(std::size_t memory)
      : cache(
            [&] {
              config::CacheSettings settings;
              settings.memory = memory;
              return settings;
            }(),
            clock, 42) {
    headers.add("Cache-Control", "max-age=3600");
    headers.add("Content-Type", "application/json");
  }
  Request request(const std::string& path) const {
    Request request;
    request.method = "GET";
    request.host = "example.org";
    request.path = path;
    request.fields = &none;
    return request;
  }
  /// Microseconds of the lookup, and of the store if there was one.
  std::pair<double, double> ask(Worker& worker, const std::string& path) {
    const Request view = request(path);
    const RequestDecision decision = cache.rules().decide(view);
    const auto began = Stopwatch::now();
    const Lookup found = worker.lookup(view, decision, clock.now());
    const double lookup = microseconds(Stopwatch::now() - began);
    if (found.kind == Lookup::Kind::hit) return {lookup, 0};
    FillStart start = worker.begin_fill(view, decision, nullptr, clock.now());
    if (start.kind != FillStart::Kind::leader) return {lookup, 0};
    Response response;
    response.status = 200;
    response.reason_phrase = "OK";
    response.fields = &headers;
    response.requested = response.received = clock.now();
    response.received_wall = clock.wall_now();
    start.leader->publish_head(
        decide_store(decision, view, response, EndpointPolicy{}, cache.object_bytes_max()), 512,
        none, clock.now());
    start.leader->append(std::string(512, 'x'), clock.now());
    const auto storing = Stopwatch::now();
    start.leader->complete(clock.now());
    return {lookup, microseconds(Stopwatch::now() - storing)};
  }
};

struct Slowest {
  std::vector<double> times;
  void print(const char* what) {
    if (times.empty()) return;
    std::sort(times.begin(), times.end());
    const auto at = [&](double share) {
      return times[static_cast<std::size_t>(share * static_cast<double>(times.size() - 1))];
    };
    std::printf("  %-7s %9zu calls  p50 %7.2f  p99 %7.2f  p99.9 %8.2f  slowest %9.1f us\n", what,
                times.size(), at(0.5), at(0.99), at(0.999), times.back());
  }
};

std::string path_of(std::size_t i) { return "/objects/" + std::to_string(i); }

template <class Control>
void measure(Site& site, std::size_t objects, const char* title, Control&& control) {
  std::atomic<bool> done{false};
  Slowest hits, stores;
  std::thread client([&] {
    Worker worker(site.cache);
    std::uint64_t state = 1;
    while (!done.load()) {
      state = state * 6364136223846793005U + 1442695040888963407U;
      const auto [lookup, store] = site.ask(worker, path_of((state >> 33U) % (2 * objects)));
      hits.times.push_back(lookup);
      if (store > 0) stores.times.push_back(store);
    }
  });
  double longest = 0;
  std::size_t calls = 0;
  const auto began = Stopwatch::now();
  for (bool more = true; more; ++calls) {
    const auto call = Stopwatch::now();
    more = control(calls);
    longest = std::max(longest, microseconds(Stopwatch::now() - call));
  }
  const double total = microseconds(Stopwatch::now() - began);
  done.store(true);
  client.join();
  std::printf("%s: %zu calls in %.1f ms, the longest %.1f ms\n", title, calls, total / 1000,
              longest / 1000);
  hits.print("lookup");
  stores.print("store");
}

void run(std::size_t objects) {
  Site site(objects * 4096);
  Slowest stores;
  {
    Worker worker(site.cache);
    for (std::size_t i = 0; i < objects; ++i) {
      stores.times.push_back(site.ask(worker, path_of(i)).second);
    }
  }
  std::printf("filled: %zu objects, %zu bytes accounted\n", site.cache.figures().entries,
              site.cache.bytes());
  stores.print("store");
  const auto above = [&] {
    const CacheFigures figures = site.cache.figures();
    return figures.bytes > figures.bytes_max;
  };
  const double full =
      static_cast<double>(site.cache.bytes()) / (static_cast<double>(objects) * 4096);
  const auto until = Stopwatch::now() + std::chrono::milliseconds(500);
  measure(site, objects, "undisturbed", [&](std::size_t) { return Stopwatch::now() < until; });
  measure(site, objects, "shrink to a quarter", [&](std::size_t) {
    site.cache.shrink_to(full / 4);
    return above();
  });
  measure(site, objects, "grow back", [&](std::size_t call) {
    site.cache.shrink_to(1);
    return call < 20000;
  });
  {
    Worker worker(site.cache);
    for (std::size_t i = 0; i < objects; ++i) static_cast<void>(site.ask(worker, path_of(i)));
  }
  measure(site, objects, "flush", [&](std::size_t) {
    PurgeRequest everything;
    everything.patterns = {"*"};
    site.cache.purge(everything);
    return false;
  });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"What workers notice of control operations on a full cache.", "cache_resize_bench"};
  std::size_t objects = 200000;
  app.add_option("--objects", objects, "stored before the measurement")->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  run(objects);
}
