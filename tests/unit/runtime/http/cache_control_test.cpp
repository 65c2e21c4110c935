#include "runtime/http/cache_control.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

namespace homeostat::http {
namespace {

CacheControl parse(std::initializer_list<const char*> lines) {
  HeaderTable table;
  for (const char* line : lines) table.add("Cache-Control", line);
  return parse_cache_control(table);
}

std::optional<CacheControl> parse_targeted(std::initializer_list<const char*> lines) {
  HeaderTable table;
  for (const char* line : lines) table.add("CDN-Cache-Control", line);
  return parse_targeted_cache_control(table);
}

TEST(CacheControl, ReadsEveryDirective) {
  const CacheControl c = parse({"No-Store, no-cache, no-transform, PUBLIC, private",
                                "must-revalidate,proxy-revalidate, must-understand, immutable",
                                "only-if-cached, max-age=1, s-maxage=2, stale-while-revalidate=3",
                                "stale-if-error=4, max-stale=5, min-fresh=6"});
  EXPECT_TRUE(c.present && c.no_store && c.no_cache && c.no_transform && c.public_ && c.private_);
  EXPECT_TRUE(c.must_revalidate && c.proxy_revalidate && c.must_understand && c.immutable);
  EXPECT_TRUE(c.only_if_cached);
  EXPECT_FALSE(c.max_stale_any);
  EXPECT_EQ(c.max_age, 1U);
  EXPECT_EQ(c.s_maxage, 2U);
  EXPECT_EQ(c.stale_while_revalidate, 3U);
  EXPECT_EQ(c.stale_if_error, 4U);
  EXPECT_EQ(c.max_stale, 5U);
  EXPECT_EQ(c.min_fresh, 6U);
}

TEST(CacheControl, IsEmptyWithoutDirectives) {
  EXPECT_FALSE(parse({}).present);
  EXPECT_FALSE(parse({"", " , ,"}).present);
}

TEST(CacheControl, ResolvesDuplicatesToTheMostRestrictive) {
  EXPECT_EQ(parse({"max-age=10, max-age=5, max-age=20"}).max_age, 5U);
  EXPECT_EQ(parse({"s-maxage=10", "s-maxage=7"}).s_maxage, 7U);
  EXPECT_EQ(parse({"min-fresh=1, min-fresh=9"}).min_fresh, 9U);
  const CacheControl c = parse({"private=\"a\", private"});
  EXPECT_TRUE(c.private_);
}

TEST(CacheControl, SaturatesAndRefusesOddNumbers) {
  EXPECT_EQ(parse({"max-age=99999999999999999999999"}).max_age, delta_seconds_max);
  EXPECT_EQ(parse({"max-age=2147483649"}).max_age, delta_seconds_max);
  EXPECT_EQ(parse({"max-age=\"60\""}).max_age, 60U);
  EXPECT_EQ(parse({"max-age= 60 "}).max_age, 60U);
  for (const char* odd : {"max-age", "max-age=", "max-age=-1", "max-age=+1", "max-age=1.5",
                          "max-age=1 2", "max-age=x", "max-age=\"60", "max-age=\"60\"x"}) {
    EXPECT_EQ(parse({odd}).max_age, 0U) << odd;
  }
  EXPECT_TRUE(parse({"max-stale"}).max_stale_any);
}

TEST(CacheControl, ReadsFieldNamesOfQualifiedForms) {
  const CacheControl c =
      parse({"no-cache=\"Set-Cookie, X-A\", private=\"X-B\", max-age=3", "no-cache=X-C"});
  EXPECT_FALSE(c.no_cache);
  EXPECT_FALSE(c.private_);
  EXPECT_TRUE(c.has_field_lists());
  EXPECT_TRUE(c.no_cache_names("set-cookie"));
  EXPECT_TRUE(c.no_cache_names("x-a"));
  EXPECT_TRUE(c.no_cache_names("X-C"));
  EXPECT_FALSE(c.no_cache_names("X-B"));
  EXPECT_TRUE(c.private_names("X-B"));
  EXPECT_EQ(c.max_age, 3U);
}

TEST(CacheControl, TakesDoubtfulFieldListsAsUnqualified) {
  EXPECT_TRUE(parse({"private=\"\""}).private_);
  EXPECT_TRUE(parse({"no-cache="}).no_cache);
  EXPECT_TRUE(parse({"no-cache=\"a\"x"}).no_cache);
  EXPECT_TRUE(parse({"private=\"a\", private=\"b\", private=\"c\", private=\"d\", private=\"e\""})
                  .private_);
}

TEST(CacheControl, DoesNotLetAnOpenQuoteSwallowNoStore) {
  const CacheControl c = parse({"private=\"x, no-store"});
  EXPECT_TRUE(c.no_store);
  EXPECT_TRUE(c.private_);
}

TEST(CacheControl, FindsRestrictionsBehindWrongSeparators) {
  EXPECT_TRUE(parse({"private; max-age=0"}).private_);
  EXPECT_TRUE(parse({"max-age=60; private"}).private_);
  EXPECT_TRUE(parse({"no-store; no-cache; must-revalidate"}).no_store);
  EXPECT_TRUE(parse({"no-store; no-cache; must-revalidate"}).no_cache);
  EXPECT_TRUE(parse({"public no-store"}).no_store);
  EXPECT_TRUE(parse({"no-cache=\"a\"; no-store, max-age=5"}).no_store);
  EXPECT_FALSE(parse({"community=private, max-age=5"}).private_);
  EXPECT_FALSE(parse({"community=\"a; private\", max-age=5"}).private_);
  EXPECT_FALSE(parse({"max-age=60; public"}).public_) << "what loosens must be well formed";
}

TEST(CacheControl, IgnoresUnknownDirectivesWithTheirArguments) {
  const CacheControl c = parse({"foo=\"no-store, private\", bar, max-age=9, no-storex"});
  EXPECT_FALSE(c.no_store);
  EXPECT_FALSE(c.private_);
  EXPECT_EQ(c.max_age, 9U);
}

TEST(TargetedCacheControl, ReadsADictionary) {
  const auto c =
      parse_targeted({"max-age=60, no-cache, must-revalidate;x=1, foo=(a b);c, stale-if-error=5"});
  ASSERT_TRUE(c);
  EXPECT_EQ(c->max_age, 60U);
  EXPECT_TRUE(c->no_cache);
  EXPECT_TRUE(c->must_revalidate);
  EXPECT_EQ(c->stale_if_error, 5U);
  EXPECT_FALSE(c->no_store);
}

TEST(TargetedCacheControl, LetsTheLastDuplicateWin) {
  EXPECT_EQ(parse_targeted({"max-age=60", "max-age=5, max-age=90"})->max_age, 90U);
  EXPECT_FALSE(parse_targeted({"no-store, no-store=?0"})->no_store);
}

TEST(TargetedCacheControl, IsIgnoredWhenAbsentOrMalformed) {
  EXPECT_FALSE(parse_targeted({}));
  EXPECT_FALSE(parse_targeted({""}));
  for (const char* text :
       {"Max-Age=60", "max-age=60,", "max-age=60 no-store", "max-age=", "max-age=\"60", "=60",
        "max-age=60,,no-store", "max-age=?2", "max-age=1234567890123456", "a=(b", "a=(b)c",
        "a=:#:", "max-age=60;;", "max-age=1.", "a=1.2345"}) {
    EXPECT_FALSE(parse_targeted({text})) << text;
  }
  EXPECT_FALSE(parse_targeted({"max-age=60", "&"}));
}

TEST(TargetedCacheControl, TakesALifetimeOfAnotherTypeAsZero) {
  for (const char* text : {"max-age=\"60\"", "max-age=60.5", "max-age=-1", "max-age", "max-age=tok",
                           "max-age=(1)", "max-age=:YQ==:"}) {
    const auto c = parse_targeted({text});
    ASSERT_TRUE(c) << text;
    EXPECT_EQ(c->max_age, 0U) << text;
  }
}

}  // namespace
}  // namespace homeostat::http
