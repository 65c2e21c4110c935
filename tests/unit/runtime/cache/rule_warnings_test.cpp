// What `homeostat check` says about rules that are allowed but do not do what they say.
#include "runtime/cache/rule_warnings.hpp"

#include "cache_fixture.hpp"

namespace homeostat::cache {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

config::CacheRule rule_for(std::string path, std::vector<std::string> methods = {}) {
  config::CacheRule rule;
  rule.match.path = std::move(path);
  rule.match.methods = std::move(methods);
  rule.ttl = seconds(60);
  return rule;
}

std::string warned(std::vector<config::CacheRule> rules,
                   config::CacheTenantKey tenants = config::CacheTenantKey::none) {
  config::CacheSettings settings = testing::small_settings();
  settings.rules = std::move(rules);
  settings.tenant.by = tenants;
  std::string all;
  for (const std::string& line : rule_warnings(settings)) all += line + "\n";
  return all;
}

bool warns(const config::CacheRule& rule, const char* part) {
  return warned({rule}).find(part) != std::string::npos;
}

TEST(RuleWarnings, AreSilentAboutSensibleRules) {
  EXPECT_EQ(warned({rule_for("/static/*"), rule_for("/api/*"), rule_for("*")}), "");
  config::CacheRule authenticated = rule_for("/me");
  authenticated.authenticated = true;
  authenticated.vary = {"Accept-Language", "Authorization"};
  EXPECT_EQ(warned({authenticated}), "");
  config::CacheRule by_cookie = rule_for("/page");
  by_cookie.vary = {"Cookie"};
  EXPECT_EQ(warned({by_cookie}), "") << "for a minute, as the manual says";
}

TEST(RuleWarnings, NameRulesThatAreNeverReached) {
  const std::string text = warned({rule_for("/api/*"), rule_for("/api/books/*")});
  EXPECT_EQ(text.find("cache.rules[1] (`/api/books/*`): never applies: the earlier rule for "
                      "`/api/*`"),
            0U)
      << text;
  EXPECT_NE(warned({rule_for("/%61"), rule_for("/a")}), "") << "one path in two spellings";
  EXPECT_EQ(warned({rule_for("/a/*"), rule_for("/a*")}), "") << "/ab is left";
  EXPECT_EQ(warned({rule_for("/a/x"), rule_for("/a/*")}), "");
  EXPECT_EQ(warned({rule_for("/a*c"), rule_for("/a*")}), "");
}

TEST(RuleWarnings, CountTheMethodsOfWhatComesBefore) {
  config::CacheRule post = rule_for("/query");
  post.post = true;
  EXPECT_EQ(warned({rule_for("/*"), post}), "") << "POST is left to it";
  EXPECT_NE(warned({rule_for("/*", {"GET"}), rule_for("/a")}), "") << "HEAD goes with GET";
  EXPECT_NE(warned({rule_for("/*"), rule_for("/*", {"POST"}), post}), "") << "both together";
}

TEST(RuleWarnings, NameWhatIsNeverStored) {
  for (const char* name : {"*", "x-forwarded-for", "Forwarded"}) {
    config::CacheRule rule = rule_for("/a");
    rule.vary = {"Accept", name};
    EXPECT_TRUE(warns(rule, "nothing is ever stored")) << name;
  }
}

TEST(RuleWarnings, NameCopiesThatFewCanUse) {
  config::CacheRule rule = rule_for("/a");
  rule.vary = {"cookie"};
  rule.ttl = hours(1);
  EXPECT_TRUE(warns(rule, "`vary` names `Cookie`"));
  rule.ttl.reset();
  rule.ttl_min = hours(1);
  EXPECT_TRUE(warns(rule, "`vary` names `Cookie`"));
  rule = rule_for("/a");
  rule.vary = {"Authorization"};
  EXPECT_TRUE(warns(rule, "without `authenticated`"));
}

TEST(RuleWarnings, NameLifetimesOutOfTheirOwnBounds) {
  config::CacheRule rule = rule_for("/a");
  rule.ttl_max = seconds(30);
  EXPECT_TRUE(warns(rule, "above `ttl_max`"));
  rule = rule_for("/a");
  rule.ttl_min = seconds(90);
  EXPECT_TRUE(warns(rule, "below `ttl_min`"));
  rule.ttl_min = rule.ttl_max = seconds(60);
  EXPECT_EQ(warned({rule}), "");
}

TEST(RuleWarnings, NameSharingThatSharesNothing) {
  config::CacheRule rule = rule_for("/a");
  rule.authenticated = rule.all_tenants = true;
  EXPECT_NE(warned({rule}, config::CacheTenantKey::authorization).find("shares none"),
            std::string::npos);
  EXPECT_EQ(warned({rule}, config::CacheTenantKey::header), "");
}

}  // namespace
}  // namespace homeostat::cache
