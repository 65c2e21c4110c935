// What most cache tests need: a clock that moves when told, short ways to make
// requests and responses, and a whole request against the cache in one call.
#pragma once

#include <gtest/gtest.h>

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/cache/cache.hpp"
#include "runtime/cache/response_rules.hpp"
#include "runtime/cache/worker.hpp"
#include "runtime/http/date.hpp"

namespace homeostat::cache::testing {

using std::chrono::seconds;
using FieldList = std::vector<std::pair<std::string, std::string>>;

inline Fields table(const FieldList& fields) {
  Fields result;
  for (const auto& [name, value] : fields) EXPECT_TRUE(result.add(name, value));
  return result;
}

/// A request that owns its parts.
struct TestRequest {
  std::string method = "GET";
  std::string path = "/";
  std::string query;
  FieldList fields;
  std::string host = "example.org";
  std::string body_hash;
  std::string tenant = {};
  bool tenant_unclear = false;
  Fields parsed;

  Request view() {
    parsed = table(fields);
    Request request;
    request.method = method;
    request.host = host;
    request.path = path;
    request.query = query;
    request.fields = &parsed;
    request.body_hash = body_hash;
    request.tenant = tenant;
    request.tenant_unclear = tenant_unclear;
    return request;
  }
};

inline TestRequest at(std::string path, std::string query = {}) {
  TestRequest request;
  request.path = std::move(path);
  request.query = std::move(query);
  return request;
}

struct TestResponse {
  int status = 200;
  FieldList fields;
  std::string body = "body";
  std::optional<std::uint64_t> content_length = std::nullopt;
};

/// What came of one request.
struct Outcome {
  Lookup lookup;
  std::optional<FillStart::Kind> fill;
  Reason reason = Reason::none;  ///< why it was not stored
  std::string body;              ///< what the client would see
};

inline std::string body_of(const Object& object) {
  std::string text;
  for (const BodyPart& part : object.body()) text += part.view();
  return text;
}

/// Hard purge by pattern (empty: everything).
inline PurgeResult flush(Cache& cache, const std::string& pattern = {}) {
  PurgeRequest request;
  request.patterns = {pattern};
  return cache.purge(request);
}

inline config::CacheSettings small_settings() {
  config::CacheSettings settings;
  settings.memory = 4 * config::mebibyte;
  settings.ttl_jitter = 0;  // arithmetic on lifetimes stays exact
  return settings;
}

class Harness {
 public:
  explicit Harness(const config::CacheSettings& settings = small_settings())
      : cache(settings, clock, 42), worker(cache) {}

  /// `storage` views copies of the fields that the harness keeps.
  Response response_view(const TestResponse& response, Fields& storage) {
    storage = table(kept_.emplace_back(response.fields));
    Response view;
    view.status = response.status;
    view.reason_phrase = "OK";
    view.fields = &storage;
    view.content_length = response.content_length;
    view.requested = clock.now();
    view.received = clock.now();
    view.received_wall = clock.wall_now();
    return view;
  }

  Lookup find(TestRequest request) {
    const Request view = request.view();
    return worker.lookup(view, cache.rules().decide(view), clock.now());
  }

  /// Lookup, and on a miss a whole fill with `response`.
  Outcome get(TestRequest request, const TestResponse& response) {
    const Request view = request.view();
    const RequestDecision decision = cache.rules().decide(view);
    Outcome outcome;
    outcome.lookup = worker.lookup(view, decision, clock.now());
    if (outcome.lookup.kind == Lookup::Kind::hit) {
      outcome.body = body_of(*outcome.lookup.object);
      return outcome;
    }
    outcome.body = response.body;
    Fields storage;
    const Response answer = response_view(response, storage);
    StoreDecision store = decide_store(decision, view, answer, policy, cache.object_bytes_max());
    if (!decision.store) {
      outcome.reason = store.reason;
      return outcome;
    }
    FillStart start = worker.begin_fill(view, decision, outcome.lookup.object, clock.now());
    outcome.fill = start.kind;
    if (start.kind != FillStart::Kind::leader) {
      outcome.reason = start.reason;
      return outcome;
    }
    FillLeader& leader = *start.leader;
    if (!store.storable()) {
      outcome.reason = store.reason;
      leader.uncacheable(store.reason, clock.now());
      return outcome;
    }
    leader.publish_head(std::move(store), response.content_length, *view.fields, clock.now());
    leader.append(response.body, clock.now());
    outcome.reason = leader.complete(clock.now());
    return outcome;
  }

  /// Begins a fill for a miss; fails the test if it is none.
  FillStart begin(TestRequest& request) {
    view_ = request.view();
    decision_ = cache.rules().decide(view_);
    Lookup found = worker.lookup(view_, decision_, clock.now());
    return worker.begin_fill(view_, decision_, found.object, clock.now());
  }
  StoreDecision judge(TestRequest& request, const TestResponse& response) {
    const Request view = request.view();
    Fields storage;
    const Response answer = response_view(response, storage);
    return decide_store(cache.rules().decide(view), view, answer, policy, cache.object_bytes_max());
  }

  /// Lets go of the fields of responses that are judged already.
  void forget_fields() { kept_.clear(); }

  ManualClock clock;
  EndpointPolicy policy;
  Cache cache;
  Worker worker;

 private:
  std::list<FieldList> kept_;
  Request view_;
  RequestDecision decision_;
};

inline FieldList fresh(int max_age = 60) {
  return {{"Cache-Control", "max-age=" + std::to_string(max_age)}};
}

inline std::string http_date(WallTime time) {
  const http::DateText text = http::format_date(time);
  return {text.data(), text.size()};
}

}  // namespace homeostat::cache::testing
