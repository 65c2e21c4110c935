// What an Encoder drives: one library's stream. Internal to this room.
//
// Thread safety: none. Ownership: made by make_state, charged to its budget for
// as long as it lives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/compress/encoder.hpp"

namespace homeostat::compress {

enum class Step : unsigned char { more, flush, finish };

class EncoderState {
 public:
  EncoderState(Coding coding, EncoderBudget& budget, std::size_t bytes) noexcept
      : coding_(coding), budget_(budget), bytes_(bytes) {}
  virtual ~EncoderState() { budget_.release(bytes_); }
  EncoderState(const EncoderState&) = delete;
  EncoderState& operator=(const EncoderState&) = delete;

  /// Takes all of `input`, appends output; false if the library failed.
  [[nodiscard]] virtual bool run(std::string_view input, std::string& out, Step step) = 0;
  /// As new, keeping the memory; false if that is not possible.
  [[nodiscard]] virtual bool reset() noexcept = 0;
  /// For the next stream. REQUIRES: reset() said true, or newly made.
  [[nodiscard]] virtual bool prepare(int effort, std::optional<std::uint64_t> length) noexcept = 0;

  [[nodiscard]] Coding coding() const noexcept { return coding_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

 private:
  Coding coding_;
  EncoderBudget& budget_;
  std::size_t bytes_;
};

// Null if the library has no memory. `bytes` is reserved already.
[[nodiscard]] std::unique_ptr<EncoderState> make_gzip(EncoderBudget& budget, std::size_t bytes);
[[nodiscard]] std::unique_ptr<EncoderState> make_brotli(EncoderBudget& budget, std::size_t bytes);
[[nodiscard]] std::unique_ptr<EncoderState> make_zstd(EncoderBudget& budget, std::size_t bytes);

/// Room to give a library next, appended to `out`; half of the input left is
/// typical for text. Uses up the capacity the caller kept from before first.
[[nodiscard]] std::size_t grow_output(std::string& out, std::size_t used, std::size_t input_left);

/// Log2 of the window for a body of `length` bytes, between 10 and `max`.
[[nodiscard]] int window_log(std::optional<std::uint64_t> length, int max) noexcept;

}  // namespace homeostat::compress
