// User A tries to get user B's answer, by every combination of request fields
// that might make a cache take one for the other.
//
// The origin answers with everything that names the user (credentials, cookie,
// host, target, method, body) and says that it may be stored. B asks first; then
// A asks. A must never see B's answer, unless the origin's own words allow it.
#include <gtest/gtest.h>

#include <future>
#include <ostream>

#include "tests/e2e/running_agent.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

/// What the origin would tell whom: enough to see whose answer came.
std::string answer_for(const Message& request, const std::string& body) {
  std::string text = request.method() + ' ' + request.target() + " body=" + body;
  for (const char* name :
       {"host", "authorization", "cookie", "x-user", "x-original-url", "x-rewrite-url",
        "x-http-method-override", "x-http-method", "x-method-override"}) {
    text += " [" + std::string(name) + "=" + request.get(name) + "]";
  }
  return text;
}

struct Attack {
  const char* name;
  const char* response;  ///< what the origin says about its answers
  std::string victim;    ///< B's whole request
  std::string attacker;  ///< A's
  const char* cache = "";
  std::string before = {};  ///< asked before B, to make the cache ready for it
};

void PrintTo(const Attack& attack, std::ostream* out) { *out << attack.name; }

std::string get(const std::string& target, const std::string& fields = {},
                const std::string& host = "site.example") {
  return "GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\n" + fields + "\r\n";
}

std::string post(const std::string& target, const std::string& fields, const std::string& body) {
  return "POST " + target +
         " HTTP/1.1\r\nHost: site.example\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + fields + "\r\n" + body;
}

class Isolation : public testing::TestWithParam<Attack> {
 protected:
  ScriptedOrigin origin_;

  void SetUp() override {
    const std::string fields = GetParam().response;
    const auto handler = [fields](OriginExchange& exchange) {
      const std::string body = exchange.body();
      exchange.respond(200, fields, answer_for(exchange.request, body));
    };
    for (const char* path : {"/", "/a", "/A", "/a/", "/a%3Ab", "/a:b", "/a\\:b", "/b", "/%61",
                             "/%2561", "/a%2Fb", "/a/b", "/a//", "/a;b", "/a:", "/public"}) {
      origin_.on(path, handler);
    }
    origin_.on("/" + std::string(400, 'x'), handler);
    origin_.on("/" + std::string(400, 'x') + "y", handler);
  }

  AgentConfig config() const {
    AgentConfig config;
    config.upstream_url = origin_.url();
    config.cache = GetParam().cache;
    return config;
  }
};

Message ask(const RunningAgent& agent, const std::string& request) {
  HttpClient client(agent.port());
  EXPECT_TRUE(client.send(request));
  return client.read(request.starts_with("HEAD "));
}

TEST_P(Isolation, AGetsHisOwnAnswer) {
  RunningAgent agent(config());
  if (!GetParam().before.empty()) {
    ASSERT_EQ(ask(agent, GetParam().before).status(), 200);
  }
  const Message victims = ask(agent, GetParam().victim);
  const Message seen = ask(agent, GetParam().attacker);
  // What A is due: the same request where nothing is stored.
  RunningAgent fresh(config());
  const Message due = ask(fresh, GetParam().attacker);
  ASSERT_NE(due.body, victims.body) << "the attack would not show";
  EXPECT_EQ(seen.body, due.body);
  EXPECT_EQ(seen.status(), due.status());
  // And the other way round: B still has his own.
  EXPECT_EQ(ask(agent, GetParam().victim).body, victims.body);
}

constexpr const char* fresh = "Cache-Control: max-age=60\r\n";
const std::string bearer_a = "Authorization: Bearer a\r\n";
const std::string bearer_b = "Authorization: Bearer b\r\n";
constexpr const char* by_user = "rules: [{match: {path: '/*'}, authenticated: true, ttl: 1m}]";
constexpr const char* by_body =
    "rules: [{match: {path: '/*', methods: [POST]}, post: true, ttl: 1m}]";

