#include "runtime/cache/vary.hpp"

#include "cache_fixture.hpp"

namespace homeostat::cache {
namespace {

using testing::FieldList;
using testing::fresh;
using testing::Harness;
using testing::table;
using testing::TestRequest;
using testing::TestResponse;

std::string codings(std::string_view value) {
  std::string out;
  append_accepted_codings(value, out);
  return out;
}

TEST(AcceptedCodings, AreASortedSetWithoutRefusedOnes) {
  EXPECT_EQ(codings("gzip, br"), "br,gzip");
  EXPECT_EQ(codings("br;q=0.1 , GZIP;q=1"), "br,gzip");
  EXPECT_EQ(codings("gzip;q=0, br"), "br");
  EXPECT_EQ(codings("x-gzip"), "gzip");
  EXPECT_EQ(codings("*"), "br,deflate,gzip,zstd,*");
  EXPECT_EQ(codings("*, br;q=0"), "deflate,gzip,zstd,*");
  EXPECT_EQ(codings("identity"), "");
  EXPECT_EQ(codings("identity;q=0, gzip"), "gzip,!identity");
}

TEST(AcceptedCodings, KeepWhatOnlyTheApplicationKnows) {
  EXPECT_EQ(codings("Compress, gzip"), "gzip,compress");
  EXPECT_EQ(codings("dcz, gzip, dcb, dcz"), "gzip,dcb,dcz");
  EXPECT_EQ(codings("*;q=0"), "!identity");
  EXPECT_EQ(codings("*;q=0, gzip"), "gzip,!identity");
  EXPECT_EQ(codings("*;q=0, identity"), "");
  EXPECT_EQ(codings("*;q=0, identity;q=0.1, br"), "br");
  // What the application makes of these, nobody knows: each is a variant of its own.
  for (const char* malformed : {"unknown, gzip;q=x", "deflate;q=1.0000", "gzip;q=1;x=y",
                                "gzip;q=", "gzip;level=1", "gzip;q=1.001", "br, *;q=2"}) {
    EXPECT_EQ(codings(malformed), malformed);
  }
  EXPECT_EQ(codings("unknown;q=0"), "");
}

std::string variant(const std::vector<std::string>& names, const FieldList& fields) {
  std::string out;
  VarySpec(names).write_variant(table(fields), out);
  return out;
}

TEST(Variant, NormalisesWhitespaceAndCaseWhereItMeansNothing) {
  EXPECT_EQ(variant({"accept-language"}, {{"Accept-Language", "de-DE ,  en"}}),
            variant({"accept-language"}, {{"accept-language", "de-de,en"}}));
  EXPECT_EQ(variant({"accept"}, {{"Accept", "text/*"}, {"Accept", "*/*"}}),
            variant({"accept"}, {{"Accept", "text/*, */*"}}));
}

TEST(Variant, KeepsWhateverMightMeanSomething) {
  const auto differ = [](const char* name, const FieldList& one, const FieldList& other) {
    EXPECT_NE(variant({name}, one), variant({name}, other)) << name;
  };
  differ("x-a", {{"X-A", "a"}}, {{"X-A", "A"}});
  differ("x-a", {{"X-A", "a"}}, {{"X-A", "a,"}});
  differ("x-a", {{"X-A", "1"}, {"X-A", "2"}}, {{"X-A", "1, 2"}});
  differ("cookie", {{"Cookie", "a=1"}, {"Cookie", "b=2"}}, {{"Cookie", "a=1,b=2"}});
  differ("accept", {{"Accept", "text/html;profile=\"http://x/A\""}},
         {{"Accept", "text/html;profile=\"http://x/a\""}});
  differ("accept-encoding", {{"Accept-Encoding", "gzip"}}, {{"Accept-Encoding", "compress, gzip"}});
  differ("accept-encoding", {{"Accept-Encoding", "a|b"}}, {{"Accept-Encoding", "a"}});
}

TEST(Variant, FieldsThatConnectionNamesDoNotReachTheApplication) {
  const FieldList close = {{"Connection", "close"}, {"X-A", "1"}, {"Accept-Encoding", "gzip"}};
  FieldList named = close;
  named[0].second = "X-A, Accept-Encoding";
  const std::vector<std::string> names = {"accept-encoding", "x-a"};
  EXPECT_EQ(variant(names, named), variant(names, {}));
  EXPECT_NE(variant(names, close), variant(names, {}));
}

TEST(Variant, AbsentAndEmptyDiffer) {
  EXPECT_NE(variant({"x-a"}, {}), variant({"x-a"}, {{"X-A", ""}}));
}

TEST(Variant, ValuesCannotPoseAsOtherFields) {
  EXPECT_NE(variant({"sec-ch-a", "sec-ch-b"}, {{"Sec-CH-A", "x|sec-ch-b=y"}}),
            variant({"sec-ch-a", "sec-ch-b"}, {{"Sec-CH-A", "x"}, {"Sec-CH-B", "y|b"}}));
  EXPECT_NE(variant({"sec-ch-a", "sec-ch-b"}, {{"Sec-CH-A", "x\\"}, {"Sec-CH-B", "y"}}),
            variant({"sec-ch-a", "sec-ch-b"}, {{"Sec-CH-A", "x\\|sec-ch-b=y"}}));
}

TEST(Variant, CookiesAndLongValuesAreHashed) {
  const std::string cookie = variant({"cookie"}, {{"Cookie", "session=secret"}});
  EXPECT_EQ(cookie.find("secret"), std::string::npos);
  EXPECT_NE(cookie, variant({"cookie"}, {{"Cookie", "session=other"}}));
  const std::string key = variant({"x-api-key"}, {{"X-Api-Key", "secret"}});
  EXPECT_EQ(key.find("secret"), std::string::npos);
  EXPECT_NE(key, variant({"x-api-key"}, {{"X-Api-Key", "other"}}));
  EXPECT_EQ(variant({"sec-ch-ua-mobile"}, {{"Sec-CH-UA-Mobile", "?1"}}), "sec-ch-ua-mobile=?1");
  const std::string hashed = variant({"sec-ch-a"}, {{"Sec-CH-A", std::string(100, 'a')}});
  EXPECT_LT(hashed.size(), 50U);
  EXPECT_NE(hashed, variant({"sec-ch-a"}, {{"Sec-CH-A", hashed.substr(9)}}));
}

class VaryTest : public ::testing::Test {
 protected:
  Harness harness_;
  TestRequest request_;

