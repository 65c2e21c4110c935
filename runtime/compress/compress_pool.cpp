#include "runtime/compress/compress_pool.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "runtime/compress/json_tightener.hpp"
#include "runtime/compress/whole_encoder.hpp"
#include "runtime/ports/low_priority.hpp"

namespace homeostat::compress {
namespace {

constexpr unsigned threads_max = 16;

std::size_t size_of(const std::vector<std::string_view>& pieces) noexcept {
  std::size_t bytes = 0;
  for (const std::string_view piece : pieces) bytes += piece.size();
  return bytes;
}

}  // namespace

CompressPool::CompressPool(const Clock& clock, const CompressPoolOptions& options)
    : clock_(clock), options_(options) {
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
  const std::size_t bytes = size_of(job.pieces);
  if (job.done) {
    const std::lock_guard lock(mutex_);
    // Subtracting first keeps the comparison from overflowing.
    accepted = !stopping_ && queue_.size() < options_.queue_max &&
               bytes <= options_.queue_bytes_max - queued_bytes_;
    if (accepted) {
      queued_bytes_ += bytes;
      queue_.push_back(std::move(job));
    }
  }
  if (accepted) {
    wake_.notify_one();
  } else {
    const std::lock_guard lock(figures_mutex_);
    ++figures_.refused;
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

CompressFigures CompressPool::figures() const {
  const std::lock_guard lock(figures_mutex_);
  return figures_;
}

void CompressPool::work() noexcept {
  lower_thread_priority();
  for (;;) {
    CompressJob job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      job = std::move(queue_.front());
      queue_.pop_front();
      queued_bytes_ -= size_of(job.pieces);
    }
    run(job);
  }
}

void CompressPool::run(CompressJob& job) {
  std::string output;
  JobResult result = JobResult::failed;
  try {
    std::string joined;
    std::string_view input = job.pieces.empty() ? std::string_view{} : job.pieces.front();
    if (job.pieces.size() > 1) {
      joined.reserve(size_of(job.pieces));
      for (const std::string_view piece : job.pieces) joined += piece;
      input = joined;
    }
    result = make(job, input, output);
  } catch (const std::bad_alloc&) {
    output.clear();  // the object stays as it is
  }
  {
    const std::lock_guard lock(figures_mutex_);
    if (result == JobResult::not_worthwhile) ++figures_.not_worthwhile;
    if (result == JobResult::failed) ++figures_.failed;
  }
  job.done(result, output);
}

JobResult CompressPool::make(const CompressJob& job, std::string_view input, std::string& output) {
  const Recipe& recipe = job.recipe;
  const auto worthwhile =
      static_cast<std::size_t>(static_cast<double>(input.size()) * worthwhile_ratio);
  std::string decoded;
  std::string_view text = input;
  if (recipe.source != rules::Coding::identity) {
    if (!decode(recipe, input, decoded)) return JobResult::undecodable;
    text = decoded;
  }
  std::string tight;
  const bool tightened = recipe.json.any() && tighten(recipe, text, tight);
  if (tightened) text = tight;
  if (recipe.target != rules::Coding::identity) return encode(recipe, text, worthwhile, output);
  if (recipe.source != rules::Coding::identity) {
    output = std::move(tightened ? tight : decoded);  // needed, whatever its size
    return JobResult::done;
  }
  if (!tightened) return JobResult::not_json;
  if (tight.size() > worthwhile) return JobResult::not_worthwhile;
  output = std::move(tight);
  return JobResult::done;
}

JobResult CompressPool::encode(const Recipe& recipe, std::string_view text, std::size_t bytes_max,
                               std::string& output) {
  const Instant start = clock_.now();
  const bool ok = encode_whole(recipe.target, recipe.effort, text, bytes_max, output);
  const Duration took = clock_.now() - start;
  if (!ok) return JobResult::not_worthwhile;
  costs_.add(recipe.target, recipe.effort, text.size(), output.size(),
             std::chrono::duration<double, std::nano>(took).count());
  const std::lock_guard lock(figures_mutex_);
  CodingFigures& figures = figures_.codings[rules::index_of(recipe.target)];
  ++figures.variants;
  figures.bytes_in += text.size();
  figures.bytes_out += output.size();
  figures.nanoseconds += static_cast<std::uint64_t>(std::chrono::nanoseconds(took).count());
  return JobResult::done;
}

bool CompressPool::tighten(const Recipe& recipe, std::string_view text, std::string& output) {
  const bool ok = tighten_json(text, recipe.json, output);
  const std::lock_guard lock(figures_mutex_);
  if (!ok) {
    ++figures_.not_json;
    return false;
  }
  ++figures_.tightened;
  figures_.tightened_bytes_in += text.size();
  figures_.tightened_bytes_out += output.size();
  return true;
}

bool CompressPool::decode(const Recipe& recipe, std::string_view input, std::string& output) {
  DecodeLimits limits;
  limits.bytes_max = recipe.decoded_bytes_max;
  // By the time this thread really works: at its priority a busy machine may keep it
  // waiting for seconds, which says nothing about the body.
  const DecodeResult result =
      decode_whole(recipe.source, input, limits, ThreadClock::instance(), output);
  const std::lock_guard lock(figures_mutex_);
  ++figures_.decode_results[static_cast<std::size_t>(result)];
  if (result != DecodeResult::ok) return false;
  figures_.decoded_bytes += output.size();
  return true;
}

}  // namespace homeostat::compress
