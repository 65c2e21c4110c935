// Purges of every kind against hits and fills on several threads: what was
// fetched before a purge is never a hit after it. Meant for ThreadSanitizer too.
#include <atomic>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "cache_fixture.hpp"

namespace homeostat::cache {
namespace {

using testing::FieldList;
using testing::TestRequest;

constexpr int paths = 16;
constexpr int worker_count = 3;
constexpr int purges_each = 400;

/// The application: one number that every response carries.
struct Origin {
  std::atomic<int> version{0};
  std::atomic<int> purged{0};  // all older versions are purged
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> hits{0}, too_old{0};
};

FieldList fields_of(int path) {
  return {{"Cache-Control", "max-age=3600"},
          {"ETag", "\"e\""},
          {"Surrogate-Key", "all mod" + std::to_string(path % 4) + " own" + std::to_string(path)}};
}

void fill(Cache& cache, Worker& worker, const Clock& clock, Origin& origin, TestRequest& request,
          int path, ObjectPtr stale) {
  const Request view = request.view();
  const RequestDecision decision = cache.rules().decide(view);
  FillStart start = worker.begin_fill(view, decision, std::move(stale), clock.now());
  if (start.kind != FillStart::Kind::leader) return;
  const std::string body = std::to_string(origin.version.load());
  std::this_thread::yield();
  const FieldList list = fields_of(path);
  const Fields fields = testing::table(list);
  Response response;
  response.status = 200;
  response.reason_phrase = "OK";
  response.fields = &fields;
  response.requested = response.received = clock.now();
  response.received_wall = clock.wall_now();
  start.leader->publish_head(decide_store(decision, view, response, {}, cache.object_bytes_max()),
                             body.size(), *view.fields, clock.now());
  start.leader->append(body, clock.now());
  static_cast<void>(start.leader->complete(clock.now()));
}

void serve(Cache& cache, const Clock& clock, Origin& origin, unsigned seed) {
  Worker worker(cache);
  std::mt19937 random(seed);
  while (!origin.done.load()) {
    const int path = static_cast<int>(random() % paths);
    TestRequest request = testing::at("/" + std::to_string(path));
    const Request view = request.view();
    const int purged = origin.purged.load();
    const Lookup found = worker.lookup(view, cache.rules().decide(view), clock.now());
    if (found.kind != Lookup::Kind::hit) {
      fill(cache, worker, clock, origin, request, path, found.object);
      continue;
    }
    origin.hits.fetch_add(1);
    if (std::stoi(testing::body_of(*found.object)) < purged) origin.too_old.fetch_add(1);
  }
}

void purge(Cache& cache, Worker& worker, unsigned kind) {
  PurgeRequest request;
  request.soft = kind % 2 == 1;
  switch (kind / 2) {
    case 0: request.tags = {"all"}; break;
    case 1: request.tags = {"mod0", "mod1", "mod2", "mod3"}; break;
    case 2: request.patterns = {"/*"}; break;
    case 3: request.patterns = {"hs:*"}; break;
    case 4:
      for (int i = 0; i < paths; ++i) {
        request.keys.push_back("hs:default:GET:example.org/" + std::to_string(i) + ":::");
      }
      break;
    default:
      for (int i = 0; i < paths; ++i) {
        worker.invalidate_uri("example.org", "/" + std::to_string(i), "", cache.rules());
      }
      return;
  }
  cache.purge(request);
}

TEST(PurgeThreads, NothingFetchedBeforeAPurgeIsAHitAfterIt) {
  ManualClock clock;
  Cache cache(testing::small_settings(), clock, 42);
  Origin origin;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < worker_count; ++i) {
    threads.emplace_back([&, i] { serve(cache, clock, origin, i + 1); });
  }
  Worker worker(cache);
  for (unsigned i = 0; i < purges_each; ++i) {
    const std::uint64_t hits = origin.hits.load();
    origin.version.fetch_add(1);
    purge(cache, worker, i % 12);
    origin.purged.store(origin.version.load());
    while (origin.hits.load() == hits) std::this_thread::yield();  // something was stored again
    if (i % 16 == 0) cache.sweep();
    if (i % 32 == 0) static_cast<void>(cache.keys({}));
  }
  origin.done.store(true);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(origin.too_old.load(), 0U);
  EXPECT_GE(origin.hits.load(), static_cast<std::uint64_t>(purges_each));
  testing::flush(cache);
  EXPECT_EQ(cache.figures().entries, 0U);
  EXPECT_EQ(cache.tags().slots(), 0U);
}

}  // namespace
}  // namespace homeostat::cache
