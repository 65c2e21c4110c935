#include "runtime/compress/gzip_encoder.hpp"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace homeostat::compress {
namespace {

constexpr int window_bits = 15 + 16;  // 32 KiB window, gzip wrapping
constexpr int memory_level = 8;       // zlib's default: 128 KiB of hash and pending data
constexpr std::size_t growth_min = 512;

/// Room to give zlib next: half of the input left is typical for text.
std::size_t growth_for(std::size_t input_left) noexcept {
  return std::clamp<std::size_t>(input_left / 2, growth_min, 64 * 1024);
}

}  // namespace

void GzipEncoder::StreamDeleter::operator()(z_stream_s* stream) const noexcept {
  deflateEnd(stream);
  delete stream;
}

GzipEncoder::~GzipEncoder() { release(); }

GzipEncoder::GzipEncoder(GzipEncoder&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr)),
      state_(std::move(other.state_)),
      finished_(other.finished_),
      bytes_in_(other.bytes_in_),
      bytes_out_(other.bytes_out_) {}

GzipEncoder& GzipEncoder::operator=(GzipEncoder&& other) noexcept {
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

void GzipEncoder::release() noexcept {
  if (state_) pool_->give_back(std::move(state_));
}

bool GzipEncoder::write(std::string_view input, std::string& out, Flush flush) {
  // An unsigned int bounds what zlib takes at once.
  constexpr std::size_t piece_max = std::numeric_limits<uInt>::max();
  while (input.size() > piece_max) {
    if (!run(input.substr(0, piece_max), out, Z_NO_FLUSH)) return false;
    input.remove_prefix(piece_max);
  }
  if (input.empty() && flush == Flush::none) return valid() && !finished_;
  return run(input, out, flush == Flush::sync ? Z_SYNC_FLUSH : Z_NO_FLUSH);
}

bool GzipEncoder::finish(std::string& out) {
  const bool ok = run({}, out, Z_FINISH);
  finished_ = true;
  return ok;
}

bool GzipEncoder::run(std::string_view input, std::string& out, int mode) {
  if (!state_ || finished_) return false;
  z_stream& stream = *state_;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
  stream.avail_in = static_cast<uInt>(input.size());
  const std::size_t start = out.size();
  std::size_t used = start;
  int result = Z_OK;
  do {
    // resize() first uses up the capacity that the caller kept from before.
    out.resize(std::max(used + growth_for(stream.avail_in), std::min(out.capacity(), used + 4096)));
    const std::size_t room = out.size() - used;
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + used);
    stream.avail_out = static_cast<uInt>(room);
    result = deflate(&stream, mode);
    used += room - stream.avail_out;
    // Full output means there may be more; that also ends flush and finish.
  } while (result == Z_OK && stream.avail_out == 0);
  out.resize(used);
  bytes_in_ += input.size() - stream.avail_in;
  bytes_out_ += used - start;
  // Z_BUF_ERROR: nothing to do, e.g. a second flush in a row.
  const bool ok =
      mode == Z_FINISH ? result == Z_STREAM_END : (result == Z_OK || result == Z_BUF_ERROR);
  return ok && stream.avail_in == 0;
}

GzipEncoder GzipPool::acquire(int level) {
  level = std::clamp(level, 1, 9);
  if (!idle_.empty()) {
    GzipEncoder::Stream stream = std::move(idle_.back());
    idle_.pop_back();
    // The states are reset when given back; only the level may differ.
    if (deflateParams(stream.get(), level, Z_DEFAULT_STRATEGY) == Z_OK) {
      return GzipEncoder(this, std::move(stream));
    }
  }
  auto raw = std::make_unique<z_stream>();
  *raw = z_stream{};
  if (deflateInit2(raw.get(), level, Z_DEFLATED, window_bits, memory_level, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    return {};
  }
  return GzipEncoder(this, GzipEncoder::Stream(raw.release()));
}

void GzipPool::give_back(GzipEncoder::Stream stream) noexcept {
  if (idle_.size() >= idle_max_ || deflateReset(stream.get()) != Z_OK) return;
  // Nothing may point into buffers that are gone when deflateParams comes.
  stream->next_in = nullptr;
  stream->next_out = nullptr;
  stream->avail_in = stream->avail_out = 0;
  // Reserved on construction, so that this cannot throw.
  idle_.push_back(std::move(stream));
}

bool gzip_all(GzipPool& pool, std::string_view input, int level, std::string& out) {
  const std::size_t start = out.size();
  GzipEncoder encoder = pool.acquire(level);
  if (encoder.write(input, out) && encoder.finish(out)) return true;
  out.resize(start);
  return false;
}

}  // namespace homeostat::compress
