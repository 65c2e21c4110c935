#include "runtime/compress/compress_pool.hpp"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <new>
#include <utility>

#include "runtime/compress/gzip_encoder.hpp"

namespace homeostat::compress {
namespace {

constexpr unsigned threads_max = 16;
constexpr int lowest_nice = 19;

/// This thread yields to the workers whenever the CPU is short. Failure (e.g.
/// a seccomp filter) only costs the priority.
void lower_priority() noexcept {
  sched_param none{};
  if (pthread_setschedparam(pthread_self(), SCHED_BATCH, &none) != 0) return;
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), lowest_nice);
}

void add(std::atomic<std::uint64_t>& counter, std::uint64_t value) noexcept {
  counter.fetch_add(value, std::memory_order_relaxed);
}

}  // namespace

CompressPool::CompressPool(const CompressPoolOptions& options) : options_(options) {
  options_.threads = std::clamp(options_.threads, 1U, threads_max);
  threads_.reserve(options_.threads);
  try {
    for (unsigned i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { work(); });
  } catch (...) {
    shutdown();  // no thread may outlive a failed constructor
    throw;
  }
}

CompressPool::~CompressPool() { shutdown(); }

bool CompressPool::submit(CompressJob job) {
  bool accepted = false;
  if (job.done) {
    const std::lock_guard lock(mutex_);
    // Subtracting first keeps the comparison from overflowing.
    accepted = !stopping_ && queue_.size() < options_.queue_max &&
               job.input.size() <= options_.queue_bytes_max - queued_bytes_;
    if (accepted) {
      queued_bytes_ += job.input.size();
      queue_.push_back(std::move(job));
    }
  }
  if (accepted) {
    wake_.notify_one();
  } else {
    add(refused_, 1);
  }
  return accepted;
}

void CompressPool::shutdown() noexcept {
  std::deque<CompressJob> dropped;  // destroyed outside the lock
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped.swap(queue_);
    queued_bytes_ = 0;
  }
  dropped.clear();  // before joining: a running job may take its time
  wake_.notify_all();
  const std::lock_guard join_lock(join_mutex_);
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

CompressFigures CompressPool::figures() const noexcept {
  CompressFigures figures;
  figures.jobs = jobs_.load(std::memory_order_relaxed);
  figures.failed = failed_.load(std::memory_order_relaxed);
  figures.refused = refused_.load(std::memory_order_relaxed);
  figures.bytes_in = bytes_in_.load(std::memory_order_relaxed);
  figures.bytes_out = bytes_out_.load(std::memory_order_relaxed);
  return figures;
}

void CompressPool::work() noexcept {
  lower_priority();
  GzipPool pool(1);
  for (;;) {
    CompressJob job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      job = std::move(queue_.front());
      queue_.pop_front();
      queued_bytes_ -= job.input.size();
    }
    run(job, pool);
  }
}

void CompressPool::run(CompressJob& job, GzipPool& pool) {
  std::string output;
  bool ok = false;
  try {
    ok = gzip_all(pool, job.input, job.level, output);
  } catch (const std::bad_alloc&) {
    output.clear();  // the object stays uncompressed
  }
  add(ok ? jobs_ : failed_, 1);
  if (ok) {
    add(bytes_in_, job.input.size());
    add(bytes_out_, output.size());
  }
  job.done(ok, output);
}

}  // namespace homeostat::compress
