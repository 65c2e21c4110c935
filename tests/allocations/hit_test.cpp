// A stored response is served without allocating: what a hit needs is there before.
#include <gtest/gtest.h>

#include "tests/allocations/worker_allocations.hpp"
#include "tests/e2e/running_agent.hpp"

namespace homeostat::test {
namespace {

constexpr const char* fields = "Cache-Control: max-age=600\r\nETag: \"one\"\r\n";

class Hit : public testing::Test {
 protected:
  Hit() {
    origin_.answer("/small", 200, fields, std::string(1024, 's'));
    origin_.answer("/large", 200, fields, std::string(256 * 1024, 'l'));
  }

  /// What the workers allocate while one connection asks `often` for the same.
  static std::size_t allocated(HttpClient& client, int often, const std::string& request,
                               int status) {
    const std::size_t before = worker_allocations();
    for (int i = 0; i < often; ++i) {
      EXPECT_TRUE(client.send(request));
      EXPECT_EQ(client.read().status(), status);
    }
    return worker_allocations() - before;
  }

  /// None per hit: only a latency of a new magnitude makes a histogram grow, a few times
  /// in the life of an endpoint.
  void expect_none(const std::string& request, int status) {
    AgentConfig config = config_for(origin_);
    config.workers = 1;
    config.admission = "mode: on";
    RunningAgent agent(config);
    const std::size_t before = worker_allocations();
    HttpClient client(agent.port());
    ASSERT_EQ(client.get("/small").status(), 200);
    // The first ones are stored, become an endpoint and fill the pools.
    (void)allocated(client, 3, request, status);
    ASSERT_GT(worker_allocations(), before) << "the count counts nothing";
    constexpr std::size_t histogram_growth = 40;
    EXPECT_LT(allocated(client, 2000, request, status), histogram_growth);
  }

  ScriptedOrigin origin_;
};

TEST_F(Hit, OfASmallResponseAllocatesNothing) { expect_none(request_text("GET", "/small"), 200); }

TEST_F(Hit, OfALargeResponseAllocatesNothing) { expect_none(request_text("GET", "/large"), 200); }

TEST_F(Hit, ThatIsNotModifiedAllocatesNothing) {
  expect_none(request_text("GET", "/small", "If-None-Match: \"one\"\r\n"), 304);
}

}  // namespace
}  // namespace homeostat::test
