// Tenants: each has a namespace of its own, and it is cleared at the cost of one number.
#include <set>

#include "cache_fixture.hpp"
#include "runtime/cache/tenant.hpp"

namespace homeostat::cache {
namespace {

using std::chrono::seconds;
using testing::fresh;
using testing::Harness;
using testing::Outcome;
using testing::TestRequest;
using testing::TestResponse;

TestRequest of(std::string tenant, std::string path = "/a") {
  TestRequest request;
  request.tenant = std::move(tenant);
  request.path = std::move(path);
  return request;
}

/// Names that a careless key would take for one another, or for no tenant.
std::vector<std::string> similar_names() {
  std::vector<std::string> said = {"a",
                                   "A",
                                   "a:",
                                   "a\\:",
                                   "a\\",
                                   "a:GET",
                                   "a~b",
                                   "~a",
                                   "a@1",
                                   "@1",
                                   "1",
                                   "a:GET:h/a",
                                   "sha256:",
                                   "-",
                                   " a",
                                   "a b",
                                   "a%3A",
                                   "a*",
                                   std::string(127, 'x'),
                                   std::string(128, 'x'),
                                   std::string(129, 'x'),
                                   std::string(130, 'x'),
                                   "t\xc3\xa4",
                                   "t\xc3\x84",
                                   "a\x01",
                                   "sha256:" + std::string(64, 'a')};
  // Whoever calls himself by the name that another one's long name gets.
  said.push_back(tenant_name(std::string(129, 'x')));
  return said;
}

TEST(TenantName, IsAnotherForEachTenant) {
  std::set<std::string> names;
  for (const std::string& said : similar_names()) {
    const std::string name = tenant_name(said);
    EXPECT_TRUE(names.insert(name).second) << said;
    EXPECT_LE(name.size(), tenant_name_max);
  }
  EXPECT_EQ(tenant_name("acme"), "acme") << "readable where it can be";
  EXPECT_EQ(hidden_tenant_name("Bearer secret").find("secret"), std::string::npos);
}

TEST(TenantName, IsTheSameTagHoweverAnOperatorWritesIt) {
  EXPECT_EQ(tenant_identity("acme"), tag_identity(TagKind::tenant, "acme"));
  const std::string longer(300, 'x');
  EXPECT_EQ(tenant_identity(longer), tenant_identity(tenant_name(longer)));
  EXPECT_NE(tenant_identity("acme"), tag_identity(TagKind::tag, "acme"));
}

TEST(TenantKeys, AreDifferentForDifferentTenantsAndForNone) {
  const std::atomic<unsigned> none{0}, first{1};
  std::set<std::string> keys;
  for (const std::atomic<unsigned>* version : {&none, &first}) {
    KeyBuilder builder(testing::small_settings(), 1, *version);
    for (const std::string& path : {std::string("/a"), "/" + std::string(400, 'p')}) {
      std::vector<std::string> names = {""};
      for (const std::string& said : similar_names()) names.push_back(tenant_name(said));
      for (const std::string& name : names) {
        TestRequest request = of(name, path);
        EXPECT_TRUE(keys.emplace(builder.primary(request.view()).text).second) << name;
      }
    }
  }
  EXPECT_TRUE(keys.contains("hs:default~a:GET:example.org/a:::"));
  EXPECT_TRUE(keys.contains("hs:default:GET:example.org/a:::"));
}

TEST(TenantKeys, ShareTheLocationOfTheUrlSoThatItsPurgeFindsAll) {
  const std::atomic<unsigned> version{0};
  KeyBuilder builder(testing::small_settings(), 1, version);
  TestRequest one = of("one"), none = of("");
  builder.primary(one.view());
  const std::uint64_t location = builder.location();
  builder.primary(none.view());
  EXPECT_EQ(builder.location(), location);
}

class Tenants : public ::testing::Test {
 protected:
  Outcome store(const std::string& tenant, const std::string& path = "/a") {
    return harness_.get(of(tenant, path), {200, fresh(), "of " + tenant + path});
  }
  std::string body(const std::string& tenant, const std::string& path = "/a") {
    const Lookup found = harness_.find(of(tenant, path));
    return found.kind == Lookup::Kind::hit ? testing::body_of(*found.object) : "";
  }
  PurgeResult clear(const std::string& tenant, bool soft = false) {
    PurgeRequest request;
    request.tenants = {tenant};
    request.soft = soft;
    return harness_.cache.purge(request);
  }
  Harness harness_;
};

TEST_F(Tenants, NoneIsEverServedAnothersEntry) {
  std::vector<std::string> names = {""};
  for (const std::string& said : similar_names()) names.push_back(tenant_name(said));
  for (const std::string& name : names) {
    EXPECT_NE(store(name).lookup.kind, Lookup::Kind::hit) << name;
  }
  for (const std::string& name : names) EXPECT_EQ(body(name), "of " + name + "/a");
}

TEST_F(Tenants, NeverShareAFillNorWhatIsKnownAsUncacheable) {
  TestRequest first = of("one"), second = of("two"), third = of("one");
  FillStart one = harness_.begin(first);
  ASSERT_EQ(one.kind, FillStart::Kind::leader);
  EXPECT_EQ(harness_.begin(third).kind, FillStart::Kind::follower) << "his own he does";
  FillStart two = harness_.begin(second);
  ASSERT_EQ(two.kind, FillStart::Kind::leader);
  one.leader->uncacheable(Reason::no_store, harness_.clock.now());
  two.leader->fail(Reason::upstream_failed);
  EXPECT_EQ(harness_.begin(first).reason, Reason::hit_for_miss);
  EXPECT_EQ(harness_.begin(second).kind, FillStart::Kind::leader);
}

TEST_F(Tenants, AClearTakesAllThatIsTheirsAndNothingElse) {
  for (const char* path : {"/1", "/2", "/3"}) {
    store("one", path);
    store("two", path);
    store("", path);
  }
  EXPECT_EQ(clear("one").by_tenants, 3U);
  for (const char* path : {"/1", "/2", "/3"}) {
    EXPECT_EQ(body("one", path), "");
    EXPECT_NE(body("two", path), "");
    EXPECT_NE(body("", path), "");
  }
  EXPECT_EQ(clear("one").entries(), 0U);
  EXPECT_EQ(clear("never seen").entries(), 0U);
  store("one", "/1");
  EXPECT_NE(body("one", "/1"), "") << "what comes afterwards stays";
}

TEST_F(Tenants, AClearCostsOneNumberHoweverMuchItTakes) {
  for (int i = 0; i < 500; ++i) store("one", "/" + std::to_string(i));
  const PurgeNumber before = harness_.cache.tags().current();
  EXPECT_EQ(harness_.cache.purge_identity(tenant_identity("one")), 500U);
  EXPECT_EQ(harness_.cache.tags().current(), before + 1);
  EXPECT_EQ(body("one", "/7"), "") << "in force before anything was searched for";
}

TEST_F(Tenants, ASoftClearMakesStaleAndKeepsTheValidators) {
  harness_.get(of("one"), {200, {{"Cache-Control", "max-age=60"}, {"ETag", "\"v\""}}});
  store("two");
  EXPECT_EQ(clear("one", true).by_tenants, 1U);
  EXPECT_EQ(harness_.find(of("one")).kind, Lookup::Kind::stale);
  EXPECT_EQ(harness_.find(of("two")).kind, Lookup::Kind::hit);
}

TEST_F(Tenants, AFetchUnderWayBringsNothingBackAfterAClear) {
  TestRequest request = of("one");
  FillStart start = harness_.begin(request);
  ASSERT_TRUE(start.leader);
  clear("one");
  start.leader->publish_head(harness_.judge(request, {200, fresh()}), std::nullopt,
                             *request.view().fields, harness_.clock.now());
  start.leader->append("body", harness_.clock.now());
  EXPECT_EQ(start.leader->complete(harness_.clock.now()), Reason::invalidated);
  EXPECT_EQ(body("one"), "");
}

TEST_F(Tenants, APurgeOfAUrlReachesAllOfThem) {
  store("one");
  store("two");
  store("");
  store("one", "/b");
  EXPECT_EQ(
      harness_.cache.purge({.tags = {}, .patterns = {}, .keys = {"http://example.org/a"}}).by_keys,
      3U);
  EXPECT_NE(body("one", "/b"), "");
}

TEST_F(Tenants, APurgeOfAUrlReachesAllThatAreLeftOfIt) {
  const std::vector<std::string> names = {"one", "two", "three", "four", "five"};
  // Whichever goes first, whether it is the newest, the oldest or between.
  for (const std::string& first : names) {
    for (const std::string& name : names) store(name);
    store("two", "/b");
    EXPECT_EQ(clear(first).entries(), first == "two" ? 2U : 1U);
    EXPECT_EQ(harness_.cache.purge({.tags = {}, .patterns = {}, .keys = {"http://example.org/a"}})
                  .by_keys,
              4U)
        << first;
    for (const std::string& name : names) EXPECT_EQ(body(name), "") << first << name;
  }
}

TEST_F(Tenants, AWriteOfOneIsNewsForAll) {
  store("one");
  store("two");
  TestRequest write = of("one");
  write.method = "PUT";
  const Request view = write.view();
  Fields storage;
  harness_.worker.invalidate_after(view, harness_.response_view({204, {}, ""}, storage),
                                   harness_.cache.rules());
  EXPECT_EQ(body("one"), "");
  EXPECT_EQ(body("two"), "") << "the application knows one resource of that name";
}

TEST_F(Tenants, APatternOfWholeKeysNamesOne) {
  store("one");
  store("two");
  store("");
  EXPECT_EQ(testing::flush(harness_.cache, "hs:default~one:*").by_patterns, 1U);
  EXPECT_EQ(body("one"), "");
  EXPECT_NE(body("two"), "");
  EXPECT_NE(body(""), "");
}

TEST_F(Tenants, LearnedQueriesDoNotMixThem) {
  const auto page = [&](const std::string& tenant, const std::string& query) {
    TestRequest request = of(tenant);
    request.query = query;
    return request;
  };
  const testing::FieldList fields = {{"Cache-Control", "max-age=60"},
                                     {"No-Vary-Search", "params=(\"utm\")"}};
  harness_.get(page("one", "utm=1"), {200, fields, "one's"});
  const Outcome own = harness_.get(page("one", "utm=2"), {200, fields, "one's again"});
  harness_.get(page("one", "utm=3"), {200, fields, "one's third"});
  EXPECT_EQ(harness_.get(page("one", "utm=4"), {200, fields, "fresh"}).lookup.kind,
            Lookup::Kind::hit);
  EXPECT_EQ(harness_.get(page("two", "utm=5"), {200, fields, "two's"}).lookup.kind,
            Lookup::Kind::miss);
  EXPECT_NE(own.body, "two's");
}

TEST_F(Tenants, WhoNamesHimselfUnclearlyTakesNoPart) {
  TestRequest request = of("");
  request.tenant_unclear = true;
  store("");
  const Lookup found = harness_.find(request);
  EXPECT_EQ(found.kind, Lookup::Kind::bypass);
  EXPECT_EQ(found.reason, Reason::tenant);
}

TEST_F(Tenants, OneWhoShowsAnothersOwnTagMayNotWriteByIt) {
  harness_.get(of("one"), {200, fresh(), "same"});
  const std::string tag(harness_.find(of("one")).object->head().etag());
  const auto claims = [&](const std::string& tenant) {
    TestRequest write = of(tenant);
    write.method = "PUT";
    write.fields = {{"If-Match", tag}};
    return harness_.worker.claim_own_tag(write.view(), harness_.cache.rules(),
                                         harness_.clock.now());
  };
  EXPECT_FALSE(claims("two"));
  EXPECT_FALSE(claims(""));
  EXPECT_TRUE(claims("one"));
}

TEST_F(Tenants, TheLargestAreTold) {
  for (int i = 0; i < 5; ++i) store("five", "/" + std::to_string(i));
  store("one", "/1");
  for (int i = 0; i < 3; ++i) store("three", "/" + std::to_string(i));
  store("", "/1");
  const CacheTenants all = harness_.cache.tenants(2);
  EXPECT_EQ(all.known, 3U);
  ASSERT_EQ(all.largest.size(), 2U);
  EXPECT_EQ(all.largest[0].name, "five");
  EXPECT_EQ(all.largest[0].entries, 5U);
  EXPECT_EQ(all.largest[1].name, "three");
  clear("five");
  EXPECT_EQ(harness_.cache.tenants(2).known, 2U);
}

TEST_F(Tenants, TheirTagIsNotShownAmongAnObjectsTags) {
  store("one");
  const auto page = harness_.cache.keys({});
  ASSERT_TRUE(page && page->keys.size() == 1);
  EXPECT_TRUE(page->keys.front().tags.empty());
}

TEST_F(Tenants, AreNotWarmedUp) {
  store("one");
  for (int i = 0; i < 20; ++i) static_cast<void>(body("one"));
  EXPECT_TRUE(harness_.cache.popular(10).empty()) << "nobody could ask for it in his name";
}

TEST(TenantsBeyondTheBound, AClearTakesMoreButNeverLess) {
  config::CacheSettings settings = testing::small_settings();
  settings.tags.distinct_max = 4;
  Harness harness(settings);
  constexpr int count = 1200;  // more than the shared slots, so that some meet
  for (int i = 0; i < count; ++i) harness.get(of("t" + std::to_string(i)), {200, fresh()});
  EXPECT_GT(harness.cache.tags().overflows(), 0U);
  std::size_t taken = 0;
  for (int i = 0; i < count; i += 100) {
    const std::string tenant = "t" + std::to_string(i);
    PurgeRequest request;
    request.tenants = {tenant};
    taken += harness.cache.purge(request).by_tenants;
    EXPECT_NE(harness.find(of(tenant)).kind, Lookup::Kind::hit) << tenant;
  }
  EXPECT_GT(taken, static_cast<std::size_t>(count / 100)) << "and what shares their slots";
}

// -- rules ------------------------------------------------------------------------

config::CacheSettings with_shared(bool all_tenants) {
  config::CacheSettings settings = testing::small_settings();
  settings.tenant = {config::CacheTenantKey::header, "X-Tenant"};
  config::CacheRule rule;
  rule.match.path = "/static/*";
  rule.ttl = seconds(60);
  rule.all_tenants = all_tenants;
  settings.rules = {rule};
  return settings;
}

TEST(TenantRules, OneCopyMayAnswerAllWhereARuleSaysSo) {
  const RequestRules rules(with_shared(true));
  TestRequest shared = of("one", "/static/a"), own = of("one", "/a");
  EXPECT_TRUE(rules.decide(shared.view()).for_all_tenants());
  EXPECT_FALSE(rules.decide(own.view()).for_all_tenants());
  shared.tenant_unclear = true;
  EXPECT_TRUE(rules.decide(shared.view()).lookup) << "whoever asks, it is the same";
}

TEST(TenantRules, AReloadThatSharesOrPartsThemDropsWhatWasStored) {
  Harness harness(with_shared(false));
  harness.get(of("one", "/static/a"), {200, {}});
  harness.get(of("one", "/a"), {200, fresh()});
  EXPECT_EQ(harness.cache.reload(with_shared(true)), 1U);
  EXPECT_EQ(harness.find(of("one", "/a")).kind, Lookup::Kind::hit);
}

TEST(TenantRules, AgentsThatReadTenantsDifferentlyDoNotShareEntries) {
  config::CacheSettings none = testing::small_settings(), one = none, other = none, token = none;
  one.tenant = {config::CacheTenantKey::header, "X-Tenant"};
  other.tenant = {config::CacheTenantKey::header, "X-Org"};
  token.tenant = {config::CacheTenantKey::token_subject, ""};
  std::set<std::uint64_t> shapes;
  for (const auto* settings : {&none, &one, &other, &token}) {
    shapes.insert(RequestRules(*settings).query_shape(nullptr));
  }
  EXPECT_EQ(shapes.size(), 4U);
}

TEST(TenantRules, TheFleetsKeyIsTheTenantsOwn) {
  Harness harness;
  TestRequest one = of("one"), none = of("");
  const RequestDecision decision = harness.cache.rules().decide(none.view());
  EXPECT_NE(harness.worker.shared_key(one.view(), decision).text,
            harness.worker.shared_key(none.view(), decision).text);
}

}  // namespace
}  // namespace homeostat::cache
