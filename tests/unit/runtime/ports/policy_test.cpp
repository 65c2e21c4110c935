// What a request gets of actions that apply to a share of the requests.
#include "runtime/ports/policy.hpp"

#include <gtest/gtest.h>

namespace homeostat {
namespace {

TEST(EndpointPolicy, TellsTheSidesOfATrialApartByChance) {
  EndpointPolicy policy;
  EXPECT_FALSE(policy.divides());
  policy.ttl_multiplier = 2;
  policy.ttl_share = policy.measured_share = 0.25;
  EXPECT_TRUE(policy.divides());
  EXPECT_EQ(policy.draw(0.24).arm, Arm::treated);
  EXPECT_TRUE(policy.extends_lifetime(policy.draw(0.24)));
  EXPECT_EQ(policy.draw(0.25).arm, Arm::control);
  EXPECT_FALSE(policy.extends_lifetime(policy.draw(0.25)));
  policy.measured_share = 0;
  EXPECT_EQ(policy.draw(0.1).arm, Arm::none) << "widened without a comparison";
}

TEST(EndpointPolicy, OnlyLongerLifetimesDependOnTheRequest) {
  EndpointPolicy policy;
  EXPECT_FALSE(policy.extends_lifetime({}));
  policy.ttl_multiplier = 0.5;
  EXPECT_FALSE(policy.extends_lifetime({}));
  policy.ttl_multiplier = 2;
  EXPECT_TRUE(policy.extends_lifetime({}));
}

TEST(CachePolicy, GivesCompressionOnlyToItsShare) {
  CachePolicy policy;
  policy.endpoints.resize(3);
  policy.endpoints[2].compress = true;
  policy.endpoints[2].compress_share = 0.5;
  EXPECT_EQ(policy.compression_of(2, {0.4, Arm::none}).compress, true);
  EXPECT_FALSE(policy.compression_of(2, {0.6, Arm::none}).compress.has_value());
  EXPECT_FALSE(policy.compression_of(1, {}).compress.has_value());
  EXPECT_FALSE(policy.compression_of(9, {}).compress.has_value());
}

}  // namespace
}  // namespace homeostat
