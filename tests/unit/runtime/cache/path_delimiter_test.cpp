// Paths that end earlier to some applications (`/account;a.css`): a rule for `*.css` must not
// make somebody's account live for everybody.
#include "cache_fixture.hpp"

namespace homeostat::cache {
namespace {

using std::chrono::seconds;
using testing::at;
using testing::FieldList;
using testing::fresh;
using testing::Harness;
using testing::TestRequest;

config::CacheSettings with_ttl(const std::string& pattern, bool override_origin = false) {
  config::CacheSettings settings = testing::small_settings();
  config::CacheRule rule;
  rule.match.path = pattern;
  rule.ttl = seconds(100);
  rule.override_origin = override_origin;
  settings.rules = {rule};
  return settings;
}

TEST(PathDelimiters, ARuleGivesNoLifetimeToWhatMayBeAnotherResource) {
  Harness harness(with_ttl("*.css"));
  EXPECT_EQ(harness.get(at("/a.css"), {200, {}}).reason, Reason::none);
  for (const char* path : {"/account;a.css", "/account%3Ba.css", "/account%3Fa.css",
                           "/account%23a.css", "/account%0Aa.css", "/account%0Da.css"}) {
    EXPECT_EQ(harness.get(at(path), {200, {}}).reason, Reason::ambiguous_path) << path;
    EXPECT_NE(harness.find(at(path)).kind, Lookup::Kind::hit) << path;
  }
}

TEST(PathDelimiters, WhatTheOriginStatesCountsAndCanOnlyBeShortened) {
  for (const bool override_origin : {false, true}) {
    config::CacheSettings settings = with_ttl("*.css", override_origin);
    settings.rules.front().ttl_min = seconds(300);
    settings.rules.front().ttl_max = seconds(1000);
    Harness harness(settings);
    harness.get(at("/short;a.css"), {200, fresh(50)});
    EXPECT_EQ(harness.find(at("/short;a.css")).remaining, seconds(50));
    harness.get(at("/long;a.css"), {200, fresh(500)});
    EXPECT_EQ(harness.find(at("/long;a.css")).remaining, seconds(override_origin ? 100 : 500));
  }
}

TEST(PathDelimiters, ARuleThatNamesADelimiterItselfIsMeantForSuchPaths) {
  Harness harness(with_ttl("/shop;v=*"));
  EXPECT_EQ(harness.get(at("/shop;v=1"), {200, {}}).reason, Reason::none);
  EXPECT_EQ(harness.find(at("/shop;v=1")).kind, Lookup::Kind::hit);
}

}  // namespace
}  // namespace homeostat::cache
