// Tenants of the cache, and lifetimes by change, as an operator writes them.
#include "tests/unit/config/support.hpp"

namespace homeostat::config {
namespace {

std::string cache(const std::string& text) { return "cache: {" + text + "}\n"; }

TEST(CacheTenants, AreOffUnlessSomethingTellsThemApart) {
  const CacheSettings standard = must_load("").cache;
  EXPECT_EQ(standard.tenant.by, CacheTenantKey::none);
  const CacheSettings read =
      must_load(cache("tenant: {by: header, field: X-Tenant}, "
                      "rules: [{match: {path: /static/*}, ttl: 1h, all_tenants: true}]"))
          .cache;
  EXPECT_EQ(read.tenant.by, CacheTenantKey::header);
  EXPECT_EQ(read.tenant.field, "X-Tenant");
  EXPECT_TRUE(read.rules.at(0).all_tenants);
  EXPECT_EQ(must_load(cache("tenant: {by: authorization}")).cache.tenant.by,
            CacheTenantKey::authorization);
}

TEST(CacheTenants, AFieldBelongsToHeaderOnly) {
  for (const char* wrong : {"tenant: {by: header}", "tenant: {field: X-Tenant}",
                            "tenant: {by: authorization, field: X-Tenant}"}) {
    EXPECT_NE(errors_below_base(cache(wrong)).find("cache.tenant.field"), std::string::npos)
        << wrong;
  }
}

TEST(HeaderUnderscores, FieldsThatAreLeftOutCannotBeReadEither) {
  for (const char* wrong :
       {"cache: {tenant: {by: header, field: X_Tenant}}",
        "cache: {tenant: {by: header, field: X.Tenant}}",
        "admission: {tenant: {by: header, field: X_Tenant}}",
        "admission: {deadlines: {fields: [{name: X_Timeout, format: milliseconds}]}}",
        "cache: {rules: [{match: {path: /a}, ttl: 1h, vary: [X_Region]}]}"}) {
    const std::string text = std::string(wrong) + "\n";
    EXPECT_NE(errors_below_base(text).find("server.header_underscores"), std::string::npos)
        << wrong;
    EXPECT_EQ(errors_below_base("server: {header_underscores: true}\n" + text), "") << wrong;
  }
}

TEST(CacheTenants, UnverifiedTokensAreReadOnlyBehindATrustedProxy) {
  const std::string tenant = cache("tenant: {by: token_subject}");
  EXPECT_NE(errors_below_base(tenant).find("without verifying"), std::string::npos);
  EXPECT_EQ(errors_below_base("server: {trust_forwarded: true}\n" + tenant), "");
}

TEST(CacheTenants, ARuleThatSharesNeedsSomethingToShare) {
  EXPECT_NE(errors_below_base(cache("rules: [{match: {path: /a}, ttl: 1h, all_tenants: true}]"))
                .find("without which there are no tenants"),
            std::string::npos);
  EXPECT_NE(errors_below_base(cache("tenant: {by: authorization}, rules: "
                                    "[{match: {path: /a}, bypass: true, all_tenants: true}]"))
                .find("never cached"),
            std::string::npos);
}

TEST(TtlByChange, HasAModeAndABound) {
  const CacheSettings standard = must_load("").cache;
  EXPECT_EQ(standard.ttl_by_change.mode, LoopMode::on);
  EXPECT_EQ(standard.ttl_by_change.lowest, 0.25);
  const CacheSettings read = must_load(cache("ttl_by_change: {mode: shadow, lowest: 10%}")).cache;
  EXPECT_EQ(read.ttl_by_change.mode, LoopMode::shadow);
  EXPECT_EQ(read.ttl_by_change.lowest, 0.1);
  EXPECT_NE(errors_below_base(cache("ttl_by_change: {lowest: 0%}")), "");
}

}  // namespace
}  // namespace homeostat::config
