// What one worker counts about compression: single writer, any reader.
//
// Thread safety: add() on the worker's thread, total() from any thread; relaxed,
// because each figure stands by itself.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "rules/laws/coding.hpp"

namespace homeostat::proxy {

/// Totals of one coding; identity stands for tightened JSON.
struct CompressionTotals {
  std::uint64_t streams = 0;  ///< responses encoded while they streamed
  std::uint64_t stream_bytes_in = 0, stream_bytes_out = 0;
  std::uint64_t stream_nanoseconds = 0;
  std::uint64_t variants_sent = 0;  ///< responses from stored variants
  std::uint64_t saved_bytes = 0;    ///< not sent, thanks to either
  std::uint64_t not_json = 0;       ///< streams that were to be tightened, and were no JSON

  void add(const CompressionTotals& other) noexcept {
    streams += other.streams;
    stream_bytes_in += other.stream_bytes_in;
    stream_bytes_out += other.stream_bytes_out;
    stream_nanoseconds += other.stream_nanoseconds;
    variants_sent += other.variants_sent;
    saved_bytes += other.saved_bytes;
    not_json += other.not_json;
  }
};

using CompressionFigures = std::array<CompressionTotals, rules::coding_count>;

class CompressionTally {
 public:
  /// A whole streamed response, when it ended.
  void streamed(rules::Coding coding, std::uint64_t bytes_in, std::uint64_t bytes_out,
                std::uint64_t nanoseconds) noexcept {
    Row& row = rows_[rules::index_of(coding)];
    add(row.streams, 1);
    add(row.stream_bytes_in, bytes_in);
    add(row.stream_bytes_out, bytes_out);
    add(row.stream_nanoseconds, nanoseconds);
    if (bytes_in > bytes_out) add(row.saved_bytes, bytes_in - bytes_out);
  }
  /// A stream that was to be tightened turned out to be something else.
  void not_json() noexcept { add(rows_[rules::index_of(rules::Coding::identity)].not_json, 1); }
  void variant_sent(rules::Coding coding, std::uint64_t saved) noexcept {
    Row& row = rows_[rules::index_of(coding)];
    add(row.variants_sent, 1);
    add(row.saved_bytes, saved);
  }
  void add_to(CompressionFigures& figures) const noexcept {
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const Row& row = rows_[i];
      figures[i].add({row.streams.load(std::memory_order_relaxed),
                      row.stream_bytes_in.load(std::memory_order_relaxed),
                      row.stream_bytes_out.load(std::memory_order_relaxed),
                      row.stream_nanoseconds.load(std::memory_order_relaxed),
                      row.variants_sent.load(std::memory_order_relaxed),
                      row.saved_bytes.load(std::memory_order_relaxed),
                      row.not_json.load(std::memory_order_relaxed)});
    }
  }

 private:
  using Counter = std::atomic<std::uint64_t>;
  struct Row {
    Counter streams{0}, stream_bytes_in{0}, stream_bytes_out{0}, stream_nanoseconds{0},
        variants_sent{0}, saved_bytes{0}, not_json{0};
  };
  static void add(Counter& counter, std::uint64_t value) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
  }
  std::array<Row, rules::coding_count> rows_;
};

}  // namespace homeostat::proxy
