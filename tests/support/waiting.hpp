// Ways for tests to wait for something that happens, never for time to pass.
//
// Signal: one thread waits for what another does. eventually(): asks again
// and again where nobody can be told, e.g. an HTTP endpoint. Both give up after a
// time that only a real defect runs into.
// Thread safety: Signal may be used from any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace homeostat::test {

inline constexpr std::chrono::seconds wait_patience{15};
/// Whoever holds something until a signal comes holds it while the test waits for several
/// other things, one after the other.
inline constexpr std::chrono::seconds signal_patience{60};

class Signal {
 public:
  void set() {
    const std::lock_guard lock(mutex_);
    set_ = true;
    changed_.notify_all();
  }
  /// False when it did not come in time.
  bool wait() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, signal_patience, [this] { return set_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool set_ = false;
};

/// Calls `predicate` until it is true, at most `patience / pause` times.
template <class Predicate>
[[nodiscard]] bool eventually(Predicate predicate, std::chrono::seconds patience = wait_patience) {
  constexpr std::chrono::milliseconds pause{20};
  std::mutex mutex;
  std::condition_variable never;
  for (int attempts = static_cast<int>(patience / pause); attempts > 0; --attempts) {
    if (predicate()) return true;
    std::unique_lock lock(mutex);
    never.wait_for(lock, pause);
  }
  return predicate();
}

}  // namespace homeostat::test
