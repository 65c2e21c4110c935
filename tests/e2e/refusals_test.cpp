// Every reason why a request or response stays out of the cache, reached once from outside:
// it is counted under its name, and Cache-Status says it where the answer still can.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <ostream>
#include <set>

#include "runtime/cache/reason.hpp"
#include "tests/e2e/expiring.hpp"
#include "tests/e2e/held_origin.hpp"

namespace homeostat::test {
namespace {

using cache::Reason;

constexpr const char* fresh = "Cache-Control: max-age=60\r\n";

struct Refusal {
  Reason reason;
  const char* response = fresh;  ///< fields of /page's answers
  std::string request = {};      ///< fields
  const char* method = "GET";
  const char* cache = "";   ///< configuration
  std::string before = {};  ///< fields of a request that comes first; "-": none
  int status = 200;
  std::string body = "page";
  const char* target = "/page";
  bool told = true;  ///< in Cache-Status
};

void PrintTo(const Refusal& refusal, std::ostream* out) {
  *out << cache::to_string(refusal.reason);
}

std::string identifier(Reason reason) {
  std::string text(cache::to_string(reason));
  std::replace(text.begin(), text.end(), '-', '_');
  return text;
}

std::string many_names() {
  std::string vary = "Vary: a0";
  for (int i = 1; i < 20; ++i) vary += ", a" + std::to_string(i);
  return vary + "\r\nCache-Control: max-age=60\r\n";
}
const std::string vary_limit = many_names();

std::vector<Refusal> refusals() {
  std::vector<Refusal> all;
  const auto add = [&](Refusal refusal) { all.push_back(std::move(refusal)); };
  add({.reason = Reason::disabled, .cache = "enabled: false", .before = "-"});
  add({.reason = Reason::rule_bypass,
       .cache = "rules: [{match: {path: /page}, bypass: true}]",
       .before = "-"});
  add({.reason = Reason::method, .method = "POST", .before = "-"});
  add({.reason = Reason::range, .request = "Range: lines=0-1\r\n", .before = "-"});
  add({.reason = Reason::request_no_store,
       .request = "Cache-Control: no-store\r\n",
       .before = "-"});
  add({.reason = Reason::request_body, .request = "Content-Length: 1\r\n", .before = "-"});
  add({.reason = Reason::authorization, .request = "Authorization: Basic YTpi\r\n", .before = "-"});
  add({.reason = Reason::request_directive,
       .request = "Cache-Control: no-cache\r\n",
       .told = false});
  add({.reason = Reason::only_if_cached,
       .request = "Cache-Control: only-if-cached\r\n",
       .before = "-"});
  add({.reason = Reason::upgrade,
       .request = "Connection: upgrade\r\nUpgrade: other/1\r\n",
       .before = "-"});
  add({.reason = Reason::override_field,
       .request = "X-HTTP-Method-Override: PUT\r\n",
       .before = "-"});
  add({.reason = Reason::tenant,
       .request = "X-Tenant: a\r\nX-Tenant: b\r\n",
       .cache = "tenant: {by: header, field: X-Tenant}",
       .before = "-"});
  add({.reason = Reason::ambiguous_path,
       .cache = "rules: [{match: {path: /other}, ttl: 1m}]",
       .before = "-",
       .target = "//page"});
  add({.reason = Reason::precondition, .request = "If-Match: \"x\"\r\n", .before = "-"});
  add({.reason = Reason::content_coding,
       .response = "Cache-Control: max-age=60\r\nContent-Encoding: br\r\n",
       .request = "Accept-Encoding: gzip\r\n",
       .before = "Accept-Encoding: br\r\n",
       .body = "no brotli at all"});
  add({.reason = Reason::no_store, .response = "Cache-Control: no-store\r\n", .before = "-"});
  add({.reason = Reason::private_,
       .response = "Cache-Control: max-age=60, private\r\n",
       .before = "-"});
  add({.reason = Reason::no_cache,
       .response = "Cache-Control: max-age=60, no-cache=\"x\"\r\n",
       .before = "-"});
  add({.reason = Reason::set_cookie,
       .response = "Cache-Control: max-age=60\r\nSet-Cookie: a=b\r\n",
       .before = "-"});
  add({.reason = Reason::vary_star,
       .response = "Cache-Control: max-age=60\r\nVary: accept, *\r\n",
       .before = "-"});
  add({.reason = Reason::vary_limit, .response = vary_limit.c_str(), .before = "-"});
  add({.reason = Reason::partial,
       .response = "Cache-Control: max-age=60\r\nContent-Range: bytes 0-3/9\r\n",
       .before = "-",
       .status = 206});
  add({.reason = Reason::status, .response = "", .before = "-", .status = 403});
  add({.reason = Reason::no_freshness, .response = "", .before = "-"});
  add({.reason = Reason::expired, .response = "Cache-Control: max-age=0\r\n", .before = "-"});
  add({.reason = Reason::too_large,
       .cache = "object_bytes_max: 1KiB",
       .before = "-",
       .body = std::string(2000, 'x')});
  add({.reason = Reason::tag_limit,
       .response = "Cache-Control: max-age=60\r\nSurrogate-Key: a b c\r\n",
       .cache = "tags: {per_object_max: 2}",
       .before = "-"});
  add({.reason = Reason::hit_for_miss,
       .response = "Cache-Control: private\r\n",
       .cache = "negative_ttl: 1h"});
  add({.reason = Reason::head_request, .method = "HEAD", .before = "-"});
  add({.reason = Reason::fill_memory,
       .cache = "memory: 1MiB, object_bytes_max: 1MiB",
       .before = "-",
       .body = std::string(900'000, 'x'),
       .told = false});
  return all;
}

double counted(const RunningAgent& agent, Reason reason) {
  return agent.metric("homeostat_cache_reasons_total{reason=\"" +
                      std::string(cache::to_string(reason)) + "\"}");
}

bool told(const Message& answer, Reason reason) {
  return contains(answer.get("cache-status"), "detail=" + std::string(cache::to_string(reason)));
}

class Refusals : public testing::TestWithParam<Refusal> {};

TEST_P(Refusals, AreToldByTheirName) {
  const Refusal& given = GetParam();
  ScriptedOrigin origin;
  origin.answer(given.target, given.status, given.response, given.body);
  RunningAgent agent(config_of(origin, given.cache));
  if (given.before != "-") {
    ASSERT_EQ(agent.get(given.target, given.before).status(), 200);
  }
  EXPECT_LE(counted(agent, given.reason), 0) << "not yet";
  HttpClient client(agent.port());
  const bool with_body = contains(given.request, "Content-Length");
  ASSERT_TRUE(client.send(request_text(given.method, given.target, given.request) +
                          (with_body ? "x" : "")));
  const Message answer = client.read(std::string_view(given.method) == "HEAD");
  if (given.told) {
    EXPECT_TRUE(told(answer, given.reason)) << answer.status() << ' ' << answer.get("cache-status");
  }
  EXPECT_TRUE(eventually([&] { return counted(agent, given.reason) >= 1; }));
}

INSTANTIATE_TEST_SUITE_P(Table, Refusals, testing::ValuesIn(refusals()),
                         [](const auto& one) { return identifier(one.param.reason); });

// -- what takes more than one answer ------------------------------------------------

TEST(RefusalOf, AnUpstreamThatEndsTheConnection) {
  ScriptedOrigin origin;
  origin.on("/page", [](OriginExchange& exchange) { exchange.alive = false; });
  AgentConfig config = config_for(origin);
  config.upstream = "retries: 0";
  RunningAgent agent(config);
  EXPECT_EQ(agent.get("/page").status(), 502);
  EXPECT_GE(counted(agent, Reason::upstream_failed), 1);
}

TEST(RefusalOf, AnUpstreamThatDoesNotAnswerInTime) {
  HeldOrigin held("/page", fresh);
  AgentConfig config = config_for(held.origin);
  config.upstream = "timeout: 100ms, retries: 0";
  RunningAgent agent(config);
  EXPECT_EQ(agent.get("/page").status(), 504);
  EXPECT_GE(counted(agent, Reason::upstream_timeout), 1);
  held.go_on.set();
}

TEST(RefusalOf, ABodyThatEndsEarly) {
  ScriptedOrigin origin;
  origin.on("/page", [](OriginExchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 10\r\n\r\nhalf");
    exchange.alive = false;
  });
  RunningAgent agent(origin);
  EXPECT_FALSE(agent.get("/page").complete);
  EXPECT_TRUE(eventually([&] { return counted(agent, Reason::upstream_failed) >= 1; }));
  EXPECT_FALSE(is_hit(agent.get("/page")));
}

TEST(RefusalOf, WhoIsTurnedAwayAtAdmission) {
  HeldOrigin held("/slow");
  RunningAgent agent(one_place(held.origin, "max_wait: 10ms, queue_max: 1"));
  HttpClient busy(agent.port());
  ASSERT_TRUE(busy.send(request_text("POST", "/slow")));
  ASSERT_TRUE(held.origin.wait_for_requests("/slow", 1));
  EXPECT_EQ(agent.get("/page").status(), 503);
  EXPECT_GE(counted(agent, Reason::rejected), 1);
  held.go_on.set();
  EXPECT_EQ(busy.read().body, "done");
}

TEST(RefusalOf, A304AboutAnotherRepresentation) {
  ScriptedOrigin origin;
  stale::Sequel sequel(origin, "/page", "Cache-Control: max-age=60\r\nETag: \"1\"\r\n",
                       [](auto& exchange) {
                         if (exchange.request.has("if-none-match")) {
                           return exchange.respond(304, "ETag: \"2\"\r\n", "");
                         }
                         exchange.respond(200, stale::lasting, "new");
                       });
  RunningAgent agent(origin);
  ASSERT_EQ(agent.get("/page").body, "old");
  const Message answer = agent.get("/page", "Cache-Control: no-cache\r\n");
  EXPECT_EQ(answer.body, "new") << "fetched in the same request";
  EXPECT_TRUE(is_hit(agent.get("/page")));
  EXPECT_GE(counted(agent, Reason::validator), 1);
}

TEST(RefusalOf, WhatWasInvalidatedWhileItWasFetched) {
  HeldOrigin held("/page", fresh);
  RunningAgent agent(held.origin);
  HttpClient client(agent.port());
  ASSERT_TRUE(client.send(request_text("GET", "/page")));
  ASSERT_TRUE(held.origin.wait_for_requests("/page", 1));
  ASSERT_EQ(agent.admin("DELETE", "/api/v1/cache/flush").status(), 200);
  held.go_on.set();
  EXPECT_EQ(client.read().body, "done");
  EXPECT_TRUE(eventually([&] { return counted(agent, Reason::invalidated) >= 1; }));
  EXPECT_FALSE(is_hit(agent.get("/page")));
}

/// Reasons that other tests reach: where.
const std::set<Reason> elsewhere = {
    Reason::none,
    Reason::admission,               // cache_tests: the policy's bounds
    Reason::upstream_failed,         // below
    Reason::upstream_timeout,        // ...
    Reason::truncated,               //
    Reason::rejected,                //
    Reason::validator,               //
    Reason::invalidated,             //
    Reason::stale_while_revalidate,  // refresh_test, stale_isolation_test
    Reason::stale_if_error,          //
    Reason::origin_backoff,          // refresh_test
    Reason::emergency,               // emergency_test, stale_isolation_test
    Reason::shared,                  // shared_tier_test
    Reason::spelling,                // spelling_test
};

TEST(RefusalTable, LeavesNoReasonOut) {
  std::set<Reason> reached = elsewhere;
  for (const Refusal& refusal : refusals()) {
    EXPECT_TRUE(reached.insert(refusal.reason).second) << cache::to_string(refusal.reason);
  }
  for (std::size_t i = 0; i < cache::reason_count; ++i) {
    const auto reason = static_cast<Reason>(i);
    EXPECT_TRUE(reached.contains(reason)) << cache::to_string(reason) << " is never reached";
  }
}

}  // namespace
}  // namespace homeostat::test