  static TestRequest asking(const FieldList& fields) {
    TestRequest request;
    request.fields = fields;
    return request;
  }
  static TestResponse varying(const std::string& vary, const std::string& body) {
    FieldList fields = fresh();
    fields.emplace_back("Vary", vary);
    return {200, fields, body};
  }
  std::string body(const FieldList& fields) {
    const Lookup found = harness_.find(asking(fields));
    return found.kind == Lookup::Kind::hit ? testing::body_of(*found.object) : "";
  }
};

TEST_F(VaryTest, EachCombinationOfListedFieldsHasItsOwnResponse) {
  const std::vector<FieldList> requests = {{},
                                           {{"Accept-Encoding", "gzip"}},
                                           {{"Accept-Language", "de"}},
                                           {{"Accept-Encoding", "gzip"}, {"Accept-Language", "de"}},
                                           {{"Accept-Encoding", "br"}, {"Accept-Language", "en"}}};
  for (std::size_t i = 0; i < requests.size(); ++i) {
    EXPECT_EQ(body(requests[i]), "");
    harness_.get(asking(requests[i]),
                 varying("Accept-Encoding, Accept-Language", std::to_string(i)));
  }
  for (std::size_t i = 0; i < requests.size(); ++i) EXPECT_EQ(body(requests[i]), std::to_string(i));
  EXPECT_EQ(body({{"Accept-Encoding", "gzip;q=0.5"}, {"X-Other", "1"}}), "1");
}

TEST_F(VaryTest, AnotherVariantIsAVaryMiss) {
  harness_.get(asking({{"X-A", "1"}}), varying("X-A", "one"));
  const Lookup found = harness_.find(asking({{"X-A", "2"}}));
  EXPECT_EQ(found.kind, Lookup::Kind::miss);
  EXPECT_TRUE(found.vary_miss);
  EXPECT_FALSE(harness_
                   .find([] {
                     TestRequest r;
                     r.path = "/other";
                     return r;
                   }())
                   .vary_miss);
}

TEST_F(VaryTest, NewNamesReplaceTheListAndNothingIsServedByTheOldOne) {
  harness_.get(asking({{"X-A", "1"}}), varying("X-A", "a1"));
  harness_.get(asking({{"X-A", "2"}, {"X-B", "9"}}), varying("X-B", "a2b9"));
  EXPECT_EQ(body({{"X-A", "1"}}), "");
  EXPECT_EQ(body({{"X-A", "2"}, {"X-B", "9"}}), "a2b9");
  EXPECT_EQ(body({{"X-A", "1"}, {"X-B", "9"}}), "");
  // A response without Vary joins the list that exists.
  harness_.get(asking({{"X-A", "3"}}), {200, fresh(), "plain"});
  EXPECT_EQ(body({{"X-A", "3"}}), "plain");
  EXPECT_EQ(body({{"X-A", "2"}, {"X-B", "9"}}), "a2b9");
}

TEST_F(VaryTest, VaryOnAResourceStoredWithoutItReplacesThePlainResponse) {
  harness_.get({}, {200, {{"Cache-Control", "max-age=1"}}, "plain"});
  harness_.clock.advance(std::chrono::seconds(2));
  harness_.get(asking({{"X-A", "1"}}), varying("X-A", "one"));
  EXPECT_EQ(body({{"X-A", "1"}}), "one");
  EXPECT_EQ(body({}), "");
  EXPECT_EQ(harness_.cache.figures().entries, 1U);
}

TEST_F(VaryTest, VariantsAreBoundedOldestOut) {
  for (int i = 0; i < 40; ++i) {
    const std::string value = std::to_string(i);
    harness_.get(asking({{"X-A", value}}), varying("X-A", value));
    EXPECT_LE(harness_.cache.figures().entries, 16U);
  }
  EXPECT_EQ(harness_.cache.figures().entries, 16U);
  EXPECT_EQ(body({{"X-A", "23"}}), "");
  EXPECT_EQ(body({{"X-A", "24"}}), "24");
  EXPECT_EQ(body({{"X-A", "39"}}), "39");
}

TEST_F(VaryTest, InvalidationTakesAllVariantsAndTheBytesComeBack) {
  harness_.get(
      [] {
        TestRequest r;
        r.path = "/warm";
        return r;
      }(),
      {200, fresh(), "w"});
  const std::size_t before = harness_.cache.bytes();
  for (int i = 0; i < 5; ++i) {
    harness_.get(asking({{"X-A", std::to_string(i)}}), varying("X-A", "v"));
  }
  EXPECT_EQ(harness_.worker.invalidate_uri("example.org", "/", "", harness_.cache.rules()), 5U);
  EXPECT_EQ(body({{"X-A", "3"}}), "");
  EXPECT_EQ(harness_.cache.bytes(), before);
}

TEST_F(VaryTest, RuleAddsFields) {
  config::CacheSettings settings = testing::small_settings();
  config::CacheRule rule;
  rule.match.path = "/*";
  rule.vary = {"Accept-Language"};
  settings.rules = {rule};
  Harness harness(settings);
  harness.get(asking({{"Accept-Language", "de"}}), {200, fresh(), "hallo"});
  EXPECT_EQ(harness.find(asking({{"Accept-Language", "en"}})).kind, Lookup::Kind::miss);
  EXPECT_EQ(harness.find(asking({{"Accept-Language", "DE"}})).kind, Lookup::Kind::hit);
}

TEST(RuleVary, AStarLetsNothingBeStored) {
  config::CacheSettings settings = testing::small_settings();
  config::CacheRule rule;
  rule.match.path = "/*";
  rule.vary = {"*"};
  settings.rules = {rule};
  Harness harness(settings);
  EXPECT_EQ(harness.get({}, {200, fresh(), "x"}).reason, Reason::vary_star);
  EXPECT_EQ(harness.find({}).kind, Lookup::Kind::miss);
}

TEST_F(VaryTest, WhatTheAgentWritesForEachClientSelectsNothing) {
  for (const char* name : {"X-Forwarded-For", "Accept, forwarded"}) {
    EXPECT_EQ(harness_.judge(request_, varying(name, "x")).reason, Reason::vary_star) << name;
  }
  EXPECT_EQ(harness_.judge(request_, varying("X-Forwarded-Proto", "x")).reason, Reason::none);
}

TEST_F(VaryTest, TooManyNamesAreNotStored) {
  const auto reason = [&](std::size_t count) {
    std::string names;
    for (std::size_t i = 0; i < count; ++i) names += "x-" + std::to_string(i) + ",";
    return harness_.judge(request_, varying(names, "x")).reason;
  };
  EXPECT_EQ(reason(VarySpec::names_max), Reason::none);
  EXPECT_EQ(reason(VarySpec::names_max + 1), Reason::vary_limit);
  EXPECT_EQ(reason(1000), Reason::vary_limit);
}

TEST(Variants, AMalformedWeightDoesNotSpoilTheVariantOfOthers) {
  Harness harness;
  FieldList fields = fresh();
  fields.emplace_back("Vary", "Accept-Encoding");
  TestRequest odd, none;
  odd.fields = {{"Accept-Encoding", "deflate;q=1.0000"}};
  none.fields = {{"Accept-Encoding", "identity"}};
  harness.get(odd, {200, fields, "deflated"});
  EXPECT_EQ(harness.get(none, {200, fields, "plain"}).body, "plain");
  EXPECT_EQ(harness.find(odd).kind, Lookup::Kind::hit);
}

}  // namespace
}  // namespace homeostat::cache
