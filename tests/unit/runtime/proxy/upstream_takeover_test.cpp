// What is kept of the targets when a reload changes the upstream's settings.
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/proxy/upstream_target.hpp"

namespace homeostat::proxy {
namespace {

constexpr Instant start{std::chrono::hours(1)};
constexpr std::size_t endpoints = 8;
/// Too long for a name: nobody need be asked to know that it leads nowhere.
const std::string nowhere(300, 'x');

config::UpstreamTarget target_at(const std::string& host, std::uint16_t port) {
  return {{host, port, {}}, "host"};
}

config::UpstreamSettings settings_with(std::vector<config::UpstreamTarget> targets) {
  config::UpstreamSettings settings;
  settings.targets = std::move(targets);
  settings.health.path = "/healthz";
  return settings;
}

UpstreamSet takes_over(const config::UpstreamSettings& settings, const UpstreamSet& before,
                       const FoundAddresses& found = {}) {
  return {settings, before, found, endpoints, start};
}

void silence(UpstreamSet& set, UpstreamTarget& target) {
  for (unsigned i = 0; i < set.settings().breaker.unanswered_max; ++i) {
    set.not_connected(target, start, start);
  }
}

TEST(UpstreamTakeover, ATargetThatStaysKeepsWhatWasLearntOfIt) {
  config::UpstreamSettings settings =
      settings_with({target_at("127.0.0.1", 1), target_at("127.0.0.1", 2)});
  UpstreamSet before(settings, endpoints, start);
  silence(before, *before.targets()[0]);
  before.targets()[1]->set_active_health(false);
  ASSERT_FALSE(before.targets()[0]->breaker().closed());
  settings.timeout = std::chrono::seconds(5);
  settings.targets.push_back(target_at("127.0.0.1", 3));
  const UpstreamSet after = takes_over(settings, before);
  ASSERT_EQ(after.targets().size(), 3U);
  EXPECT_FALSE(after.targets()[0]->breaker().closed());
  EXPECT_FALSE(after.targets()[1]->active_health());
  EXPECT_TRUE(after.targets()[2]->active_health());
  EXPECT_EQ(after.settings().timeout, std::chrono::seconds(5));
}

TEST(UpstreamTakeover, OtherBoundsOfTheBreakerBeginAnewButHealthStays) {
  config::UpstreamSettings settings = settings_with({target_at("127.0.0.1", 1)});
  UpstreamSet before(settings, endpoints, start);
  silence(before, *before.targets()[0]);
  before.targets()[0]->set_active_health(false);
  settings.breaker.mode = config::LoopMode::shadow;
  const UpstreamSet after = takes_over(settings, before);
  EXPECT_TRUE(after.targets()[0]->breaker().closed());
  EXPECT_FALSE(after.targets()[0]->active_health());
}

TEST(UpstreamTakeover, WithoutActiveChecksNobodyStaysUnhealthy) {
  config::UpstreamSettings settings = settings_with({target_at("127.0.0.1", 1)});
  UpstreamSet before(settings, endpoints, start);
  before.targets()[0]->set_active_health(false);
  settings.health.path.clear();
  EXPECT_TRUE(takes_over(settings, before).targets()[0]->active_health());
}

TEST(UpstreamTakeover, ANameThatIsKnownIsNotLookedUp) {
  const FoundAddresses found{{nowhere + ":1", {SocketAddress{{}, 16}}}};
  const UpstreamSet numeric(settings_with({target_at("127.0.0.1", 1)}), endpoints, start);
  config::UpstreamSettings settings = settings_with({target_at(nowhere, 1)});
  ASSERT_EQ(numeric.unknown(settings).size(), 1U);
  const UpstreamSet before = takes_over(settings, numeric, found);
  EXPECT_TRUE(before.unknown(settings).empty());
  settings.timeout = std::chrono::seconds(5);
  settings.targets[0].host_header = "other";
  settings.breaker.mode = config::LoopMode::off;
  EXPECT_EQ(takes_over(settings, before).targets()[0]->address_count(), 1U) << "and not refused";
  settings.targets[0].address.port = 2;
  EXPECT_EQ(before.unknown(settings).size(), 1U);
  EXPECT_THROW(takes_over(settings, before), std::runtime_error);
}

TEST(UpstreamTakeover, AddressesAndPathsAreNeverUnknown) {
  const UpstreamSet before(settings_with({target_at("127.0.0.1", 1)}), endpoints, start);
  config::UpstreamTarget path;
  path.address.unix_path = "/run/app.sock";
  EXPECT_TRUE(
      before.unknown(settings_with({target_at("192.0.2.1", 1), target_at("2001:db8::1", 1), path}))
          .empty());
}

}  // namespace
}  // namespace homeostat::proxy
