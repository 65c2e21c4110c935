#include "runtime/app/demo/worker_pool.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <vector>

namespace homeostat::demo {
namespace {

constexpr std::chrono::seconds patience{20};

TEST(WorkerPool, RefusesWhenTheBacklogIsFull) {
  std::promise<void> release, begun;
  const std::shared_future<void> released = release.get_future().share();
  WorkerPool pool(1, 2);
  ASSERT_TRUE(pool.submit([&] {
    begun.set_value();
    released.wait();
  }));
  ASSERT_EQ(begun.get_future().wait_for(patience), std::future_status::ready);
  EXPECT_TRUE(pool.submit([] {}));
  EXPECT_TRUE(pool.submit([] {}));
  EXPECT_FALSE(pool.submit([] {}));
  EXPECT_EQ(pool.backlog(), 2U);
  EXPECT_EQ(pool.refused(), 1U);
  release.set_value();
}

TEST(WorkerPool, WorksInOrderOfArrival) {
  std::promise<void> done;
  std::vector<int> order;
  WorkerPool pool(1, 100);
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(pool.submit([&order, &done, i] {
      order.push_back(i);
      if (i == 49) done.set_value();
    }));
  }
  ASSERT_EQ(done.get_future().wait_for(patience), std::future_status::ready);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST(WorkerPool, RunsAsManyJobsAtOnceAsItHasThreads) {
  WorkerPool pool(3, 10);
  std::vector<std::promise<void>> begun(3);
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  for (auto& promise : begun) {
    ASSERT_TRUE(pool.submit([&promise, released] {
      promise.set_value();
      released.wait();
    }));
  }
  for (auto& promise : begun) {
    EXPECT_EQ(promise.get_future().wait_for(patience), std::future_status::ready);
  }
  release.set_value();
}

TEST(WorkerPool, StoppingEndsAPauseAndDropsTheRest) {
  std::promise<void> begun;
  auto pool = std::make_unique<WorkerPool>(1, 10);
  WorkerPool& used = *pool;
  bool dropped_ran = false;
  ASSERT_TRUE(used.submit([&] {
    begun.set_value();
    used.pause(std::chrono::hours(1));
  }));
  ASSERT_TRUE(used.submit([&] { dropped_ran = true; }));
  ASSERT_EQ(begun.get_future().wait_for(patience), std::future_status::ready);
  auto ended = std::async(std::launch::async, [&] { pool.reset(); });
  ASSERT_EQ(ended.wait_for(patience), std::future_status::ready);
  EXPECT_FALSE(dropped_ran);
}

}  // namespace
}  // namespace homeostat::demo
