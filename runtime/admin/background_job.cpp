#include "runtime/admin/background_job.hpp"

#include <system_error>
#include <utility>

#include "runtime/ports/low_priority.hpp"

namespace homeostat::admin {

bool BackgroundJob::start(Work work) {
  if (busy_ || cancelled_) return false;
  if (thread_.joinable()) thread_.join();  // it has ended, or is about to
  busy_ = true;
  try {
    thread_ = std::thread([this, work = std::move(work)]() mutable {
      lower_thread_priority();
      std::function<void()> finish = work(cancelled_);
      // Whoever waits belongs to the admin thread: the last hold on him must not be here.
      work = nullptr;
      busy_ = false;
      post_(std::move(finish));
    });
  } catch (const std::system_error&) {
    busy_ = false;
    return false;
  }
  return true;
}

void BackgroundJob::stop() noexcept {
  cancelled_ = true;
  if (thread_.joinable()) thread_.join();
}

}  // namespace homeostat::admin
