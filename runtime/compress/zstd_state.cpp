// zstd over libzstd.
#include <zstd.h>

#include "runtime/compress/efforts.hpp"
#include "runtime/compress/encoder_state.hpp"

namespace homeostat::compress {
namespace {

constexpr int stream_window_log = 18;

struct Free {
  void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
};

class ZstdState final : public EncoderState {
 public:
  ZstdState(EncoderBudget& budget, std::size_t bytes)
      : EncoderState(Coding::zstd, budget, bytes), context_(ZSTD_createCCtx()) {}
  [[nodiscard]] bool good() const noexcept { return context_ != nullptr; }

  bool run(std::string_view input, std::string& out, Step step) override {
    static constexpr ZSTD_EndDirective directives[] = {ZSTD_e_continue, ZSTD_e_flush, ZSTD_e_end};
    const ZSTD_EndDirective directive = directives[static_cast<std::size_t>(step)];
    ZSTD_inBuffer in{input.data(), input.size(), 0};
    std::size_t used = out.size();
    for (;;) {
      const std::size_t room = grow_output(out, used, in.size - in.pos);
      ZSTD_outBuffer to{out.data() + used, room, 0};
      const std::size_t left = ZSTD_compressStream2(context_.get(), &to, &in, directive);
      used += to.pos;
      if (ZSTD_isError(left) != 0) {
        out.resize(used);
        return false;
      }
      if (step == Step::more ? in.pos == in.size : left == 0) break;
    }
    out.resize(used);
    return true;
  }

  bool reset() noexcept override {
    return ZSTD_isError(ZSTD_CCtx_reset(context_.get(), ZSTD_reset_session_and_parameters)) == 0;
  }

  bool prepare(int effort, std::optional<std::uint64_t> length) noexcept override {
    const auto set = [this](ZSTD_cParameter parameter, int value) {
      return ZSTD_isError(ZSTD_CCtx_setParameter(context_.get(), parameter, value)) == 0;
    };
    return set(ZSTD_c_compressionLevel, stream_level(Coding::zstd, effort)) &&
           set(ZSTD_c_windowLog, window_log(length, stream_window_log));
  }

 private:
  std::unique_ptr<ZSTD_CCtx, Free> context_;
};

}  // namespace

std::unique_ptr<EncoderState> make_zstd(EncoderBudget& budget, std::size_t bytes) {
  auto state = std::make_unique<ZstdState>(budget, bytes);
  return state->good() ? std::unique_ptr<EncoderState>(std::move(state)) : nullptr;
}

}  // namespace homeostat::compress
