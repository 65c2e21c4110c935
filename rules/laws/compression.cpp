#include "rules/laws/compression.hpp"

#include <algorithm>
#include <cmath>

namespace homeostat::rules {
namespace {

constexpr double steps = 4;  // of the headroom

using Row = std::array<CodingCost, effort_max>;

// Starting points, estimated from JSON of 16 to 100 KiB on a busy machine; what is
// measured while running replaces them. bench/compression_bench repeats them.
constexpr Row gzip_stored = {{{9, .138},
                              {11, .133},
                              {12, .128},
                              {14, .125},
                              {22, .101},
                              {28, .098},
                              {45, .094},
                              {70, .092},
                              {700, .090}}};
constexpr Row brotli_stored = {{{8, .138},
                                {14, .131},
                                {18, .125},
                                {24, .117},
                                {36, .104},
                                {44, .101},
                                {60, .099},
                                {110, .097},
                                {2500, .085}}};
constexpr Row zstd_stored = {{{5, .128},
                              {5.5, .127},
                              {6, .121},
                              {9, .120},
                              {18, .110},
                              {26, .102},
                              {32, .098},
                              {60, .093},
                              {1500, .088}}};
constexpr Row gzip_streamed = {{{12, .154},
                                {13, .140},
                                {15, .129},
                                {18, .122},
                                {24, .117},
                                {32, .111},
                                {38, .108},
                                {55, .104},
                                {70, .102}}};
constexpr Row brotli_streamed = {{{9, .138},
                                  {9, .138},
                                  {14, .131},
                                  {18, .125},
                                  {24, .117},
                                  {24, .117},
                                  {36, .108},
                                  {36, .108},
                                  {36, .108}}};
constexpr Row zstd_streamed = {{{5, .130},
                                {5, .130},
                                {5.5, .128},
                                {6, .123},
                                {6, .123},
                                {9, .122},
                                {14, .120},
                                {16, .115},
                                {20, .110}}};

constexpr CodingCosts stored_costs = {{{}, gzip_stored, brotli_stored, zstd_stored}};
constexpr CodingCosts streamed_costs = {{{}, gzip_streamed, brotli_streamed, zstd_streamed}};

/// The best effort of one coding.
CompressionChoice best_effort(Coding coding, const Row& row, const CompressionQuestion& question,
                              const CompressionBounds& bounds) noexcept {
  const double worth = question.uses * question.bytes * bounds.byte_worth_ns * question.headroom;
  const double ns_per_byte_max =
      question.rebuild ? bounds.rebuild_ns_per_byte_max : bounds.ns_per_byte_max;
  CompressionChoice best;
  for (int effort = 1; effort <= effort_max; ++effort) {
    const CodingCost& figures = row[static_cast<std::size_t>(effort - 1)];
    const double work = question.bytes * figures.ns_per_byte;
    if (figures.ns_per_byte > ns_per_byte_max) continue;
    if (question.rebuild && work > bounds.rebuild_ns_max) continue;
    const double cost = work + bounds.job_ns;
    const double gain = worth * (question.ratio_now - figures.ratio * question.ratio_scale) - cost;
    if (gain <= best.gain_ns || (question.rebuild && gain < cost)) continue;
    best = {coding, effort, gain};
  }
  return best;
}

}  // namespace

const CodingCosts& standard_costs(CompressionUse use) noexcept {
  return use == CompressionUse::stored ? stored_costs : streamed_costs;
}

CompressionChoice choose_compression(const CodingCosts& costs, const CompressionQuestion& question,
                                     const CompressionBounds& bounds) noexcept {
  std::array<CompressionChoice, coding_count> choices;
  CompressionChoice best;
  if (!(question.headroom > 0)) return best;
  for (const Coding coding : encoded_codings) {
    if (!question.allowed.contains(coding)) continue;
    CompressionChoice& choice = choices[index_of(coding)];
    choice = best_effort(coding, costs[index_of(coding)], question, bounds);
    if (choice.gain_ns > best.gain_ns) best = choice;
  }
  for (const Coding coding : question.preference) {
    const CompressionChoice& choice = choices[index_of(coding)];
    if (!choice.none() && choice.gain_ns >= best.gain_ns * (1 - bounds.tie)) return choice;
  }
  return best;
}

double expected_uses(double uses, std::chrono::nanoseconds age,
                     std::chrono::nanoseconds remaining) noexcept {
  if (remaining.count() <= 0) return uses_prior;
  // Less than a second of history is no rate.
  const double seconds = std::max(1.0, std::chrono::duration<double>(age).count());
  const double rest = std::chrono::duration<double>(remaining).count();
  return std::clamp(uses / seconds * rest, uses_prior, uses_max);
}

double CompressionHeadroom::target(double cpu) const noexcept {
  const double share = (bounds_.cpu_short - cpu) / (bounds_.cpu_short - bounds_.cpu_idle);
  return std::floor(std::clamp(share, 0.0, 1.0) * steps) / steps;
}

double CompressionHeadroom::update(Instant now, std::optional<double> cpu) noexcept {
  if (!cpu || !std::isfinite(*cpu)) {
    risen_.reset();
    headroom_ = headroom_unknown;
    return headroom_;
  }
  const double wanted = target(*cpu);
  if (wanted <= headroom_ || target(*cpu + bounds_.margin) <= headroom_) {
    risen_.reset();
    headroom_ = std::min(headroom_, wanted);
    return headroom_;
  }
  if (!risen_) risen_ = now;
  if (now - *risen_ >= bounds_.hold) {
    headroom_ += 1 / steps;
    risen_ = now;  // the next step needs its own hold
  }
  return headroom_;
}

}  // namespace homeostat::rules
