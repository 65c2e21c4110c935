// Deadlines, tenants, rate limits, caps and weights as an operator writes them.
#include "tests/unit/config/support.hpp"

namespace homeostat::config {
namespace {

std::string admission(const std::string& text) { return "admission: {" + text + "}\n"; }

TEST(AdmissionLimits, AreReadAsWritten) {
  const Settings settings = must_load(
      admission("rate_limits: [{name: api, match: {path: /api/*, methods: [GET]}, "
                "per: [tenant, route], rate: 600/min, burst: 50, mode: shadow, advertise: false}], "
                "concurrency_caps: [{name: exports, match: {path: /e/*}, max: 4}], "
                "weights: [{match: {path: /e/*}, weight: 3}], "
                "streams: [{match: {path: /poll/*, methods: [GET]}}], "
                "deadlines: {fields: [{name: X-Budget, format: seconds}], "
                "routes: [{match: {path: /api/*}, within: 1500ms}]}, "
                "tenant: {by: header, field: X-Tenant, fair_queue: false}"));
  const AdmissionSettings& read = settings.admission;
  ASSERT_EQ(read.rate_limits.size(), 1U);
  const RateLimitRule& limit = read.rate_limits.front();
  EXPECT_EQ(limit.name, "api");
  EXPECT_TRUE(limit.per.tenant && limit.per.route && !limit.per.client);
  EXPECT_EQ(limit.rate.requests, 600);
  EXPECT_EQ(limit.rate.period, seconds(60));
  EXPECT_EQ(limit.burst, 50U);
  EXPECT_EQ(limit.mode, LoopMode::shadow);
  EXPECT_FALSE(limit.advertise);
  EXPECT_EQ(read.concurrency_caps.at(0).max, 4U);
  EXPECT_EQ(read.weights.at(0).weight, 3U);
  EXPECT_EQ(read.streams.at(0).match.path, "/poll/*");
  EXPECT_NE(errors_below_base(admission("streams: [{match: {methods: [GET]}}]")).find("`match`"),
            std::string::npos);
  ASSERT_EQ(read.deadlines.fields.size(), 1U);
  EXPECT_EQ(read.deadlines.fields.front().format, DeadlineFormat::in_seconds);
  EXPECT_EQ(read.deadlines.routes.at(0).within, milliseconds(1500));
  EXPECT_EQ(read.tenant.by, TenantKey::header);
  EXPECT_FALSE(read.tenant.fair_queue);
}

TEST(AdmissionLimits, OfPagesAreReadAndNeedSomethingToLimit) {
  const std::string name = "page_limits: [{name: lists, match: {path: /api/*}";
  const AdmissionSettings read =
      must_load(admission(name + ", page_max: 100, offset_max: 20000, mode: shadow}]")).admission;
  ASSERT_EQ(read.page_limits.size(), 1U);
  EXPECT_EQ(read.page_limits[0].page_max, 100U);
  EXPECT_EQ(read.page_limits[0].offset_max, 20000U);
  EXPECT_EQ(read.page_limits[0].size_max, 0U);
  EXPECT_EQ(read.page_limits[0].mode, LoopMode::shadow);
  EXPECT_EQ(must_load(admission(name + ", size_max: 50, page_max: none}]"))
                .admission.page_limits[0]
                .size_max,
            50U);
  EXPECT_NE(errors_below_base(admission(name + "}]"))
                .find("needs a `page_max`, `offset_max` or `size_max`"),
            std::string::npos);
  EXPECT_NE(errors_below_base(admission("page_limits: [{name: a, size_max: 5}]")).find("`match`"),
            std::string::npos);
  EXPECT_NE(errors_below_base(admission("page_limits: [{name: a, match: {path: /a}, size_max: 5}, "
                                        "{name: a, match: {path: /b}, size_max: 5}]"))
                .find("two entries named `a`"),
            std::string::npos);
}

TEST(AdmissionLimits, RatesHavePeriods) {
  const auto rate = [](const std::string& text) {
    return must_load(admission("rate_limits: [{name: a, per: all, rate: " + text + "}]"))
        .admission.rate_limits.at(0)
        .rate.period;
  };
  EXPECT_EQ(rate("5/s"), seconds(1));
  EXPECT_EQ(rate("5/m"), seconds(60));
  EXPECT_EQ(rate("5 / min"), seconds(60));
  EXPECT_EQ(rate("5/h"), seconds(3600));
  EXPECT_EQ(rate("5/d"), seconds(86400));
}

TEST(AdmissionLimits, SayWhatIsWrong) {
  const auto errors = [](const std::string& text) {
    return errors_below_base(admission("rate_limits: [{name: a, per: all, " + text + "}]"));
  };
  EXPECT_NE(errors("rate: 100").find("has no period; write e.g. 100/s"), std::string::npos);
  EXPECT_NE(errors("rate: 5/week").find("`week` is not a period"), std::string::npos);
  EXPECT_NE(errors("rate: 0/s").find("out of range"), std::string::npos);
  EXPECT_NE(errors("burst: 3").find("needs a `rate`"), std::string::npos);
  EXPECT_NE(errors_below_base(admission("rate_limits: [{per: all, rate: 1/s}]")).find("`name`"),
            std::string::npos);
  EXPECT_NE(errors_below_base(admission("rate_limits: [{name: a, rate: 1/s}]")).find("`per`"),
            std::string::npos);
  EXPECT_NE(errors_below_base(admission("rate_limits: [{name: a, per: [all, client], rate: 1/s}]"))
                .find("allowed is all, or some of"),
            std::string::npos);
  EXPECT_NE(errors_below_base(admission("rate_limits: [{name: a, per: all, rate: 1/s}, "
                                        "{name: a, per: client, rate: 1/s}]"))
                .find("two entries named `a`"),
            std::string::npos);
  EXPECT_NE(errors_below_base(admission("concurrency_caps: [{name: a, match: {path: /a}}]"))
                .find("needs a `max`"),
            std::string::npos);
  EXPECT_NE(errors_below_base(admission("tenant: {by: header}")).find("admission.tenant.field"),
            std::string::npos);
}

TEST(AdmissionLimits, UnverifiedTokensAreReadOnlyBehindATrustedProxy) {
  const std::string tenant = admission("tenant: {by: token_subject}");
  EXPECT_NE(errors_below_base(tenant).find("without verifying"), std::string::npos);
  EXPECT_EQ(errors_below_base("server: {trust_forwarded: true}\n" + tenant), "");
}

}  // namespace
}  // namespace homeostat::config
