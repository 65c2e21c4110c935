// Counts living actors, so that a stop can wait for the last one with a
// deadline. (~actor_system waits as well, but for ever.)
//
// Thread safety: all methods from any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace homeostat::actors {

class LifeCount {
 public:
  void enter() {
    const std::lock_guard lock(mutex_);
    ++living_;
  }
  void leave() {
    const std::lock_guard lock(mutex_);
    --living_;
    if (living_ == 0) empty_.notify_all();
  }
  /// False when somebody still lives after `deadline`.
  [[nodiscard]] bool wait_until_empty(std::chrono::milliseconds deadline) {
    std::unique_lock lock(mutex_);
    return empty_.wait_for(lock, deadline, [this] { return living_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable empty_;
  std::size_t living_ = 0;
};

}  // namespace homeostat::actors
