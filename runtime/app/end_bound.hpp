// The longest that ending may take.
//
// A clean-up waits for threads, and those may wait for what hangs: a name server, a disk, a
// reader of logs. Once armed, `expired` runs on a thread of its own when the time is over,
// unless this is destroyed before.
//
// Thread safety: arm() from one thread, once; later calls do nothing.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

namespace homeostat::app {

class EndBound {
 public:
  void arm(std::chrono::milliseconds patience, std::function<void()> expired);

 private:
  std::mutex mutex_;
  std::condition_variable_any over_;
  std::jthread waiting_;  ///< last: ends before what it waits on
};

}  // namespace homeostat::app
