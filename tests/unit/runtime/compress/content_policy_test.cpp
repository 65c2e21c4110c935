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
  return should_compress(on(), {}, facts).reason;
}

TEST(ShouldCompress, SaysYesToOrdinaryText) {
  const CompressDecision decision = should_compress(on(), {}, json());
  EXPECT_TRUE(decision.compress());
  EXPECT_TRUE(decision.vary);
  EXPECT_EQ(decision.level, 5);
}

TEST(ShouldCompress, NamesTheFirstReasonAgainst) {
  using R = CompressReason;
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
  EXPECT_EQ(reason_with([](auto& f) { f.client_accepts = false; }), R::not_accepted);
  EXPECT_EQ(reason_with([](auto& f) { f.emergency = true; }), R::emergency);
  EXPECT_EQ(reason_with([](auto& f) { f.head_request = true; }), R::head_request);
}

TEST(ShouldCompress, AsksForVaryWhereverAnotherClientWouldGetGzip) {
  ResponseFacts facts = json();
  facts.client_accepts = false;
  EXPECT_TRUE(should_compress(on(), {}, facts).vary);
  facts.content_type = "image/png";
  EXPECT_FALSE(should_compress(on(), {}, facts).vary);
}

TEST(ShouldCompress, FollowsTheEndpointsPolicyUnlessTheOperatorSaysOff) {
  EndpointPolicy yes;
  yes.compress = true;
  yes.compress_level = 9;
  EndpointPolicy no;
  no.compress = false;
  CompressionSettings adaptive;
  CompressionSettings off;
  off.mode = CompressionSettings::Mode::off;
  EXPECT_EQ(should_compress(adaptive, {}, json()).reason, CompressReason::disabled);
  EXPECT_TRUE(should_compress(adaptive, yes, json()).compress());
  EXPECT_EQ(should_compress(adaptive, yes, json()).level, 9);
  EXPECT_EQ(should_compress(on(), no, json()).reason, CompressReason::disabled);
  EXPECT_EQ(should_compress(off, yes, json()).reason, CompressReason::disabled);
}

TEST(ShouldCompress, LetsExclusionsWin) {
  ResponseFacts facts = json();
  facts.content_type = "Text/Event-Stream";
  EXPECT_EQ(should_compress(on(), {}, facts).reason, CompressReason::type);
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

TEST(CompressReason, HasATextForEach) {
  for (int i = 0; i <= static_cast<int>(CompressReason::head_request); ++i) {
    EXPECT_NE(to_text(static_cast<CompressReason>(i)), "unknown");
  }
}

}  // namespace
}  // namespace homeostat::compress
