// What compression is worth, as the management API and the metrics tell.
#include <gtest/gtest.h>

#include "tests/e2e/compression_support.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

class CompressionRatio : public ::testing::TestWithParam<Coding> {
 protected:
  std::string name_{rules::coding_name(GetParam())};
  std::string accept_ = accept(GetParam());
  ScriptedOrigin origin_;
};
INSTANTIATE_TEST_SUITE_P(EachCoding, CompressionRatio, ::testing::ValuesIn(rules::encoded_codings),
                         [](const auto& each) {
                           return std::string(rules::coding_name(each.param));
                         });

TEST_P(CompressionRatio, IsThatOfTheBytesWhichWereCompressed) {
  const std::string text = text_of(20000);
  origin_.answer("/kept", 200, kept + type, text);
  origin_.answer("/passed", 200, type, text);
  RunningAgent agent(compressing(origin_, "mode: on, level: 5"));
  const auto ratio = [&] {
    const std::string stats = agent.admin("GET", "/api/v1/cache/stats").body;
    const std::size_t at = stats.find("\"compression_ratio\"");
    const std::string_view value = std::string_view(stats).substr(stats.find(':', at) + 1);
    return value.find("null") < value.find_first_of(",}\n") ? -1 : std::stod(std::string(value));
  };
  EXPECT_EQ(ratio(), -1) << "nothing was compressed yet";
  const std::size_t streamed = agent.get("/passed", accept_).body.size();
  ASSERT_EQ(agent.get("/kept").body, text);
  Message hit;
  ASSERT_TRUE(eventually([&] {
    hit = agent.get("/kept", accept_);
    return hit.get("content-encoding") == name_ && is_hit(hit);
  }));
  const auto bytes = [&](const char* which, const char* use) {
    return agent.metric("homeostat_compression_" + std::string(which) + "_bytes_total{coding=\"" +
                        name_ + "\",use=\"" + use + "\"}");
  };
  EXPECT_EQ(bytes("input", "stored"), static_cast<double>(text.size()));
  EXPECT_EQ(bytes("output", "stored"), static_cast<double>(hit.body.size()));
  EXPECT_EQ(
      bytes("output", "stream") - static_cast<double>(streamed),
      bytes("input", "stream") / static_cast<double>(text.size()) * static_cast<double>(streamed) -
          static_cast<double>(streamed))
      << "as many copies as were streamed";
  const double expected = (bytes("output", "stored") + bytes("output", "stream")) /
                          (bytes("input", "stored") + bytes("input", "stream"));
  EXPECT_NEAR(ratio(), expected, 1e-6);
  EXPECT_LT(expected, 0.5);
}

}  // namespace
}  // namespace homeostat::test
