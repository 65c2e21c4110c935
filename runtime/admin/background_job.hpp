// One piece of work at a time on a thread of its own, for what would hold up the admin
// thread: policy watchdog, health checks and alerts run there as well.
//
// Thread safety: the admin thread's, but stop(), which the owner may call once the admin
// thread has ended. Ownership: what the work refers to must outlive stop() or the work.
// Bounds: one thread of lowest priority while there is work.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <utility>

namespace homeostat::admin {

class BackgroundJob {
 public:
  /// Runs something on the admin thread, later.
  using Post = std::function<void(std::function<void()>)>;
  /// Runs on the job's thread and should look at `cancelled` often; what it returns runs on
  /// the admin thread, unless that has ended. Must not throw.
  using Work = std::function<std::function<void()>(const std::atomic<bool>& cancelled)>;

  explicit BackgroundJob(Post post) : post_(std::move(post)) {}
  ~BackgroundJob() { stop(); }
  BackgroundJob(const BackgroundJob&) = delete;
  BackgroundJob& operator=(const BackgroundJob&) = delete;

  [[nodiscard]] bool busy() const noexcept { return busy_; }
  /// `cancelled`: whoever sets it ends the work early. False, and nothing is run: busy, stopped,
  /// or the system has no thread to give.
  [[nodiscard]] bool start(Work work, std::shared_ptr<std::atomic<bool>> cancelled);
  /// Cancels what runs, waits until it has ended, and refuses what comes.
  void stop() noexcept;

 private:
  const Post post_;
  std::thread thread_;
  std::shared_ptr<std::atomic<bool>> cancelled_;  ///< of what runs, or ran last
  std::atomic<bool> busy_{false};
  bool stopped_ = false;
};

}  // namespace homeostat::admin
