// The odd corners of RFC 9111, 9110 section 13 and 9213: targeted fields,
// must-understand, heuristics, preconditions, If-Range, HEAD, 304s.
#include "cache_fixture.hpp"
#include "runtime/cache/preconditions.hpp"

namespace homeostat::cache {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using testing::FieldList;
using testing::fresh;
using testing::Harness;
using testing::http_date;
using testing::small_settings;
using testing::table;
using testing::TestRequest;

StoreDecision judge(const config::CacheSettings& settings, const FieldList& fields,
                    int status = 200) {
  Harness harness(settings);
  TestRequest request;
  return harness.judge(request, {status, fields});
}

// -- RFC 9213 -------------------------------------------------------------------------

TEST(TargetedFields, TheFirstValidOneOfTheListDecides) {
  config::CacheSettings settings = small_settings();
  settings.targeted_fields = {"Surrogate-Control", "X-Edge-Control", "CDN-Cache-Control"};
  const auto lifetime = [&](const FieldList& fields) {
    return judge(settings, fields).head.freshness.lifetime;
  };
  EXPECT_EQ(lifetime({{"CDN-Cache-Control", "max-age=1"}, {"surrogate-control", "max-age=2"}}),
            seconds(2));
  EXPECT_EQ(lifetime({{"X-EDGE-CONTROL", "max-age=3"}, {"CDN-Cache-Control", "max-age=1"}}),
            seconds(3));
  EXPECT_EQ(lifetime({{"Surrogate-Control", "max-age=oops("}, {"CDN-Cache-Control", "max-age=1"}}),
            seconds(1));
  EXPECT_EQ(lifetime({{"Surrogate-Control", ""}, {"Cache-Control", "max-age=9"}}), seconds(9));
}

TEST(TargetedFields, AFieldThatIsNotOnTheListChangesNothing) {
  config::CacheSettings settings = small_settings();
  settings.targeted_fields = {};
  const FieldList fields = {{"Cache-Control", "no-store"}, {"CDN-Cache-Control", "max-age=1"}};
  EXPECT_EQ(judge(settings, fields).reason, Reason::no_store);
  settings.targeted_fields = {"CDN-Cache-Control"};
  EXPECT_TRUE(judge(settings, fields).storable());
}

TEST(TargetedFields, NoStoreAndSilenceOfTheTargetedFieldCountAlone) {
  const config::CacheSettings settings = small_settings();
  EXPECT_EQ(
      judge(settings, {{"Cache-Control", "max-age=60"}, {"CDN-Cache-Control", "no-store"}}).reason,
      Reason::no_store);
  // It says nothing about freshness, so there is none: Expires is ignored, too.
  EXPECT_EQ(judge(settings, {{"Cache-Control", "max-age=60"},
                             {"Expires", http_date(ManualClock().wall_now() + hours(1))},
                             {"CDN-Cache-Control", "must-revalidate"}})
                .reason,
            Reason::no_freshness);
}

// -- statuses ---------------------------------------------------------------------------

TEST(MustUnderstand, LiftsNoStoreOnlyForStatusesThatAreUnderstood) {
  const config::CacheSettings settings = small_settings();
  const FieldList both = {{"Cache-Control", "max-age=60, must-understand, no-store"}};
  EXPECT_TRUE(judge(settings, both).storable());
  EXPECT_EQ(judge(settings, both, 299).reason, Reason::status);
  const FieldList alone = {{"Cache-Control", "max-age=60, must-understand"}};
  EXPECT_EQ(judge(settings, alone, 499).reason, Reason::status);
  EXPECT_TRUE(judge(settings, alone, 404).storable());
}

TEST(Status, ARulesTtlIsOnlyForAnswersThatAreCacheableByDefault) {
  config::CacheSettings settings = small_settings();
  config::CacheRule rule;
  rule.match.path = "/*";
  rule.ttl = seconds(60);
  settings.rules = {rule};
  EXPECT_TRUE(judge(settings, {}, 200).storable());
  EXPECT_TRUE(judge(settings, {}, 301).storable());
  for (const int status : {201, 202, 302, 303, 307, 404, 500}) {
    EXPECT_FALSE(judge(settings, {}, status).storable()) << status;
  }
}

TEST(Status, AnErrorThatForbidsStoringLeavesTheStaleResponse) {
  Harness harness;
  harness.get({}, {200, {{"Cache-Control", "max-age=60, stale-if-error=600"}}});
  harness.clock.advance(seconds(61));
  harness.get({}, {503, {{"Cache-Control", "no-store"}}});
  EXPECT_EQ(harness.find({}).kind, Lookup::Kind::stale);
}

// -- heuristic freshness ------------------------------------------------------------------

TEST(Heuristic, IsATenthOfTheTimeSinceLastModifiedWithinItsBound) {
  config::CacheSettings settings = small_settings();
  const WallTime now = ManualClock().wall_now();
  const FieldList old = {{"Last-Modified", http_date(now - hours(10))}};
  EXPECT_EQ(judge(settings, old).reason, Reason::no_freshness) << "off unless asked for";
  settings.heuristic_freshness = config::HeuristicFreshness::last_modified;
  EXPECT_EQ(judge(settings, old).head.freshness.lifetime, hours(1));
  EXPECT_EQ(
      judge(settings, {{"Last-Modified", http_date(now - hours(10000))}}).head.freshness.lifetime,
      hours(24));
  EXPECT_EQ(judge(settings, {}).reason, Reason::no_freshness);
  EXPECT_EQ(judge(settings, {{"Last-Modified", http_date(now + hours(1))}}).reason,
            Reason::no_freshness);
  EXPECT_EQ(judge(settings, old, 302).reason, Reason::status);
  EXPECT_EQ(judge(settings,
                  {{"Last-Modified", http_date(now - hours(10))}, {"Cache-Control", "max-age=5"}})
                .head.freshness.lifetime,
            seconds(5));
}

TEST(Heuristic, DoesNotMakeAuthenticatedAnswersShared) {
  config::CacheSettings settings = small_settings();
  settings.heuristic_freshness = config::HeuristicFreshness::last_modified;
  Harness harness(settings);
  TestRequest alice;
  alice.fields = {{"Authorization", "Bearer alice"}};
  EXPECT_EQ(
      harness.judge(alice, {200, {{"Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"}}}).reason,
      Reason::authorization);
}

// -- conditions -----------------------------------------------------------------------------

class ConditionTest : public ::testing::Test {
 protected:
  Harness harness_;
  WallTime modified_ = harness_.clock.wall_now() - seconds(1000);

