// Streaming encoders for gzip, brotli and zstd behind one handle, with a pool
// of reusable states and a bound on their memory.
//
// Purpose: turn body pieces into encoded pieces, appended to the caller's
// buffer. With `flush` the output can be decoded up to the last input byte at
// once, so that streamed data is not held back.
//
// Memory: state_bytes() says what one state holds. All states of all pools,
// idle ones too, count in one EncoderBudget; acquire() gives an invalid encoder
// when it is spent. Windows are 32 KiB (gzip) or at most 256 KiB: what a reader
// of a stream has to keep as well.
// Thread safety: EncoderBudget any thread; a pool and its encoders one thread.
// Errors: an encoder without memory reports !valid() and write() returns false;
// the caller then sends the body as it is.
// Source: RFC 1952 (zlib), RFC 7932 (libbrotli), RFC 8878 (libzstd).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/laws/coding.hpp"

namespace homeostat::compress {

using rules::Coding;

enum class Flush : unsigned char { none, sync };

/// Bytes of encoder states, shared by all pools.
class EncoderBudget {
 public:
  explicit EncoderBudget(std::size_t bytes_max) noexcept : max_(bytes_max) {}
  [[nodiscard]] bool reserve(std::size_t bytes) noexcept;
  void release(std::size_t bytes) noexcept { used_.fetch_sub(bytes, std::memory_order_relaxed); }
  [[nodiscard]] std::size_t used() const noexcept { return used_.load(std::memory_order_relaxed); }
  /// How often a stream went uncompressed for want of memory.
  [[nodiscard]] std::uint64_t refused() const noexcept {
    return refused_.load(std::memory_order_relaxed);
  }

 private:
  const std::size_t max_;
  std::atomic<std::size_t> used_{0};
  std::atomic<std::uint64_t> refused_{0};
};

class EncoderPool;
class EncoderState;

/// One encoded stream. Returns its state to the pool on destruction.
/// REQUIRES: the pool outlives it.
class Encoder {
 public:
  Encoder() noexcept;  ///< !valid()
  ~Encoder();
  Encoder(Encoder&& other) noexcept;
  Encoder& operator=(Encoder&& other) noexcept;

  [[nodiscard]] bool valid() const noexcept { return state_ != nullptr; }

  /// Encodes `input` and appends what comes out to `out`.
  [[nodiscard]] bool write(std::string_view input, std::string& out, Flush flush = Flush::none);
  /// Appends the end of the stream; further writes fail.
  [[nodiscard]] bool finish(std::string& out);

  [[nodiscard]] std::size_t bytes_in() const noexcept { return bytes_in_; }
  [[nodiscard]] std::size_t bytes_out() const noexcept { return bytes_out_; }

 private:
  friend class EncoderPool;
  Encoder(EncoderPool* pool, std::unique_ptr<EncoderState> state) noexcept;
  void release() noexcept;

  EncoderPool* pool_ = nullptr;
  std::unique_ptr<EncoderState> state_;
  bool finished_ = false;
  std::size_t bytes_in_ = 0;
  std::size_t bytes_out_ = 0;
};

class EncoderPool {
 public:
  explicit EncoderPool(EncoderBudget& budget, std::size_t idle_max = 4);
  ~EncoderPool();
  EncoderPool(const EncoderPool&) = delete;
  EncoderPool& operator=(const EncoderPool&) = delete;

  /// A fresh stream. `effort` 1..9, clamped; `length` of the body if known, for
  /// the size of the window. Identity gives an invalid encoder.
  [[nodiscard]] Encoder acquire(Coding coding, int effort,
                                std::optional<std::uint64_t> length = {});

  [[nodiscard]] std::size_t idle() const noexcept { return idle_.size(); }
  /// Frees idle states, e.g. when memory is short.
  void trim() noexcept;

 private:
  friend class Encoder;
  void give_back(std::unique_ptr<EncoderState> state) noexcept;

  EncoderBudget& budget_;
  std::size_t idle_max_;
  std::vector<std::unique_ptr<EncoderState>> idle_;
};

/// What one streaming state holds, in bytes; an upper bound.
[[nodiscard]] std::size_t state_bytes(Coding coding, int effort) noexcept;

}  // namespace homeostat::compress
