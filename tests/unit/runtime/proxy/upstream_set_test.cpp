// The targets of an upstream as a whole: their addresses, and what may be tried again.
#include <gtest/gtest.h>

#include "runtime/proxy/upstream_target.hpp"

namespace homeostat::proxy {
namespace {

constexpr Instant start{std::chrono::hours(1)};

TEST(UpstreamSet, AnAddressThatCannotBeUsedIsNamed) {
  config::UpstreamSettings settings;
  settings.targets.push_back({{{}, 0, std::string(200, 'x')}, "host"});
  EXPECT_THROW(UpstreamSet(settings, 1, start), std::runtime_error);
  EXPECT_THROW(UpstreamSet(config::UpstreamSettings{}, 1, start), std::runtime_error);
}

TEST(UpstreamSet, FurtherAddressesOfANameEarnNoRetries) {
  const auto granted = [](std::uint64_t further_addresses) {
    config::UpstreamSettings settings;
    settings.targets.push_back({{"127.0.0.1", 1, {}}, "host"});
    settings.retry_budget.ratio = 0.1;
    settings.retry_budget.per_second_min = 0;
    UpstreamSet set(settings, 1, start);
    UpstreamCounters& counters = set.counters();
    int count = 0;
    for (int round = 0; round < 100; ++round) {  // a request each, whose name has addresses
      counters.connects += 1 + further_addresses;
      counters.further_addresses += further_addresses;
      count += set.may_retry(start) ? 1 : 0;
    }
    return count;
  };
  EXPECT_GT(granted(0), 0);
  EXPECT_EQ(granted(3), granted(0));
}

}  // namespace
}  // namespace homeostat::proxy