  ObjectPtr object(const FieldList& fields) {
    harness_.get({}, {200, fields});
    return harness_.find({}).object;
  }
  ObjectPtr tagged() {
    return object({{"Cache-Control", "max-age=60"},
                   {"ETag", "\"one\""},
                   {"Last-Modified", http_date(modified_)},
                   {"Date", http_date(harness_.clock.wall_now())}});
  }
};

TEST_F(ConditionTest, IfMatchAndIfUnmodifiedSinceHoldOrAreTheOrigins) {
  const ObjectPtr stored = tagged();
  const auto holds = [&](const FieldList& fields) {
    return satisfies_preconditions(table(fields), stored->head());
  };
  EXPECT_TRUE(holds({{"If-Match", "\"zero\", \"one\""}}));
  EXPECT_TRUE(holds({{"If-Match", "*"}}));
  EXPECT_FALSE(holds({{"If-Match", "W/\"one\""}}));
  EXPECT_FALSE(holds({{"If-Match", "\"two\""}, {"If-Unmodified-Since", http_date(modified_)}}));
  EXPECT_TRUE(holds({{"If-Unmodified-Since", http_date(modified_)}}));
  EXPECT_FALSE(holds({{"If-Unmodified-Since", http_date(modified_ - seconds(1))}}));
  EXPECT_FALSE(holds({{"If-Unmodified-Since", "yesterday"}}));
}

TEST_F(ConditionTest, SuchRequestsAreLookedUpButNeverStored) {
  TestRequest request;
  request.fields = {{"If-Match", "\"one\""}};
  const RequestDecision decision = harness_.cache.rules().decide(request.view());
  EXPECT_TRUE(decision.lookup);
  EXPECT_TRUE(decision.precondition);
  EXPECT_FALSE(decision.store);
}

TEST_F(ConditionTest, TwoDatesInIfModifiedSinceAreIgnored) {
  const ObjectPtr stored = tagged();
  const std::string date = http_date(modified_);
  EXPECT_EQ(evaluate_preconditions(
                table({{"If-Modified-Since", date}, {"If-Modified-Since", date}}), stored->head()),
            Precondition::send);
}

TEST_F(ConditionTest, IfRangeNeedsAStrongValidator) {
  const ObjectPtr stored = tagged();
  const auto applies = [&](const std::string& value) {
    return range_applies(table({{"If-Range", value}}), stored->head());
  };
  EXPECT_TRUE(range_applies(Fields{}, stored->head()));
  EXPECT_TRUE(applies("\"one\""));
  EXPECT_FALSE(applies("W/\"one\""));
  EXPECT_FALSE(applies("\"two\""));
  EXPECT_TRUE(applies(http_date(modified_)));
  EXPECT_FALSE(applies(http_date(modified_ + seconds(1))));
  EXPECT_FALSE(applies("nonsense"));
  EXPECT_FALSE(
      range_applies(table({{"If-Range", "\"one\""}, {"If-Range", "\"one\""}}), stored->head()));
}

TEST_F(ConditionTest, AWeakTagOrADateOfTheSameSecondIsNotStrong) {
  const std::string now = http_date(harness_.clock.wall_now());
  const ObjectPtr stored = object({{"Cache-Control", "max-age=60"},
                                   {"ETag", "W/\"one\""},
                                   {"Last-Modified", now},
                                   {"Date", now}});
  EXPECT_FALSE(range_applies(table({{"If-Range", "W/\"one\""}}), stored->head()));
  EXPECT_FALSE(range_applies(table({{"If-Range", "\"one\""}}), stored->head()));
  EXPECT_FALSE(range_applies(table({{"If-Range", now}}), stored->head()));
}

// -- validation -------------------------------------------------------------------------------

TEST_F(ConditionTest, TheClientsTagsAreAskedAboutBesideTheStoredOne) {
  const ObjectPtr stored = tagged();
  const auto sent = [&](const std::string& tags) {
    std::string out;
    write_validators(stored->head(), table({{"If-None-Match", tags}}), out);
    return out.substr(0, out.find("\r\n"));
  };
  EXPECT_EQ(sent("\"two\", W/\"one\", W/\"three\""),
            "If-None-Match: \"one\", \"two\", W/\"three\"");
  EXPECT_EQ(sent("*"), "If-None-Match: \"one\"");
  EXPECT_EQ(sent("broken"), "If-None-Match: \"one\"");
  std::string many;
  for (int i = 0; i < 100; ++i) many += "\"" + std::to_string(i) + "\",";
  const std::string bounded = sent(many);
  EXPECT_EQ(std::count(bounded.begin(), bounded.end(), '"'), 2 * (1 + client_tags_max));
}

TEST_F(ConditionTest, A304IsAboutTheTagItNames) {
  const ObjectHead& stored = tagged()->head();
  const FieldList asked = {{"If-None-Match", "\"two\""}};
  const Fields client = table(asked);
  EXPECT_EQ(validated(stored, client, table({{"ETag", "\"one\""}})), Validated::stored);
  EXPECT_EQ(validated(stored, client, table({{"ETag", "\"two\""}})), Validated::client);
  EXPECT_EQ(validated(stored, client, table({{"ETag", "\"six\""}})), Validated::unknown);
  EXPECT_EQ(validated(stored, client, Fields{}), Validated::unknown);
  // Only one tag was asked about: it can be about nothing else.
  EXPECT_EQ(validated(stored, Fields{}, Fields{}), Validated::stored);
}

std::optional<ObjectHead> refresh(Harness& harness, const FieldList& before,
                                  const FieldList& update) {
  harness.get({}, {200, before});
  const ObjectPtr stored = harness.find({}).object;
  TestRequest request;
  const Request view = request.view();
  Fields storage;
  const Response answer = harness.response_view({304, update}, storage);
  auto refreshed =
      refreshed_head(*stored, harness.cache.rules().decide(view), view, answer, harness.policy);
  if (!refreshed) return std::nullopt;
  return std::move(refreshed->head);
}

TEST(Refresh, AStrongTagDoesNotReplaceAWeakOne) {
  Harness harness;
  const auto head = refresh(harness, {{"Cache-Control", "max-age=60"}, {"ETag", "W/\"1\""}},
                            {{"ETag", "\"1\""}, {"X-New", "1"}});
  ASSERT_TRUE(head);
  EXPECT_EQ(head->etag(), "W/\"1\"");
  EXPECT_NE(head->block().find("X-New: 1"), std::string_view::npos);
}

TEST(Refresh, IsNotOfWhatANotModifiedAboutAnotherVersionSays) {
  const FieldList dated = {{"Cache-Control", "max-age=60"},
                           {"Last-Modified", "Tue, 15 Nov 1994 12:45:26 GMT"}};
  const FieldList tagged = {{"Cache-Control", "max-age=60"}, {"ETag", "\"1\""}};
  const FieldList other_date = {{"Last-Modified", "Wed, 16 Nov 1994 12:45:26 GMT"}};
  Harness first, second, third, fourth, fifth;
  EXPECT_FALSE(refresh(first, dated, {{"ETag", "\"2\""}}))
      << "a later version within the same second of Last-Modified";
  EXPECT_FALSE(refresh(second, dated, other_date));
  EXPECT_FALSE(refresh(third, tagged, other_date));
  EXPECT_FALSE(refresh(fourth, tagged, {{"ETag", "\"2\""}}));
  EXPECT_TRUE(refresh(fifth, dated, {{"Last-Modified", "Tue, 15 Nov 1994 12:45:26 GMT"}}));
}

TEST(Refresh, ANewVaryCannotBeTakenOverIntoAnOldKey) {
  Harness harness;
  EXPECT_FALSE(refresh(harness, {{"Cache-Control", "max-age=60"}, {"ETag", "\"1\""}},
                       {{"ETag", "\"1\""}, {"Vary", "Cookie"}}));
}

TEST(NotModified, CarriesEveryFieldThatDoesNotDescribeTheContent) {
  Harness harness;
  harness.get({}, {200,
                   {{"Cache-Control", "max-age=60"},
                    {"ETag", "\"1\""},
                    {"Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"},
                    {"Content-Type", "text/plain"},
                    {"Content-Language", "de"},
                    {"Content-Location", "/there"},
                    {"Content-Security-Policy", "default-src 'self'"},
                    {"Repr-Digest", "sha-256=:YQ==:"},
                    {"Vary", "Accept"},
                    {"X-Own", "new"}}});
  std::string head;
  write_not_modified(harness.find({}).object->head(), head);
  for (const char* kept : {"ETag:", "Vary:", "X-Own: new", "Content-Location:", "Date:",
                           "Content-Security-Policy:", "Cache-Control:"}) {
    EXPECT_NE(head.find(kept), std::string::npos) << kept;
  }
  for (const char* dropped :
       {"Content-Type", "Content-Language", "Content-Length", "Repr-Digest", "Last-Modified"}) {
    EXPECT_EQ(head.find(dropped), std::string::npos) << dropped;
  }
}

// -- HEAD (section 4.3.5) -----------------------------------------------------------------------

class HeadTest : public ::testing::Test {
 protected:
  Harness harness_;

