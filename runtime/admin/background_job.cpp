#include "runtime/admin/background_job.hpp"

#include <system_error>
#include <utility>

#include "runtime/ports/low_priority.hpp"

namespace homeostat::admin {

bool BackgroundJob::start(Work work, std::shared_ptr<std::atomic<bool>> cancelled) {
  if (busy_ || stopped_) return false;
  if (thread_.joinable()) thread_.join();  // it has ended, or is about to
  busy_ = true;
  cancelled_ = std::move(cancelled);
  try {
    thread_ = std::thread([this, work = std::move(work), flag = cancelled_]() mutable {
      lower_thread_priority();
      std::function<void()> finish = work(*flag);
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
  stopped_ = true;
  if (cancelled_) *cancelled_ = true;
  if (thread_.joinable()) thread_.join();
}

}  // namespace homeostat::admin
