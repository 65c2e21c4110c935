#include "runtime/app/end_bound.hpp"

#include <utility>

namespace homeostat::app {

void EndBound::arm(std::chrono::milliseconds patience, std::function<void()> expired) {
  if (waiting_.joinable()) return;
  waiting_ = std::jthread([this, patience, expired = std::move(expired)](std::stop_token stop) {
    std::unique_lock lock(mutex_);
    over_.wait_for(lock, stop, patience, [] { return false; });
    if (!stop.stop_requested()) expired();
  });
}

}  // namespace homeostat::app
