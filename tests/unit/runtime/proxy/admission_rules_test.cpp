// Which limits a request meets, whatever the spelling of its path.
#include "runtime/proxy/admission_rules.hpp"

#include <gtest/gtest.h>

namespace homeostat::proxy {
namespace {

using namespace std::chrono_literals;

class SpelledPaths : public testing::Test {
 protected:
  static config::AdmissionSettings settings() {
    config::AdmissionSettings settings;
    settings.priorities = {{.match = {"/checkout/*", {}}, .priority_class = 0},
                           {.match = {"/reports/*", {}}, .priority_class = 3}};
    settings.weights = {{.match = {"/exports/*", {}}, .weight = 3}};
    settings.streams = {{.match = {"/poll/*", {}}}};
    settings.concurrency_caps = {{.name = "wide", .match = {"/x/*", {}}, .max = 50},
                                 {.name = "exports", .match = {"/exports/*", {}}, .max = 4}};
    settings.deadlines.routes = {{.match = {"/x/*", {}}, .within = 10s},
                                 {.match = {"/exports/*", {}}, .within = 2s}};
    return settings;
  }
  struct Read {
    explicit Read(std::string_view text) : others(http::path_readings(text)), path{text, others} {}
    std::vector<std::string> others;
    http::ReadPath path;
  };

  ManualClock clock;
  gate::Gate gate{settings(), 1, clock};
  AdmissionRules rules{settings(), gate};
};

TEST_F(SpelledPaths, TheWorstClassOfAllReadingsCounts) {
  EXPECT_EQ(rules.priority_class("GET", Read("/checkout/1").path), 0);
  EXPECT_EQ(rules.priority_class("GET", Read("/reports/1").path), 3);
  EXPECT_EQ(rules.priority_class("GET", Read("/checkout/../reports/1").path), 3);
  EXPECT_EQ(rules.priority_class("GET", Read("/checkout/..%2Freports%2F1").path), 3);
  EXPECT_EQ(rules.priority_class("GET", Read("/reports/../checkout/1").path), 3);
  EXPECT_EQ(rules.priority_class("GET", Read("/checkout/../other").path), 2);
  EXPECT_EQ(rules.priority_class("GET", Read("//checkout/1").path), 2);
}

TEST_F(SpelledPaths, NoSpellingEvadesWeightCapOrDeadline) {
  for (const char* spelled : {"/exports/1", "//exports/1", "/x/../exports/1", "/exports;a/1",
                              "/x/..%2Fexports/1", "/x/%252e./exports/1"}) {
    const Read read(spelled);
    EXPECT_EQ(rules.weight("GET", read.path), 3U) << spelled;
    EXPECT_EQ(rules.cap("GET", read.path).places, 4) << spelled;
    EXPECT_EQ(rules.within("GET", read.path), Duration(2s)) << spelled;
  }
  const Read other("/x/1");
  EXPECT_EQ(rules.weight("GET", other.path), 1U);
  EXPECT_EQ(rules.cap("GET", other.path).places, 50);
}

TEST(RateLimitBuckets, AreKeptWhileTheLimitIsTheSameAndFullWhenItsRateIsChanged) {
  ManualClock clock;
  gate::Gate gate{{}, 1, clock};
  const auto salt = [&gate](std::string name, double requests, std::chrono::seconds period,
                            std::uint64_t burst) {
    config::AdmissionSettings settings;
    config::RateLimitRule& rule = settings.rate_limits.emplace_back();
    rule.name = std::move(name);
    rule.rate.requests = requests;
    rule.rate.period = period;
    rule.burst = burst;
    return AdmissionRules(settings, gate).rate_limits().front().salt;
  };
  const std::uint64_t before = salt("api", 1000, 24h, 0);
  EXPECT_EQ(salt("api", 1000, 24h, 0), before);
  EXPECT_EQ(salt("api", 1000, 24h, 1000), before) << "the default, written out";
  EXPECT_NE(salt("api", 1000, 1h, 0), before);
  EXPECT_NE(salt("api", 1000, 24h, 10), before);
  EXPECT_NE(salt("web", 1000, 24h, 0), before);
}

TEST_F(SpelledPaths, OnlyWhatIsAStreamByAllReadingsNeedsNoSlot) {
  EXPECT_TRUE(rules.stream("GET", Read("/poll/1").path));
  EXPECT_FALSE(rules.stream("GET", Read("/exports/1").path));
  EXPECT_FALSE(rules.stream("GET", Read("/poll/../exports/1").path));
  EXPECT_FALSE(rules.stream("GET", Read("/exports/../poll/1").path));
}

}  // namespace
}  // namespace homeostat::proxy
