// The sample application's threads: a fixed number of them, a bounded queue in
// order of arrival, no cancellation. As in many real servers, work is done even
// when the client has gone meanwhile; that is what makes overload collapse.
//
// Thread safety: submit(), pause() and the counters may be called from any
// thread. Jobs must not throw.
// Bounds: `backlog_max` waiting jobs; submit() refuses further ones.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace homeostat::demo {

class WorkerPool {
 public:
  WorkerPool(unsigned threads, std::size_t backlog_max);
  /// Wakes pausing jobs, drops waiting ones, joins.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// False, changing nothing, when the backlog is full or the pool stops.
  [[nodiscard]] bool submit(std::function<void()> job);

  /// Blocks the calling job as a database call would; returns early when the
  /// pool stops.
  void pause(std::chrono::milliseconds duration);

  [[nodiscard]] std::size_t threads() const noexcept { return threads_.size(); }
  [[nodiscard]] std::size_t backlog() const;
  [[nodiscard]] std::uint64_t completed() const noexcept {
    return completed_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t refused() const noexcept {
    return refused_.load(std::memory_order_relaxed);
  }

 private:
  void work();

  const std::size_t backlog_max_;
  mutable std::mutex mutex_;
  std::condition_variable job_ready_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::mutex pause_mutex_;
  std::condition_variable pause_over_;
  bool pauses_end_ = false;
  std::atomic<std::uint64_t> completed_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::vector<std::thread> threads_;
};

}  // namespace homeostat::demo
