// What a tick tells comes in the order of the rules, however it was worked out.
#include "engine_helpers.hpp"

namespace homeostat::rules::testing {
namespace {

TEST(Order, TransitionsComeByRuleThenByEndpoint) {
  constexpr EndpointId endpoints = 50;  // more than are worked on at once
  Timeline timeline(set_of({rule("slow", "endpoint.latency_p95 > 2s", {ScaleTtl{}}),
                            rule("busy", "cpu.utilization > 90%", {Throttle{0.5}}),
                            rule("slower", "endpoint.latency_p95 > 1s", {Compress{}})}));
  timeline.cpu(0.95);
  for (EndpointId id = 1; id <= endpoints; ++id) timeline.latency(id, 3);
  std::vector<std::pair<std::string, EndpointId>> told, expected;
  for (const Transition& transition : timeline.tick().transitions) {
    told.emplace_back(transition.rule, transition.endpoint.value_or(0));
  }
  for (EndpointId id = 1; id <= endpoints; ++id) expected.emplace_back("slow", id);
  expected.emplace_back("busy", 0);
  for (EndpointId id = 1; id <= endpoints; ++id) expected.emplace_back("slower", id);
  EXPECT_EQ(told, expected);
}

}  // namespace
}  // namespace homeostat::rules::testing
