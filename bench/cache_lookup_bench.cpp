// What does a hit cost, alone and beside another worker, on one hot key and on
// Zipf-distributed keys?
//
//   cache_lookup_bench --benchmark_min_time=1
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "runtime/cache/worker.hpp"

namespace {

using namespace homeostat;
using namespace homeostat::cache;

constexpr std::size_t key_count = 10000;

struct Store {
  ManualClock clock;
  std::unique_ptr<Cache> cache;
  std::vector<std::string> paths;
  Fields plain, browser;

  explicit Store(bool varies) {
    config::CacheSettings settings;
    settings.memory = 256 * config::mebibyte;
    cache = std::make_unique<Cache>(settings, clock, 42);
    browser.add("Accept-Encoding", "gzip, deflate, br, zstd");
    browser.add("User-Agent", "Mozilla/5.0");
    Worker worker(*cache);
    for (std::size_t i = 0; i < key_count; ++i) {
      paths.push_back("/api/v1/books/" + std::to_string(i));
      fill(worker, paths.back(), varies);
    }
  }

  Request request(const std::string& path) const {
    Request request;
    request.method = "GET";
    request.host = "example.org";
    request.path = path;
    request.fields = &browser;
    return request;
  }

  void fill(Worker& worker, const std::string& path, bool varies) {
    const Request view = request(path);
    const RequestDecision decision = cache->rules().decide(view);
    static_cast<void>(worker.lookup(view, decision, clock.now()));
    FillStart start = worker.begin_fill(view, decision, nullptr, clock.now());
    Fields fields;
    fields.add("Cache-Control", "max-age=3600");
    fields.add("Content-Type", "application/json");
    if (varies) fields.add("Vary", "Accept-Encoding");
    Response response;
    response.status = 200;
    response.reason_phrase = "OK";
    response.fields = &fields;
    response.requested = response.received = clock.now();
    response.received_wall = clock.wall_now();
    start.leader->publish_head(
        decide_store(decision, view, response, EndpointPolicy{}, cache->object_bytes_max()), 1024,
        browser, clock.now());
    start.leader->append(std::string(1024, 'x'), clock.now());
    start.leader->complete(clock.now());
  }
};

Store& store(bool varies) {
  static Store plain(false), varying(true);
  return varies ? varying : plain;
}

std::vector<std::uint32_t> zipf_order(std::uint64_t seed) {
  std::vector<double> cumulative(key_count);
  double sum = 0;
  for (std::size_t i = 0; i < key_count; ++i) {
    sum += 1 / static_cast<double>(i + 1);
    cumulative[i] = sum;
  }
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> uniform(0, sum);
  std::vector<std::uint32_t> order(1U << 16U);
  for (std::uint32_t& key : order) {
    key = static_cast<std::uint32_t>(
        std::lower_bound(cumulative.begin(), cumulative.end(), uniform(random)) -
        cumulative.begin());
  }
  return order;
}

void run(benchmark::State& state, bool zipf, bool varies) {
  Store& from = store(varies);
  Worker worker(*from.cache);
  const auto order = zipf ? zipf_order(static_cast<std::uint64_t>(state.thread_index()) + 1)
                          : std::vector<std::uint32_t>(1U << 16U, 7);
  const Instant now = from.clock.now();
  std::size_t i = 0;
  std::size_t misses = 0;
  for (auto _ : state) {
    const Request view = from.request(from.paths[order[i++ & 0xFFFFU]]);
    const RequestDecision decision = from.cache->rules().decide(view);
    const Lookup found = worker.lookup(view, decision, now);
    misses += found.kind == Lookup::Kind::hit ? 0 : 1;
    benchmark::DoNotOptimize(found.object->wire_head().data());
  }
  if (misses > 0) state.SkipWithError("not a hit");
}

void hit_hot_key(benchmark::State& state) { run(state, false, false); }
void hit_zipf_keys(benchmark::State& state) { run(state, true, false); }
void hit_hot_key_varying(benchmark::State& state) { run(state, false, true); }

void decide_only(benchmark::State& state) {
  Store& from = store(false);
  const Request view = from.request(from.paths[7]);
  for (auto _ : state) benchmark::DoNotOptimize(from.cache->rules().decide(view));
}

BENCHMARK(decide_only);
BENCHMARK(hit_hot_key)->Threads(1)->Threads(2)->UseRealTime();
BENCHMARK(hit_zipf_keys)->Threads(1)->Threads(2)->UseRealTime();
BENCHMARK(hit_hot_key_varying)->Threads(1)->Threads(2)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
