// The background pool: variants of stored bodies are made away from the
// workers, at low priority.
//
// A job's recipe decodes, tightens and encodes, in that order, each step only
// if asked for. Contract: submit() never blocks; it refuses when the queue or
// the bytes it holds are at their bound, and the object simply stays as it is. A
// job's `done` runs on the pool's thread exactly once, unless the job was refused
// or shutdown() dropped it before it began (then it is destroyed without running).
// Thread safety: submit(), figures(), costs() and shutdown() from any thread.
// Ownership: the pieces are shared through `owner`, so that they outlive the job.
// Bounds: queue_max jobs, queue_bytes_max bytes of input; a job in work holds
// its output and, where needed, one copy of its input.
#pragma once

#include <array>
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

#include "config/settings/cache.hpp"
#include "rules/laws/coding.hpp"
#include "runtime/compress/cost_table.hpp"
#include "runtime/compress/decoder.hpp"
#include "runtime/ports/clock.hpp"

namespace homeostat::compress {

/// A variant must earn its memory: at most this share of what is sent without it.
inline constexpr double worthwhile_ratio = 0.9;

struct Recipe {
  rules::Coding source = rules::Coding::identity;  ///< what the pieces are encoded with
  config::JsonSettings json = {};                  ///< applied to the decoded text
  rules::Coding target = rules::Coding::identity;
  int effort = 1;  ///< 1..9, with a target other than identity
  std::size_t decoded_bytes_max = 16 * 1024 * 1024;
};

enum class JobResult : std::uint8_t {
  done,
  not_worthwhile,  ///< larger than worthwhile_ratio allows
  not_json,        ///< only tightening was asked for, and it is no JSON
  undecodable,     ///< broken, or beyond a bound of DecodeLimits
  failed           ///< no memory
};

struct CompressJob {
  std::vector<std::string_view> pieces;  ///< the body
  std::shared_ptr<const void> owner;     ///< keeps them alive
  Recipe recipe;
  /// With `done` the string is the new body and may be moved from. Must not
  /// throw and must not call shutdown().
  std::function<void(JobResult result, std::string& output)> done;
};

struct CompressPoolOptions {
  unsigned threads = 1;  ///< 1..16
  std::size_t queue_max = 64;
  std::size_t queue_bytes_max = 64 * 1024 * 1024;
};

/// Totals of one coding since the start.
struct CodingFigures {
  std::uint64_t variants = 0;  ///< encoded and worth it
  std::uint64_t bytes_in = 0, bytes_out = 0;
  std::uint64_t nanoseconds = 0;
};

/// Totals since the start.
struct CompressFigures {
  std::array<CodingFigures, rules::coding_count> codings;  ///< identity unused
  std::uint64_t not_worthwhile = 0, failed = 0;
  std::uint64_t refused = 0;  ///< the queue was full
  std::uint64_t decoded_bytes = 0;
  std::array<std::uint64_t, 6> decode_results{};  ///< by DecodeResult
  std::uint64_t tightened = 0, tightened_bytes_in = 0, tightened_bytes_out = 0;
  std::uint64_t not_json = 0;
};

class CompressPool {
 public:
  explicit CompressPool(const Clock& clock, const CompressPoolOptions& options = {});
  ~CompressPool();  ///< shutdown()
  CompressPool(const CompressPool&) = delete;
  CompressPool& operator=(const CompressPool&) = delete;

  /// False: refused (full, shut down, or a job without `done`).
  [[nodiscard]] bool submit(CompressJob job);
  /// Drops waiting jobs, lets running ones finish, joins the threads. Idempotent.
  void shutdown() noexcept;
  [[nodiscard]] CompressFigures figures() const;
  /// What building stored variants cost here.
  [[nodiscard]] const CostTable& costs() const noexcept { return costs_; }

 private:
  void work() noexcept;
  void run(CompressJob& job);
  [[nodiscard]] JobResult make(const CompressJob& job, std::string_view input, std::string& output);
  [[nodiscard]] JobResult encode(const Recipe& recipe, std::string_view text, std::size_t bytes_max,
                                 std::string& output);
  [[nodiscard]] bool tighten(const Recipe& recipe, std::string_view text, std::string& output);
  [[nodiscard]] bool decode(const Recipe& recipe, std::string_view input, std::string& output);

  const Clock& clock_;
  CompressPoolOptions options_;
  CostTable costs_{rules::CompressionUse::stored};
  std::mutex mutex_;  // guards queue_, queued_bytes_, stopping_
  std::condition_variable wake_;
  std::deque<CompressJob> queue_;
  std::size_t queued_bytes_ = 0;
  bool stopping_ = false;
  std::mutex join_mutex_;  // one joiner at a time
  std::vector<std::thread> threads_;
  mutable std::mutex figures_mutex_;
  CompressFigures figures_;  // guarded by figures_mutex_
};

}  // namespace homeostat::compress