  void learn(const FieldList& fields, std::optional<std::uint64_t> length = std::nullopt) {
    harness_.get({}, {200, {{"Cache-Control", "max-age=60"}, {"ETag", "\"1\""}}, "body"});
    harness_.clock.advance(seconds(61));
    TestRequest head;
    head.method = "HEAD";
    const Request view = head.view();
    const RequestDecision decision = harness_.cache.rules().decide(view);
    const Lookup found = harness_.worker.lookup(view, decision, harness_.clock.now());
    ASSERT_EQ(found.kind, Lookup::Kind::stale);
    Fields storage;
    testing::TestResponse answer{200, fields, ""};
    answer.content_length = length;
    harness_.worker.learn_from_head(view, decision, found.object,
                                    harness_.response_view(answer, storage), harness_.policy);
  }
};

TEST_F(HeadTest, OfTheSameRepresentationRefreshesTheStoredGet) {
  learn({{"Cache-Control", "max-age=30"}, {"ETag", "\"1\""}, {"X-New", "1"}}, 4);
  const Lookup found = harness_.find({});
  ASSERT_EQ(found.kind, Lookup::Kind::hit);
  EXPECT_EQ(found.remaining, seconds(30));
  EXPECT_EQ(testing::body_of(*found.object), "body");
  EXPECT_NE(found.object->wire_head().find("X-New: 1"), std::string_view::npos);
}

TEST_F(HeadTest, OfAnotherRepresentationDropsTheStoredGet) {
  learn({{"Cache-Control", "max-age=30"}, {"ETag", "\"2\""}});
  EXPECT_EQ(harness_.find({}).kind, Lookup::Kind::miss);
  learn({{"Cache-Control", "max-age=30"}, {"ETag", "\"1\""}}, 5);
  EXPECT_EQ(harness_.find({}).kind, Lookup::Kind::miss);
}

TEST_F(HeadTest, WithoutAnythingToCompareChangesNothing) {
  learn({{"Cache-Control", "max-age=30"}}, 4);
  EXPECT_EQ(harness_.find({}).kind, Lookup::Kind::stale);
}

// -- invalidation by relative references ----------------------------------------------------------

TEST(Invalidation, ResolvesRelativeReferences) {
  struct Case {
    const char* reference;
    const char* path;
    const char* query;
  };
  for (const Case& test :
       {Case{"c", "/a/c", ""}, Case{"../d?x=1", "/d", "x=1"}, Case{"./", "/a/", ""},
        Case{"?q", "/a/b", "q"}, Case{"//example.org/e", "/e", ""},
        Case{"http://example.org?r", "/", "r"}, Case{"/x/../y#z", "/y", ""},
        Case{"/u?next=http://example.org/v", "/u", "next=http://example.org/v"}}) {
    Harness harness;
    TestRequest stored;
    stored.path = test.path;
    stored.query = test.query;
    harness.get(stored, {200, fresh()});
    TestRequest post;
    post.method = "POST";
    post.path = "/a/b";
    const Request view = post.view();
    Fields storage;
    harness.worker.invalidate_after(
        view, harness.response_view({303, {{"Location", test.reference}}}, storage),
        harness.cache.rules());
    EXPECT_EQ(harness.find(stored).kind, Lookup::Kind::miss) << test.reference;
  }
}

TEST(Invalidation, LeavesOtherHostsAndSchemesAlone) {
  for (const char* reference : {"http://other.org/a/c", "//other.org/a/c", "mailto:c", "urn:a:c"}) {
    Harness harness;
    TestRequest stored;
    stored.path = "/a/c";
    harness.get(stored, {200, fresh()});
    TestRequest post;
    post.method = "POST";
    post.path = "/a/b";
    const Request view = post.view();
    Fields storage;
    harness.worker.invalidate_after(
        view, harness.response_view({303, {{"Location", reference}}}, storage),
        harness.cache.rules());
    EXPECT_EQ(harness.find(stored).kind, Lookup::Kind::hit) << reference;
  }
}

}  // namespace
}  // namespace homeostat::cache
