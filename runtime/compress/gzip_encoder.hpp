// Streaming gzip over zlib, with a pool of reusable encoder states.
//
// Purpose: turn body pieces into gzip pieces, appended to the caller's buffer.
// With `flush` the output can be decoded up to the last input byte at once, so
// that streamed data is not held back.
//
// Memory: one state holds about (1 << 17) + (1 << 17) = 256 KiB (window 15
// bits, memory level 8, zlib's formula (1<<(wbits+2)) + (1<<(memLevel+9))).
// A pool keeps at most `idle_max` states; deflateReset costs far less than
// deflateInit, which clears all of it.
// Thread safety: none; a pool and its encoders belong to one thread.
// Errors: an encoder that cannot get memory reports !valid() and write() returns
// false; the caller then sends the body as it is.
// Source: RFC 1952, zlib manual.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct z_stream_s;

namespace homeostat::compress {

enum class Flush : unsigned char { none, sync };

class GzipPool;

/// One gzip stream. Returns its state to the pool on destruction.
/// REQUIRES: the pool outlives it.
class GzipEncoder {
 public:
  GzipEncoder() = default;  ///< !valid()
  ~GzipEncoder();
  GzipEncoder(GzipEncoder&& other) noexcept;
  GzipEncoder& operator=(GzipEncoder&& other) noexcept;

  [[nodiscard]] bool valid() const noexcept { return state_ != nullptr; }

  /// Compresses `input` and appends what zlib gives out to `out`.
  [[nodiscard]] bool write(std::string_view input, std::string& out, Flush flush = Flush::none);
  /// Appends the end of the stream; further writes fail.
  [[nodiscard]] bool finish(std::string& out);

  [[nodiscard]] std::size_t bytes_in() const noexcept { return bytes_in_; }
  [[nodiscard]] std::size_t bytes_out() const noexcept { return bytes_out_; }

 private:
  friend class GzipPool;
  struct StreamDeleter {
    void operator()(z_stream_s* stream) const noexcept;
  };
  using Stream = std::unique_ptr<z_stream_s, StreamDeleter>;

  GzipEncoder(GzipPool* pool, Stream stream) noexcept : pool_(pool), state_(std::move(stream)) {}
  void release() noexcept;
  bool run(std::string_view input, std::string& out, int mode);

  GzipPool* pool_ = nullptr;
  Stream state_;
  bool finished_ = false;
  std::size_t bytes_in_ = 0;
  std::size_t bytes_out_ = 0;
};

class GzipPool {
 public:
  static constexpr std::size_t state_bytes = 256 * 1024;  ///< approximate, per encoder

  explicit GzipPool(std::size_t idle_max = 4) : idle_max_(idle_max) { idle_.reserve(idle_max); }
  GzipPool(const GzipPool&) = delete;
  GzipPool& operator=(const GzipPool&) = delete;

  /// A fresh stream at `level` (1..9, clamped).
  [[nodiscard]] GzipEncoder acquire(int level);

  [[nodiscard]] std::size_t idle() const noexcept { return idle_.size(); }
  /// Frees idle states, e.g. when memory is short.
  void trim() noexcept { idle_.clear(); }

 private:
  friend class GzipEncoder;
  void give_back(GzipEncoder::Stream stream) noexcept;

  std::size_t idle_max_;
  std::vector<GzipEncoder::Stream> idle_;
};

/// Whole body at once; nothing appended and false if it fails.
[[nodiscard]] bool gzip_all(GzipPool& pool, std::string_view input, int level, std::string& out);

}  // namespace homeostat::compress
