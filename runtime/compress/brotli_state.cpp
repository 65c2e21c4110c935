// brotli over libbrotli.
#include <brotli/encode.h>

#include <algorithm>

#include "runtime/compress/efforts.hpp"
#include "runtime/compress/encoder_state.hpp"

namespace homeostat::compress {
namespace {

constexpr int stream_window_log = 18;

struct Free {
  void operator()(BrotliEncoderState* state) const noexcept { BrotliEncoderDestroyInstance(state); }
};

class BrotliState final : public EncoderState {
 public:
  BrotliState(EncoderBudget& budget, std::size_t bytes)
      : EncoderState(Coding::brotli, budget, bytes) {}

  bool run(std::string_view input, std::string& out, Step step) override {
    static constexpr BrotliEncoderOperation operations[] = {
        BROTLI_OPERATION_PROCESS, BROTLI_OPERATION_FLUSH, BROTLI_OPERATION_FINISH};
    const BrotliEncoderOperation operation = operations[static_cast<std::size_t>(step)];
    const auto* next = reinterpret_cast<const std::uint8_t*>(input.data());
    std::size_t left = input.size();
    do {
      std::size_t none = 0;
      if (BrotliEncoderCompressStream(state_.get(), operation, &left, &next, &none, nullptr,
                                      nullptr) == BROTLI_FALSE) {
        return false;
      }
      std::size_t size = 0;
      const std::uint8_t* bytes = BrotliEncoderTakeOutput(state_.get(), &size);
      out.append(reinterpret_cast<const char*>(bytes), size);
    } while (left > 0 || BrotliEncoderHasMoreOutput(state_.get()) != BROTLI_FALSE);
    return step != Step::finish || BrotliEncoderIsFinished(state_.get()) != BROTLI_FALSE;
  }

  /// libbrotli cannot start again in the same memory.
  bool reset() noexcept override { return false; }

  bool prepare(int effort, std::optional<std::uint64_t> length) noexcept override {
    state_.reset(BrotliEncoderCreateInstance(nullptr, nullptr, nullptr));
    if (!state_) return false;
    const auto set = [this](BrotliEncoderParameter parameter, std::uint64_t value) {
      return BrotliEncoderSetParameter(state_.get(), parameter,
                                       static_cast<std::uint32_t>(value)) != BROTLI_FALSE;
    };
    constexpr std::uint64_t hint_max = 1U << 30U;
    return set(BROTLI_PARAM_QUALITY,
               static_cast<std::uint64_t>(stream_level(Coding::brotli, effort))) &&
           set(BROTLI_PARAM_LGWIN,
               static_cast<std::uint64_t>(window_log(length, stream_window_log))) &&
           set(BROTLI_PARAM_SIZE_HINT, std::min(length.value_or(0), hint_max));
  }

 private:
  std::unique_ptr<BrotliEncoderState, Free> state_;
};

}  // namespace

std::unique_ptr<EncoderState> make_brotli(EncoderBudget& budget, std::size_t bytes) {
  return std::make_unique<BrotliState>(budget, bytes);
}

}  // namespace homeostat::compress
