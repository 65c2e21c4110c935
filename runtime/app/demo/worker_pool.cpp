#include "runtime/app/demo/worker_pool.hpp"

#include <utility>

namespace homeostat::demo {

WorkerPool::WorkerPool(unsigned threads, std::size_t backlog_max) : backlog_max_(backlog_max) {
  threads_.reserve(threads);
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  {
    const std::lock_guard lock(pause_mutex_);
    pauses_end_ = true;
  }
  job_ready_.notify_all();
  pause_over_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool WorkerPool::submit(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || jobs_.size() >= backlog_max_) {
      refused_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
    jobs_.push_back(std::move(job));
  }
  job_ready_.notify_one();
  return true;
}

void WorkerPool::pause(std::chrono::milliseconds duration) {
  std::unique_lock lock(pause_mutex_);
  pause_over_.wait_for(lock, duration, [this] { return pauses_end_; });
}

std::size_t WorkerPool::backlog() const {
  const std::lock_guard lock(mutex_);
  return jobs_.size();
}

void WorkerPool::work() {
  for (;;) {
    std::function<void()> job;
    {
      std::unique_lock lock(mutex_);
      job_ready_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (stopping_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job();
    completed_.fetch_add(1, std::memory_order_relaxed);
  }
}

}  // namespace homeostat::demo