INSTANTIATE_TEST_SUITE_P(
    Credentials, Isolation,
    testing::Values(
        Attack{"AnotherToken", fresh, get("/a", bearer_b), get("/a", bearer_a)},
        Attack{"NoToken", fresh, get("/a", bearer_b), get("/a")},
        Attack{"TokenWhereNoneWas", fresh, get("/a"), get("/a", bearer_a)},
        Attack{"TokensByRule", fresh, get("/a", bearer_b), get("/a", bearer_a), by_user},
        Attack{"NoTokenByRule", fresh, get("/a", bearer_b), get("/a"), by_user},
        Attack{"TokenAgainstHashByRule", fresh, get("/a", bearer_b),
               get("/a", "Authorization: auth-b\r\n"), by_user},
        Attack{"SetCookie", "Cache-Control: public, max-age=60\r\nSet-Cookie: s=b\r\n",
               get("/a", "Cookie: s=b\r\n"), get("/a", "Cookie: s=a\r\n")},
        Attack{"VaryCookie", "Cache-Control: max-age=60\r\nVary: Cookie\r\n",
               get("/a", "Cookie: s=b\r\n"), get("/a", "Cookie: s=a\r\n")},
        Attack{"VaryCookieAbsent", "Cache-Control: max-age=60\r\nVary: Cookie\r\n",
               get("/a", "Cookie: s=b\r\n"), get("/a")},
        Attack{"VaryCookieEmpty", "Cache-Control: max-age=60\r\nVary: Cookie\r\n", get("/a"),
               get("/a", "Cookie: s\r\n")},
        Attack{"VaryCookieTwoLines", "Cache-Control: max-age=60\r\nVary: Cookie\r\n",
               get("/a", "Cookie: s=b; t=1\r\n"), get("/a", "Cookie: s=b\r\nCookie: t=2\r\n")},
        Attack{"VaryAuthorization", "Cache-Control: public, max-age=60\r\nVary: Authorization\r\n",
               get("/a", bearer_b), get("/a", bearer_a)},
        Attack{"VaryStarInAList", "Cache-Control: max-age=60\r\nVary: Accept, *\r\n",
               get("/a", "X-User: b\r\n"), get("/a", "X-User: a\r\n")},
        Attack{"Private", "Cache-Control: private, max-age=60\r\n", get("/a", "X-User: b\r\n"),
               get("/a", "X-User: a\r\n")},
        Attack{"PrivateOfAField", "Cache-Control: max-age=60, private=\"x\"\r\n",
               get("/a", "X-User: b\r\n"), get("/a", "X-User: a\r\n")},
        Attack{"NoStoreInASecondLine", "Cache-Control: max-age=60\r\nCache-Control: no-store\r\n",
               get("/a", "X-User: b\r\n"), get("/a", "X-User: a\r\n")},
        Attack{"MalformedTargetedField",
               "Cache-Control: private\r\nCDN-Cache-Control: max-age=60,,\r\n",
               get("/a", "X-User: b\r\n"), get("/a", "X-User: a\r\n")}),
    [](const auto& attack) { return std::string(attack.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Vary, Isolation,
    testing::Values(
        Attack{"OtherFieldCase", "Cache-Control: max-age=60\r\nVary: X-USER\r\n",
               get("/a", "x-user: b\r\n"), get("/a", "X-User: a\r\n")},
        Attack{"CaseOfTheValue", "Cache-Control: max-age=60\r\nVary: X-User\r\n",
               get("/a", "X-User: B\r\n"), get("/a", "X-User: b\r\n")},
        Attack{"SeparatorsInTheValue", "Cache-Control: max-age=60\r\nVary: X-User, Cookie\r\n",
               get("/a", "X-User: 1|cookie=2\r\n"), get("/a", "X-User: 1\r\nCookie: 2\r\n")},
        Attack{"EscapesInTheValue", "Cache-Control: max-age=60\r\nVary: X-User\r\n",
               get("/a", "X-User: \\h1\r\n"), get("/a", "X-User: \\\\h1\r\n")},
        Attack{"ColonsInTheValue", "Cache-Control: max-age=60\r\nVary: X-User\r\n",
               get("/a", "X-User: a:b\r\n"), get("/a", "X-User: a\\:b\r\n")},
        Attack{"LongValues", "Cache-Control: max-age=60\r\nVary: X-User\r\n",
               get("/a", "X-User: " + std::string(500, 'u') + "b\r\n"),
               get("/a", "X-User: " + std::string(500, 'u') + "a\r\n")},
        Attack{"ManyNames",
               "Cache-Control: max-age=60\r\nVary: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,X-User\r\n",
               get("/a", "X-User: b\r\n"), get("/a", "X-User: a\r\n")}),
    [](const auto& attack) { return std::string(attack.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Keys, Isolation,
    testing::Values(Attack{"Host", fresh, get("/a", {}, "b.example"), get("/a", {}, "a.example")},
                    Attack{"HostWithPort", fresh, get("/a", {}, "site.example:81"), get("/a")},
                    Attack{"HostWithTrailingDot", fresh, get("/a", {}, "site.example."), get("/a")},
                    Attack{"AbsoluteForm", fresh, get("/a", {}, "b.example"),
                           get("http://a.example/a", {}, "b.example")},
                    Attack{"PathCase", fresh, get("/A"), get("/a")},
                    Attack{"TrailingSlash", fresh, get("/a/"), get("/a")},
                    Attack{"DoubleSlash", fresh, get("/a//"), get("/a")},
                    Attack{"PercentEncodedTwice", fresh, get("/%2561"), get("/%61")},
                    Attack{"PercentEncodedSlash", fresh, get("/a%2Fb"), get("/a/b")},
                    Attack{"EncodedColon", fresh, get("/a%3Ab"), get("/a:b")},
                    Attack{"EscapedColon", fresh, get("/a:b"), get("/a\\:b")},
                    Attack{"ColonMovesIntoTheQuery", fresh, get("/a:"), get("/a?:")},
                    Attack{"QueryValue", fresh, get("/a?user=b"), get("/a?user=a")},
                    Attack{"QueryCase", fresh, get("/a?User=b"), get("/a?user=b")},
                    Attack{"EncodedTwice", fresh, get("/a?u=%2562"), get("/a?u=%62")},
                    Attack{"DuplicateParameters", fresh, get("/a?u=a&u=b"), get("/a?u=b&u=a")},
                    Attack{"EncodedAmpersand", fresh, get("/a?u=1%26v=2"), get("/a?u=1&v=2")},
                    Attack{"SemicolonIsNoSeparator", fresh, get("/a?u=1;v=2"), get("/a?u=1&v=2")},
                    Attack{"EscapesInTheQuery", fresh, get("/a?u=\\:"), get("/a?u=:")},
                    Attack{"VeryLongPath", fresh, get("/" + std::string(400, 'x')),
                           get("/" + std::string(400, 'x') + "y")},
                    Attack{"VeryLongQuery", fresh, get("/a?" + std::string(3000, 'q') + "1"),
                           get("/a?" + std::string(3000, 'q') + "2")},
                    Attack{"ManyParameters", fresh,
                           get("/a?" +
                               [] {
                                 std::string text;
                                 for (int i = 0; i < 100; ++i)
                                   text += "p" + std::to_string(i) + "=1&";
                                 return text;
                               }() +
                               "u=b"),
                           get("/a?" +
                               [] {
                                 std::string text;
                                 for (int i = 0; i < 100; ++i)
                                   text += "p" + std::to_string(i) + "=1&";
                                 return text;
                               }() +
                               "u=a")}),
    [](const auto& attack) { return std::string(attack.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Overrides, Isolation,
    testing::Values(
        Attack{"OriginalUrl", fresh, get("/public", "X-Original-URL: /b\r\n"), get("/public")},
        Attack{"OriginalUrlAgainstStored", fresh, get("/public"),
               get("/public", "X-Original-URL: /b\r\n")},
        Attack{"RewriteUrl", fresh, get("/public", "X-Rewrite-URL: /b\r\n"), get("/public")},
        Attack{"MethodOverride", fresh, get("/public", "X-HTTP-Method-Override: PUT\r\n"),
               get("/public")},
        Attack{"HttpMethod", fresh, get("/public", "X-HTTP-Method: PUT\r\n"), get("/public")},
        Attack{"MethodOverrideShort", fresh, get("/public", "X-Method-Override: PUT\r\n"),
               get("/public")}),
    [](const auto& attack) { return std::string(attack.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Bodies, Isolation,
    testing::Values(Attack{"AnotherBody", "", post("/a", {}, "b"), post("/a", {}, "a"), by_body},
                    Attack{"AnotherTypeOfBody", "", post("/a", "Content-Type: text/b\r\n", "{}"),
                           post("/a", "Content-Type: text/a\r\nX-User: a\r\n", "{}"), by_body},
                    Attack{"GetForPost", "", post("/a", {}, ""), get("/a"), by_body},
                    Attack{"PostForGet", fresh, get("/a"), post("/a", {}, ""), by_body},
                    Attack{"TokensOnPost", "", post("/a", bearer_b, "x"), post("/a", bearer_a, "x"),
                           by_body},
                    Attack{"PostWithoutARule", fresh, post("/a", {}, "b"), post("/a", {}, "a")}),
    [](const auto& attack) { return std::string(attack.param.name); });

constexpr const char* tagged = "Cache-Control: max-age=60\r\nETag: \"same\"\r\n";
constexpr const char* searched =
    "Cache-Control: max-age=60\r\nNo-Vary-Search: params=(\"utm\")\r\n";

INSTANTIATE_TEST_SUITE_P(
    Semantics, Isolation,
    testing::Values(Attack{"RangeWithAToken", fresh, get("/a", bearer_b),
                           get("/a", bearer_a + "Range: bytes=0-999\r\n")},
                    Attack{"RangeOfAnAnonymousAnswer", fresh, get("/a"),
                           get("/a", bearer_a + "Range: bytes=0-999\r\n")},
                    Attack{"TheSameTagForEverybody",
                           "Cache-Control: max-age=60\r\nETag: \"same\"\r\n"
                           "Vary: Cookie\r\n",
                           get("/a", "Cookie: s=b\r\n"), get("/a", "Cookie: s=a\r\n")},
                    Attack{"IfMatchWithAToken", tagged, get("/a", bearer_b),
                           get("/a", bearer_a + "If-Match: \"same\"\r\n")},
                    Attack{"OnlyIfCachedWithAToken", tagged, get("/a"),
                           get("/a", bearer_a + "Cache-Control: only-if-cached\r\n")},
                    Attack{"MaxStaleWithAToken", fresh, get("/a"),
                           get("/a", bearer_a + "Cache-Control: max-stale\r\n")},
                    Attack{"NoVarySearchOfAnotherPath", searched, get("/a?utm=b"), get("/b?utm=a"),
                           "", get("/a?utm=t")},
                    Attack{"NoVarySearchOfAnotherHost", searched, get("/a?utm=b", {}, "b.example"),
                           get("/a?utm=a", {}, "a.example"), "", get("/a?utm=t", {}, "b.example")},
                    Attack{"NoVarySearchOfAnotherParameter", searched, get("/a?utm=b&u=b"),
                           get("/a?utm=b&u=a"), "", get("/a?utm=t")},
                    Attack{"NoVarySearchOfAnEncodedName", searched, get("/a?utm=b&u=%62"),
                           get("/a?utm=b&u%3Db"), "", get("/a?utm=t")},
                    Attack{"NoVarySearchWithAToken", searched, get("/a?utm=b"),
                           get("/a?utm=a", bearer_a), "", get("/a?utm=t")},
                    Attack{"NoVarySearchByRule", searched, get("/a?utm=b", bearer_b),
                           get("/a?utm=a", bearer_a), by_user, get("/a?utm=t", bearer_b)},
                    Attack{"OldProtocol", fresh, get("/a", bearer_b),
                           "GET /a HTTP/1.0\r\nHost: site.example\r\n" + bearer_a + "\r\n"},
                    Attack{"OldProtocolWithoutHost", fresh, get("/a"), "GET /a HTTP/1.0\r\n\r\n"}),
    [](const auto& attack) { return std::string(attack.param.name); });

// -- what needs more than two requests ----------------------------------------------------

TEST(IsolationOfFills, UsersNeverShareAFillUnderWay) {
  ScriptedOrigin origin;
  std::promise<void> go;
  std::shared_future<void> released = go.get_future().share();
  origin.on("/a", [released](OriginExchange& exchange) {
    released.wait();
    exchange.respond(200, "Cache-Control: max-age=60\r\nVary: Cookie\r\n",
                     exchange.request.get("authorization") + exchange.request.get("cookie"));
  });
  RunningAgent agent(origin);
  HttpClient b(agent.port()), a(agent.port()), cookie_b(agent.port()), cookie_a(agent.port());
  ASSERT_TRUE(b.send(get("/a", bearer_b)));
  ASSERT_TRUE(a.send(get("/a", bearer_a)));
  ASSERT_TRUE(cookie_b.send(get("/a", "Cookie: b\r\n")));
  ASSERT_TRUE(origin.wait_for_requests("/a", 3));
  ASSERT_TRUE(cookie_a.send(get("/a", "Cookie: a\r\n")));
  ASSERT_TRUE(eventually([&] { return agent.metric("homeostat_cache_collapsed_total") == 1; }));
  go.set_value();
  EXPECT_EQ(b.read().body, "Bearer b");
  EXPECT_EQ(a.read().body, "Bearer a");
  EXPECT_EQ(cookie_b.read().body, "b");
  EXPECT_EQ(cookie_a.read().body, "a");
}

TEST(IsolationOfHead, AnswersToHeadWithATokenDoNotTouchTheStoredGet) {
  ScriptedOrigin origin;
  origin.on("/a", [](OriginExchange& exchange) {
    const std::string user = exchange.request.get("authorization");
    const std::string fields =
        "Cache-Control: max-age=60\r\nETag: \"1\"\r\nX-User: " + user + "\r\n";
    if (exchange.request.method() == "HEAD") {
      exchange.send("HTTP/1.1 200 OK\r\n" + fields + "Content-Length: 4\r\n\r\n");
    } else {
      exchange.respond(200, fields, "page");
    }
  });
  RunningAgent agent(origin);
  ASSERT_EQ(agent.get("/a").body, "page");
  HttpClient client(agent.port());
  ASSERT_TRUE(client.send(request_text("HEAD", "/a", bearer_b + "Cache-Control: no-cache\r\n")));
  EXPECT_EQ(client.read(true).get("x-user"), "Bearer b");
  EXPECT_EQ(agent.get("/a").get("x-user"), "");
}

TEST(IsolationOfValidation, A304ForOneUsersTagIsNotAnothersAnswer) {
  ScriptedOrigin origin;
  // An origin that agrees to any tag it is shown: tags of other variants must
  // not be among them.
  origin.on("/a", [](OriginExchange& exchange) {
    const std::string fields = "Cache-Control: max-age=60\r\nVary: Cookie\r\nETag: \"" +
                               exchange.request.get("cookie") + "\"\r\n";
    const std::string tags = exchange.request.get("if-none-match");
    if (!tags.empty()) {
      exchange.respond(304, "Vary: Cookie\r\nETag: " + tags.substr(0, tags.find(',')) + "\r\n", "");
    } else {
      exchange.respond(200, fields, exchange.request.get("cookie"));
    }
  });
  RunningAgent agent(origin);
  EXPECT_EQ(agent.get("/a", "Cookie: b\r\n").body, "b");
  EXPECT_EQ(agent.get("/a", "Cookie: a\r\n").body, "a");
  EXPECT_EQ(agent.get("/a", "Cookie: c\r\nCache-Control: no-cache\r\n").body, "c");
}

}  // namespace
}  // namespace homeostat::test
