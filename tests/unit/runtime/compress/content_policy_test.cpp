#include "runtime/compress/content_policy.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace homeostat::compress {
namespace {

using config::CompressionSettings;

CompressionSettings on() {
  CompressionSettings settings;
  settings.mode = CompressionSettings::Mode::on;
  return settings;
}

ResponseFacts json() {
  ResponseFacts facts;
  facts.content_type = "application/json; charset=utf-8";
  facts.length = 5000;
  return facts;
}

CompressReason reason_with(const std::function<void(ResponseFacts&)>& change) {
  ResponseFacts facts = json();
  change(facts);
  return may_compress(on(), facts);
}

TEST(MayCompress, NamesTheFirstReasonAgainst) {
  using R = CompressReason;
  EXPECT_EQ(may_compress(on(), json()), R::compress);
  EXPECT_EQ(reason_with([](auto& f) { f.status = 204; }), R::status);
  EXPECT_EQ(reason_with([](auto& f) { f.status = 304; }), R::status);
  EXPECT_EQ(reason_with([](auto& f) { f.status = 101; }), R::status);
  EXPECT_EQ(reason_with([](auto& f) { f.status = 206; }), R::range);
  EXPECT_EQ(reason_with([](auto& f) { f.has_content_range = true; }), R::range);
  EXPECT_EQ(reason_with([](auto& f) { f.status = 404; }), R::compress);
  EXPECT_EQ(reason_with([](auto& f) { f.no_transform = true; }), R::no_transform);
  EXPECT_EQ(reason_with([](auto& f) { f.has_content_encoding = true; }), R::already_encoded);
  EXPECT_EQ(reason_with([](auto& f) { f.carries_secret = true; }), R::secret);
  EXPECT_EQ(reason_with([](auto& f) { f.content_type = "image/png"; }), R::type);
  EXPECT_EQ(reason_with([](auto& f) { f.content_type = ""; }), R::type);
  EXPECT_EQ(reason_with([](auto& f) { f.length = 1023; }), R::too_small);
  EXPECT_EQ(reason_with([](auto& f) { f.length = 1024; }), R::compress);
  EXPECT_EQ(reason_with([](auto& f) { f.length.reset(); }), R::compress);
}

TEST(MayCompress, LetsExclusionsWin) {
  ResponseFacts facts = json();
  facts.content_type = "Text/Event-Stream";
  EXPECT_EQ(may_compress(on(), facts), CompressReason::type);
}

TEST(SwitchedOn, FollowsTheEndpointsPolicyUnlessTheOperatorSaysOff) {
  EndpointPolicy yes;
  yes.compress = true;
  EndpointPolicy no;
  no.compress = false;
  CompressionSettings adaptive;
  CompressionSettings off;
  off.mode = CompressionSettings::Mode::off;
  EXPECT_FALSE(switched_on(adaptive, {}));
  EXPECT_TRUE(switched_on(adaptive, yes));
  EXPECT_TRUE(switched_on(on(), {}));
  EXPECT_FALSE(switched_on(on(), no));
  EXPECT_FALSE(switched_on(off, yes));
}

TEST(FixedEffort, PrefersTheRulesThenTheTypesThenTheCommonLevel) {
  CompressionSettings settings = on();
  EXPECT_EQ(fixed_effort(settings, {}, "text/html"), 0) << "adaptive by default";
  settings.level = 4;
  settings.levels = {{"text/html", 6}, {"text/*", 2}};
  EXPECT_EQ(fixed_effort(settings, {}, "text/html; charset=utf-8"), 6);
  EXPECT_EQ(fixed_effort(settings, {}, "text/css"), 2);
  EXPECT_EQ(fixed_effort(settings, {}, "application/json"), 4);
  EndpointPolicy rule;
  rule.compress = true;
  EXPECT_EQ(fixed_effort(settings, rule, "text/css"), 2) << "the rule names no level";
  rule.compress_level = 9;
  EXPECT_EQ(fixed_effort(settings, rule, "text/css"), 9);
}

TEST(MediaType, MatchesWildcardsWithoutParametersInAnyCase) {
  EXPECT_TRUE(media_type_matches("text/*", "Text/HTML; charset=x"));
  EXPECT_TRUE(media_type_matches("application/*+json", "application/problem+json ;a"));
  EXPECT_TRUE(media_type_matches("*", "a/b"));
  EXPECT_TRUE(media_type_matches("a*b*c", "a/xbxxbxc"));
  EXPECT_FALSE(media_type_matches("text/*", "application/text"));
  EXPECT_FALSE(media_type_matches("application/*+json", "application/json"));
  EXPECT_FALSE(media_type_matches("text/html", "text/htmlx"));
  EXPECT_FALSE(media_type_matches("*", ""));
}

}  // namespace
}  // namespace homeostat::compress
