// gzip over zlib.
#include <zlib.h>

#include <limits>

#include "runtime/compress/efforts.hpp"
#include "runtime/compress/encoder_state.hpp"

namespace homeostat::compress {
namespace {

constexpr int window_bits = 15 + 16;  // 32 KiB window, gzip wrapping
constexpr int memory_level = 8;       // zlib's default: 128 KiB of hash and pending data

class GzipState final : public EncoderState {
 public:
  GzipState(EncoderBudget& budget, std::size_t bytes)
      : EncoderState(Coding::gzip, budget, bytes),
        good_(deflateInit2(&stream_, 1, Z_DEFLATED, window_bits, memory_level,
                           Z_DEFAULT_STRATEGY) == Z_OK) {}
  ~GzipState() override {
    if (good_) deflateEnd(&stream_);
  }
  [[nodiscard]] bool good() const noexcept { return good_; }

  bool run(std::string_view input, std::string& out, Step step) override {
    // An unsigned int bounds what zlib takes at once.
    constexpr std::size_t piece_max = std::numeric_limits<uInt>::max();
    while (input.size() > piece_max) {
      if (!deflate_all(input.substr(0, piece_max), out, Z_NO_FLUSH)) return false;
      input.remove_prefix(piece_max);
    }
    switch (step) {
      case Step::more: return deflate_all(input, out, Z_NO_FLUSH);
      case Step::flush: return deflate_all(input, out, Z_SYNC_FLUSH);
      case Step::finish: return deflate_all(input, out, Z_FINISH);
    }
    return false;
  }

  bool reset() noexcept override {
    if (deflateReset(&stream_) != Z_OK) return false;
    // Nothing may point into buffers that are gone when deflateParams comes.
    stream_.next_in = nullptr;
    stream_.next_out = nullptr;
    stream_.avail_in = stream_.avail_out = 0;
    return true;
  }

  bool prepare(int effort, std::optional<std::uint64_t>) noexcept override {
    return deflateParams(&stream_, stream_level(Coding::gzip, effort), Z_DEFAULT_STRATEGY) == Z_OK;
  }

 private:
  bool deflate_all(std::string_view input, std::string& out, int mode) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
    stream_.avail_in = static_cast<uInt>(input.size());
    std::size_t used = out.size();
    int result = Z_OK;
    do {
      const std::size_t room = grow_output(out, used, stream_.avail_in);
      stream_.next_out = reinterpret_cast<Bytef*>(out.data() + used);
      stream_.avail_out = static_cast<uInt>(room);
      result = deflate(&stream_, mode);
      used += room - stream_.avail_out;
      // Full output means there may be more; that also ends flush and finish.
    } while (result == Z_OK && stream_.avail_out == 0);
    out.resize(used);
    // Z_BUF_ERROR: nothing to do, e.g. a second flush in a row.
    const bool ok =
        mode == Z_FINISH ? result == Z_STREAM_END : (result == Z_OK || result == Z_BUF_ERROR);
    return ok && stream_.avail_in == 0;
  }

  z_stream stream_{};
  bool good_;
};

}  // namespace

std::unique_ptr<EncoderState> make_gzip(EncoderBudget& budget, std::size_t bytes) {
  auto state = std::make_unique<GzipState>(budget, bytes);
  return state->good() ? std::unique_ptr<EncoderState>(std::move(state)) : nullptr;
}

}  // namespace homeostat::compress
