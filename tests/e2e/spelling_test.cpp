// One key stands for several spellings of a target, the application is asked with that of the
// client: what it says about a spelling must not become the answer to the others.
#include <gtest/gtest.h>

#include <string>

#include "tests/e2e/cache_support.hpp"

namespace homeostat::test {
namespace {

const std::string kept = "Cache-Control: max-age=600\r\n";

/// Redirects to the one spelling it likes, for long.
void prefer(ScriptedOrigin& origin, const std::string& path, const std::string& target) {
  origin.on(path, [target](OriginExchange& exchange) {
    if (contains(exchange.request.head, " " + target + " ")) {
      exchange.respond(200, kept + "ETag: \"v\"\r\n", "page");
    } else {
      exchange.respond(301, kept + "Location: " + target + "\r\n", "");
    }
  });
}

TEST(Spelling, ARedirectToTheOneTheKeyHasDoesNotAnswerThatOne) {
  ScriptedOrigin origin;
  prefer(origin, "/list", "/list?a=1&b=2");
  prefer(origin, "/p%61ge", "/page");
  prefer(origin, "/page", "/page");
  RunningAgent agent(origin);
  EXPECT_EQ(agent.get("/list?b=2&a=1").status(), 301);
  EXPECT_EQ(agent.get("/list?a=1&b=2").body, "page");
  for (const char* other : {"/p%61ge", "/page?", "/page?&&"}) {
    EXPECT_EQ(agent.get(other).status(), 301) << other;
    EXPECT_EQ(agent.get("/page").body, "page") << other;
    const Message answer = agent.get("/page?", "Cache-Control: no-cache\r\n");
    EXPECT_EQ(answer.status(), 301) << other;
    EXPECT_TRUE(contains(answer.get("cache-status"), "detail=spelling")) << answer.head;
    EXPECT_TRUE(is_hit(agent.get("/page"))) << "what is stored stays";
    ASSERT_EQ(agent.admin("DELETE", "/api/v1/cache/flush?pattern=/page").status(), 200);
  }
  EXPECT_EQ(agent.get("/list?b=2&a=1").body, "page") << "pages are for all spellings";
}

TEST(Spelling, ARedirectFromTheOneTheKeyHasToAnotherIsAskedForEachTime) {
  ScriptedOrigin origin;
  prefer(origin, "/list", "/list?b=2&a=1");
  RunningAgent agent(origin);
  EXPECT_EQ(agent.get("/list?a=1&b=2").status(), 301);
  EXPECT_EQ(agent.get("/list?b=2&a=1").body, "page");
}

TEST(Spelling, AnErrorAboutAnotherDoesNotAnswerTheOneTheKeyHas) {
  ScriptedOrigin origin;
  origin.on("/page", [](OriginExchange& exchange) {
    const bool known = contains(exchange.request.head, " /page ");
    exchange.respond(known ? 200 : 404, kept, known ? "page" : "");
  });
  RunningAgent agent(config_of(origin, "query_drop: [utm_*]"));
  for (const char* other : {"/page?&", "/page?utm_source=x"}) {
    EXPECT_EQ(agent.get(other).status(), 404) << other;
  }
  EXPECT_EQ(agent.get("/page").body, "page");
}

TEST(Spelling, OtherRedirectsAndErrorsAreStoredAsEver) {
  ScriptedOrigin origin;
  origin.answer("/moved", 301, kept + "Location: /elsewhere?a=1&b=2\r\n", "");
  origin.answer("/gone", 410, kept, "");
  RunningAgent agent(origin);
  for (const char* target : {"/moved?a=1&b=2", "/gone", "/gone?q=%2F&r=1"}) {
    const int status = agent.get(target).status();
    const Message again = agent.get(target);
    EXPECT_TRUE(is_hit(again)) << target;
    EXPECT_EQ(again.status(), status) << target;
  }
}

}  // namespace
}  // namespace homeostat::test
