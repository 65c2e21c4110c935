// Stale answers stay with whom they were made for.
//
// User B's answer is stored and has become stale; then something happens that makes the cache
// serve stale answers. B gets his own old one. A, and who shows nothing, never get it.
//
// Matrix: what tells users apart (credentials by rule, credentials by Vary, cookies, tenants) x
// why a stale answer is served. Expiry is waited for by asking.
#include <gtest/gtest.h>

#include <atomic>
#include <ostream>
#include <tuple>

#include "tests/e2e/expiring.hpp"
#include "tests/e2e/held_origin.hpp"

namespace homeostat::test {
namespace {

struct Users {
  const char* name;
  const char* field;      ///< what A and B say differently
  const char* directive;  ///< of the response, beside its lifetime
  const char* vary;       ///< a whole line
  const char* cache;      ///< configuration
  std::string of(const std::string& user) const {
    return user.empty() ? "" : std::string(field) + user + "\r\n";
  }
};
void PrintTo(const Users& users, std::ostream* out) { *out << users.name; }

const Users by_rule{"CredentialsByRule", "Authorization: Bearer ", "", "",
                    "rules: [{match: {path: /page}, authenticated: true}]"};
const Users by_vary{"CredentialsByVary", "Authorization: Bearer ", "public, ",
                    "Vary: Authorization\r\n", ""};
const Users by_cookie{"Cookies", "Cookie: session=", "", "Vary: Cookie\r\n", ""};
const Users by_tenant{"Tenants", "X-Tenant: ", "", "", "tenant: {by: header, field: X-Tenant}"};

enum class Why { revalidation, error, no_answer, rejection, emergency };
const char* name_of(Why why) {
  switch (why) {
    case Why::revalidation: return "WhileRevalidate";
    case Why::error: return "IfError";
    case Why::no_answer: return "WithoutAnswer";
    case Why::rejection: return "InsteadOfRejection";
    case Why::emergency: return "InEmergency";
  }
  return "";
}
void PrintTo(Why why, std::ostream* out) { *out << name_of(why); }

class StaleIsolation : public testing::TestWithParam<std::tuple<Users, Why>> {
 protected:
  const Users& users() const { return std::get<0>(GetParam()); }
  Why why() const { return std::get<1>(GetParam()); }

  void SetUp() override {
    origin_.on("/page", [this](OriginExchange& exchange) { answer(exchange); });
    origin_.on("/slow", [this](OriginExchange& exchange) {
      go_on_.wait();
      exchange.respond(200, "", "done");
    });
  }
  void TearDown() override { go_on_.set(); }

  AgentConfig config() const {
    AgentConfig config = why() == Why::rejection
                             ? one_place(origin_, "max_wait: 10ms, queue_max: 1")
                             : config_for(origin_);
    config.cache = "refresh: {ahead: off}";
    if (*users().cache != '\0') config.cache += std::string(", ") + users().cache;
    // What ends an attempt must not end the agent's belief in the application.
    config.upstream = "breaker: {mode: off}, retries: 0";
    return config;
  }
  Message ask(const RunningAgent& agent, const std::string& user) const {
    return agent.get("/page", users().of(user));
  }
  /// Brings about what makes stale answers wanted, once B's is stored.
  void begin(const RunningAgent& agent, HttpClient& busy) {
    trouble_ = true;
    if (why() == Why::rejection) {
      ASSERT_TRUE(busy.send(request_text("POST", "/slow")));
      ASSERT_TRUE(origin_.wait_for_requests("/slow", 1));
    }
    if (why() == Why::emergency) {
      ASSERT_LT(
          agent
              .admin("PUT", "/api/v1/performance/level", R"({"level":"emergency","reason":"test"})")
              .status(),
          300);
      ASSERT_TRUE(eventually([&] { return agent.metric("homeostat_emergency") == 1; }));
    }
  }

 private:
  void answer(OriginExchange& exchange) {
    const std::string user = exchange.request.get("authorization") +
                             exchange.request.get("cookie") + exchange.request.get("x-tenant");
    const bool of_b = user.ends_with("b");
    if (trouble_ && why() == Why::error) return exchange.respond(503, "", "failure");
    if (trouble_ && why() == Why::no_answer) {
      exchange.alive = false;
      return;
    }
    if (trouble_ && of_b && why() == Why::revalidation) go_on_.wait();
    exchange.respond(200,
                     "Cache-Control: " + std::string(users().directive) +
                         "max-age=60, stale-if-error=600, stale-while-revalidate=" +
                         (why() == Why::revalidation ? "600" : "0") +
                         "\r\nAge: 59\r\nETag: \"same\"\r\n" + users().vary,
                     "for " + user);
  }

 protected:
  Signal go_on_;
  std::atomic<bool> trouble_{false};
  ScriptedOrigin origin_;
};

TEST_P(StaleIsolation, OnlyWhoItWasMadeForGetsIt) {
  RunningAgent agent(config());
  HttpClient busy(agent.port());
  const Message first = ask(agent, "b");
  ASSERT_TRUE(first.body.starts_with("for ") && first.body.ends_with("b")) << first.body;
  begin(agent, busy);
  Message his;
  ASSERT_TRUE(eventually([&] {
    his = ask(agent, "b");
    return contains(his.get("cache-status"), "ttl=-");
  })) << his.status()
      << ' ' << his.get("cache-status");
  EXPECT_EQ(his.body, first.body) << "B is served his own old answer";
  for (const char* other : {"a", ""}) {
    const Message seen = ask(agent, other);
    EXPECT_NE(seen.body, first.body) << '"' << other << "\" was given B's";
    EXPECT_FALSE(seen.body.ends_with("b")) << seen.body;
    EXPECT_FALSE(contains(seen.get("cache-status"), "ttl=-")) << seen.get("cache-status");
  }
  EXPECT_EQ(ask(agent, "b").body, first.body) << "and it is still his";
}

INSTANTIATE_TEST_SUITE_P(Matrix, StaleIsolation,
                         testing::Combine(testing::Values(by_rule, by_vary, by_cookie, by_tenant),
                                          testing::Values(Why::revalidation, Why::error,
                                                          Why::no_answer, Why::rejection,
                                                          Why::emergency)),
                         [](const auto& one) {
                           return std::string(std::get<0>(one.param).name) +
                                  name_of(std::get<1>(one.param));
                         });

}  // namespace
}  // namespace homeostat::test
