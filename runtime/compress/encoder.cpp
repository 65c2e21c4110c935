#include "runtime/compress/encoder.hpp"

#include <algorithm>

#include "runtime/compress/encoder_state.hpp"

namespace homeostat::compress {
namespace {

constexpr std::size_t growth_min = 512;
constexpr std::size_t kibibyte = 1024;

}  // namespace

std::size_t grow_output(std::string& out, std::size_t used, std::size_t input_left) {
  const std::size_t wanted = std::clamp<std::size_t>(input_left / 2, growth_min, 64 * kibibyte);
  out.resize(std::max(used + wanted, std::min(out.capacity(), used + 4096)));
  return out.size() - used;
}

int window_log(std::optional<std::uint64_t> length, int max) noexcept {
  if (!length) return max;
  int bits = 10;
  while (bits < max && (std::uint64_t{1} << bits) < *length) ++bits;
  return bits;
}

std::size_t state_bytes(Coding coding, int effort) noexcept {
  switch (coding) {
    // zlib's formula (1 << (windowBits + 2)) + (1 << (memLevel + 9)), and its structures.
    case Coding::gzip: return 268 * kibibyte;
    // Measured by the allocations of libbrotli 1.0.9; see the test.
    case Coding::brotli: return (effort <= 6 ? 2048 : 3072) * kibibyte;
    // ZSTD_sizeof_CCtx after a stream, libzstd 1.5.4; see the test.
    case Coding::zstd: return (effort <= 6 ? 1536 : 2560) * kibibyte;
    case Coding::identity: break;
  }
  return 0;
}

bool EncoderBudget::reserve(std::size_t bytes) noexcept {
  if (used_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= max_) return true;
  release(bytes);
  refused_.fetch_add(1, std::memory_order_relaxed);
  return false;
}

// -- Encoder --------------------------------------------------------------------

Encoder::Encoder() noexcept = default;

Encoder::Encoder(EncoderPool* pool, std::unique_ptr<EncoderState> state) noexcept
    : pool_(pool), state_(std::move(state)) {}

Encoder::~Encoder() { release(); }

Encoder::Encoder(Encoder&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr)),
      state_(std::move(other.state_)),
      finished_(other.finished_),
      bytes_in_(other.bytes_in_),
      bytes_out_(other.bytes_out_) {}

Encoder& Encoder::operator=(Encoder&& other) noexcept {
  if (this != &other) {
    release();
    pool_ = std::exchange(other.pool_, nullptr);
    state_ = std::move(other.state_);
    finished_ = other.finished_;
    bytes_in_ = other.bytes_in_;
    bytes_out_ = other.bytes_out_;
  }
  return *this;
}

void Encoder::release() noexcept {
  if (state_) pool_->give_back(std::move(state_));
}

bool Encoder::write(std::string_view input, std::string& out, Flush flush) {
  if (!state_ || finished_) return false;
  if (input.empty() && flush == Flush::none) return true;
  const std::size_t start = out.size();
  if (!state_->run(input, out, flush == Flush::sync ? Step::flush : Step::more)) return false;
  bytes_in_ += input.size();
  bytes_out_ += out.size() - start;
  return true;
}

bool Encoder::finish(std::string& out) {
  if (!state_ || finished_) return false;
  const std::size_t start = out.size();
  finished_ = true;
  const bool ok = state_->run({}, out, Step::finish);
  bytes_out_ += out.size() - start;
  return ok;
}

// -- EncoderPool ----------------------------------------------------------------

EncoderPool::EncoderPool(EncoderBudget& budget, std::size_t idle_max)
    : budget_(budget), idle_max_(idle_max) {
  idle_.reserve(idle_max);  // give_back must not throw
}

EncoderPool::~EncoderPool() = default;

void EncoderPool::trim() noexcept { idle_.clear(); }

Encoder EncoderPool::acquire(Coding coding, int effort, std::optional<std::uint64_t> length) {
  effort = std::clamp(effort, 1, 9);
  const std::size_t bytes = state_bytes(coding, effort);
  const auto fits = [&](const std::unique_ptr<EncoderState>& state) {
    return state->coding() == coding && state->bytes() >= bytes;
  };
  const auto found = std::find_if(idle_.begin(), idle_.end(), fits);
  if (found != idle_.end()) {
    std::unique_ptr<EncoderState> state = std::move(*found);
    idle_.erase(found);
    if (state->prepare(effort, length)) return Encoder(this, std::move(state));
  }
  if (coding == Coding::identity || !budget_.reserve(bytes)) return {};
  std::unique_ptr<EncoderState> state;
  switch (coding) {
    case Coding::gzip: state = make_gzip(budget_, bytes); break;
    case Coding::brotli: state = make_brotli(budget_, bytes); break;
    case Coding::zstd: state = make_zstd(budget_, bytes); break;
    case Coding::identity: break;
  }
  if (!state || !state->prepare(effort, length)) return {};
  return Encoder(this, std::move(state));
}

void EncoderPool::give_back(std::unique_ptr<EncoderState> state) noexcept {
  if (idle_.size() >= idle_max_ || !state->reset()) return;
  idle_.push_back(std::move(state));
}

}  // namespace homeostat::compress
