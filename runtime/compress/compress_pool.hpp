// Background compression: gzip variants of stored objects are built away from
// the workers, at low priority.
//
// Contract: submit() never blocks; it refuses when the queue or the bytes it
// holds are at their bound, and the object simply stays uncompressed. A job's
// `done` runs on the pool's thread exactly once, unless the job was refused or
// shutdown() dropped it before it began (then it is destroyed without running).
// Thread safety: submit(), figures() and shutdown() may be called from any thread.
// Ownership: `input` is shared so that the source outlives the job.
// Bounds: queue_max jobs, queue_bytes_max bytes of input.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace homeostat::compress {

struct CompressJob {
  std::string_view input;             ///< the identity body
  std::shared_ptr<const void> owner;  ///< keeps `input` alive
  int level = 5;                      ///< zlib 1..9
  /// `ok` is false if zlib failed; the string may be moved from. Must not throw
  /// and must not call shutdown().
  std::function<void(bool ok, std::string& output)> done;
};

struct CompressPoolOptions {
  unsigned threads = 1;  ///< 1..16
  std::size_t queue_max = 64;
  std::size_t queue_bytes_max = 64 * 1024 * 1024;
};

/// Totals since the start.
struct CompressFigures {
  std::uint64_t jobs = 0;  ///< completed
  std::uint64_t failed = 0;
  std::uint64_t refused = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
};

class CompressPool {
 public:
  explicit CompressPool(const CompressPoolOptions& options = {});
  ~CompressPool();  ///< shutdown()
  CompressPool(const CompressPool&) = delete;
  CompressPool& operator=(const CompressPool&) = delete;

  /// False: refused (full, shut down, or a job without `done`).
  [[nodiscard]] bool submit(CompressJob job);
  /// Drops waiting jobs, lets running ones finish, joins the threads. Idempotent.
  void shutdown() noexcept;
  [[nodiscard]] CompressFigures figures() const noexcept;

 private:
  void work() noexcept;
  void run(CompressJob& job, class GzipPool& pool);

  CompressPoolOptions options_;
  std::mutex mutex_;  // guards queue_, queued_bytes_, stopping_
  std::condition_variable wake_;
  std::deque<CompressJob> queue_;
  std::size_t queued_bytes_ = 0;
  bool stopping_ = false;
  std::mutex join_mutex_;  // one joiner at a time
  std::vector<std::thread> threads_;
  std::atomic<std::uint64_t> jobs_{0}, failed_{0}, refused_{0}, bytes_in_{0}, bytes_out_{0};
};

}  // namespace homeostat::compress
