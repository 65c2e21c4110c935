// Large stored bodies: whole, in order, and what they were when the response began,
// whatever becomes of the stored object meanwhile.
#include <gtest/gtest.h>

#include "tests/e2e/running_agent.hpp"

namespace homeostat::test {
namespace {

constexpr int small_buffer = 4096;  // many short writes for one response

/// Bytes that differ at every place and with `seed`.
std::string body_of(std::size_t bytes, unsigned seed) {
  std::string body(bytes, '\0');
  std::uint32_t state = seed;
  for (char& byte : body) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<char>(state >> 24U);
  }
  return body;
}

class LargeObject : public ::testing::TestWithParam<std::size_t> {};

TEST_P(LargeObject, ArrivesWholeAtFastAndAtSlowClients) {
  const std::string body = body_of(GetParam(), 1);
  ScriptedOrigin origin;
  origin.answer("/large", 200, "Cache-Control: max-age=60\r\n", body);
  RunningAgent agent(origin);
  ASSERT_EQ(agent.get("/large").body, body);
  const Message hit = agent.get("/large");
  EXPECT_NE(hit.get("cache-status").find("hit"), std::string::npos) << hit.get("cache-status");
  EXPECT_TRUE(hit.body == body);
  HttpClient slow(connect_tcp(agent.port(), small_buffer));
  for (int round = 0; round < 2; ++round) EXPECT_TRUE(slow.get("/large").body == body);
}

TEST_P(LargeObject, StaysWhatItWasForAResponseUnderWayWhenItIsReplaced) {
  const std::string before = body_of(GetParam(), 2);
  const std::string after = body_of(GetParam(), 3);
  ScriptedOrigin origin;
  origin.answer("/large", 200, "Cache-Control: max-age=60\r\n", before);
  RunningAgent agent(origin);
  ASSERT_EQ(agent.get("/large").body, before);
  HttpClient slow(connect_tcp(agent.port(), small_buffer));
  ASSERT_TRUE(slow.send(request_text("GET", "/large")));
  ASSERT_TRUE(slow.reader.read_head().has_value());
  origin.answer("/large", 200, "Cache-Control: max-age=60\r\n", after);
  ASSERT_LT(agent.admin("DELETE", "/api/v1/cache/flush").status(), 300);
  for (int round = 0; round < 4; ++round) EXPECT_TRUE(agent.get("/large").body == after);
  EXPECT_TRUE(slow.reader.read_exactly(before.size()) == before);
}

INSTANTIATE_TEST_SUITE_P(Sizes, LargeObject,
                         ::testing::Values(128 * 1024, 300'001, 1024 * 1024, 5'000'003));

}  // namespace
}  // namespace homeostat::test
