// Tags of this agent's own: how they are recognised, and what If-Match does with
// them in the cache.
#include "runtime/cache/own_tag.hpp"

#include "cache_fixture.hpp"
#include "runtime/cache/preconditions.hpp"

namespace homeostat::cache {
namespace {

using testing::fresh;
using testing::Harness;
using testing::table;
using testing::TestRequest;

constexpr const char* digest = "0123456789abcdef0123456789abcdef";

class OwnTag : public ::testing::Test {
 protected:
  Harness harness_;

  /// Stores a response without ETag; the tag clients get.
  std::string stored_tag(const std::string& path = "/", testing::FieldList fields = fresh()) {
    TestRequest request = testing::at(path);
    EXPECT_EQ(harness_.get(request, {200, std::move(fields)}).reason, Reason::none);
    return std::string(harness_.find(request).object->head().etag());
  }
  bool claims(const std::string& if_match, const std::string& path = "/") {
    TestRequest request;
    request.method = "PUT";
    request.path = path;
    request.fields = {{"If-Match", if_match}};
    return harness_.worker.claim_own_tag(request.view(), harness_.cache.rules(),
                                         harness_.clock.now());
  }
  bool kept(const std::string& path = "/") {
    TestRequest request = testing::at(path);
    return harness_.find(request).kind == Lookup::Kind::hit;
  }
};

TEST(OwnTags, AreRecognisedByThoseWithTheSamePrefixAndNamespaceOnly) {
  const OwnTags here("hs", "default");
  const std::string tag = here.make(digest);
  EXPECT_TRUE(here.made(tag));
  EXPECT_TRUE(OwnTags("hs", "default").made(tag));
  EXPECT_FALSE(OwnTags("other", "default").made(tag));
  EXPECT_FALSE(OwnTags("hs", "other").made(tag));
  EXPECT_FALSE(here.made("\"" + std::string(digest) + "00000000\""));
  EXPECT_FALSE(here.made("\"" + std::string(40, 'z') + "\""));
  EXPECT_FALSE(here.made("\"v1\""));
  EXPECT_FALSE(here.made(""));
}

TEST(OwnTags, OfAListAreToldFromThoseOfOthers) {
  const OwnTags tags("hs", "default");
  const std::string own = tags.make(digest);
  const auto owners = [&](const testing::FieldList& fields) { return tags.owners(table(fields)); };
  const testing::FieldList none, star{{"If-Match", "*"}}, other{{"If-Match", "\"v1\""}},
      mine{{"If-Match", own}}, weak{{"If-Match", "W/" + own}, {"If-Match", own}},
      both{{"If-Match", own + ", \"v1\""}}, lines{{"If-Match", "\"v1\""}, {"If-Match", own}},
      elsewhere{{"If-None-Match", own}};
  EXPECT_EQ(owners(none), TagOwners::others);
  EXPECT_EQ(owners(star), TagOwners::others);
  EXPECT_EQ(owners(other), TagOwners::others);
  EXPECT_EQ(owners(elsewhere), TagOwners::others);
  EXPECT_EQ(owners(mine), TagOwners::own);
  EXPECT_EQ(owners(weak), TagOwners::own);
  EXPECT_EQ(owners(both), TagOwners::mixed);
  EXPECT_EQ(owners(lines), TagOwners::mixed);
}

TEST_F(OwnTag, ARequestWithNothingElseMayFillTheCache) {
  const std::string tag = stored_tag();
  TestRequest request;
  request.fields = {{"If-Match", tag}};
  RequestDecision decision = harness_.cache.rules().decide(request.view());
  EXPECT_TRUE(decision.precondition);
  EXPECT_TRUE(decision.store);
  EXPECT_TRUE(decision.judges_condition());
  request.fields = {{"If-Match", tag + ", \"v1\""}};
  decision = harness_.cache.rules().decide(request.view());
  EXPECT_FALSE(decision.store);
  EXPECT_FALSE(decision.judges_condition());
  request.method = "OPTIONS";
  request.fields = {{"If-Match", tag}};
  EXPECT_EQ(harness_.cache.rules().decide(request.view()).tag_owners, TagOwners::others);
}

TEST_F(OwnTag, IsSatisfiedByItsWeakFormToo) {
  const std::string tag = stored_tag();
  const Lookup found = harness_.find({});
  for (const std::string& text : {tag, "W/" + tag, "\"v1\", " + tag}) {
    const testing::FieldList fields{{"If-Match", text}};
    EXPECT_TRUE(satisfies_preconditions(table(fields), found.object->head())) << text;
  }
}

TEST_F(OwnTag, IsClaimedOnceAndThenGone) {
  const std::string tag = stored_tag();
  EXPECT_FALSE(claims("\"v1\""));
  EXPECT_TRUE(kept());
  EXPECT_TRUE(claims("\"v1\", W/" + tag));
  EXPECT_FALSE(kept());
  EXPECT_FALSE(claims(tag));
}

TEST_F(OwnTag, IsNotClaimedOfAnotherResourceOrWhenStale) {
  const std::string tag = stored_tag("/a");
  static_cast<void>(stored_tag("/b", {{"Cache-Control", "max-age=60"}, {"Content-Type", "x/y"}}));
  EXPECT_FALSE(claims(tag, "/b"));
  harness_.clock.advance(std::chrono::seconds(61));
  EXPECT_FALSE(claims(tag, "/a"));
}

TEST_F(OwnTag, OfOneVariantTakesAllOfThem) {
  const testing::FieldList fields{{"Cache-Control", "max-age=60"}, {"Vary", "X-A"}};
  TestRequest one, two;
  one.fields = {{"X-A", "1"}};
  two.fields = {{"X-A", "2"}};
  ASSERT_EQ(harness_.get(one, {200, fields, "one"}).reason, Reason::none);
  ASSERT_EQ(harness_.get(two, {200, fields, "two"}).reason, Reason::none);
  const std::string tag(harness_.find(two).object->head().etag());
  EXPECT_TRUE(claims(tag));
  EXPECT_EQ(harness_.find(one).kind, Lookup::Kind::miss);
  EXPECT_EQ(harness_.find(two).kind, Lookup::Kind::miss);
}

TEST_F(OwnTag, OnceClaimedDoesNotComeBackByAFetchUnderWay) {
  const std::string tag = stored_tag();
  TestRequest reload;
  reload.fields = {{"Cache-Control", "no-cache"}};
  FillStart start = harness_.begin(reload);
  ASSERT_EQ(start.kind, FillStart::Kind::leader);
  ASSERT_TRUE(claims(tag));
  start.leader->publish_head(harness_.judge(reload, {200, fresh()}), std::nullopt, {},
                             harness_.clock.now());
  start.leader->append("body", harness_.clock.now());
  EXPECT_EQ(start.leader->complete(harness_.clock.now()), Reason::invalidated);
  EXPECT_FALSE(kept());
}

TEST_F(OwnTag, OfTheOriginIsNotThisAgentsToClaim) {
  const std::string tag = OwnTags("hs", "default").make(digest);
  ASSERT_EQ(stored_tag("/", {{"Cache-Control", "max-age=60"}, {"ETag", tag}}), tag);
  EXPECT_FALSE(claims(tag));
  EXPECT_TRUE(kept());
}

TEST(OwnTags, A304WithoutATagIsAboutTheStoredResponseIfOnlyItsDateWasAsked) {
  ObjectHead head;
  head.start(200, "OK");
  head.add_field("Last-Modified", "Tue, 15 Nov 1994 12:45:26 GMT");
  head.add_field("ETag", "\"own\"");
  head.own_etag = true;
  const testing::FieldList asked{{"If-None-Match", "\"mine\""}};
  const Fields client = testing::table(asked);
  EXPECT_EQ(validated(head, client, Fields{}), Validated::stored);
  head.own_etag = false;
  EXPECT_EQ(validated(head, client, Fields{}), Validated::unknown);
}

}  // namespace
}  // namespace homeostat::cache
