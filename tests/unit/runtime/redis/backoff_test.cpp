#include "runtime/redis/backoff.hpp"

#include <gtest/gtest.h>

namespace homeostat::redis {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, DoublesUpToItsBoundWithJitterAndBeginsAgain) {
  Backoff backoff(50ms, 2s, 7);
  for (const Duration whole : {50ms, 100ms, 200ms, 400ms, 800ms, 1600ms, 2000ms, 2000ms}) {
    const Duration wait = backoff.next();
    EXPECT_GE(wait, whole / 2);
    EXPECT_LE(wait, whole);
  }
  backoff.reset();
  EXPECT_LE(backoff.next(), 50ms);
}

TEST(Backoff, DiffersBetweenAgents) {
  EXPECT_NE(Backoff(1s, 2s, 2).next(), Backoff(1s, 2s, 4).next());
}

}  // namespace
}  // namespace homeostat::redis
