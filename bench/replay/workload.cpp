#include "bench/replay/workload.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <stdexcept>

namespace homeostat::replay {
namespace {

constexpr double tail_start = 1e6, tail_shape = 1.2, size_max = 100e6;
constexpr double scan_period_seconds = 600;
constexpr std::size_t rotated_ranks = 1000;

class Generator {
 public:
  explicit Generator(const WorkloadSettings& settings)
      : settings_(settings), random_(settings.seed) {
    draw_sizes();
    draw_popularity();
    draw_lifetimes();
    trace_.reference_bytes = trace_.footprint();
    const double mean =
        static_cast<double>(trace_.reference_bytes) / static_cast<double>(settings.objects);
    cache_objects_ =
        std::max(1.0, settings.cache_share * static_cast<double>(trace_.reference_bytes) / mean);
    loop_base_ = grow(settings.loop_share > 0
                          ? static_cast<std::size_t>(settings.loop_length * cache_objects_)
                          : 0);
    loop_end_ = trace_.objects();
  }

  Trace run() {
    trace_.accesses.reserve(settings_.requests);
    for (std::size_t i = 0; i < settings_.requests; ++i) {
      now_ += exponential() / settings_.requests_per_second;
      age_population(i);
      trace_.accesses.push_back({now_, next()});
    }
    return std::move(trace_);
  }

 private:
  double uniform() { return std::uniform_real_distribution<double>(0, 1)(random_); }
  double normal() { return std::normal_distribution<double>(0, 1)(random_); }
  double exponential() { return std::exponential_distribution<double>(1)(random_); }

  std::uint64_t draw_size(double quantile_shift) {
    if (settings_.unit_sizes) return settings_.unit_bytes;
    double size = 0;
    if (uniform() < settings_.tail_share) {
      size = tail_start * std::pow(1 - uniform(), -1 / tail_shape);
    } else {
      const double own = std::sqrt(1 - quantile_shift * quantile_shift);
      size = settings_.size_median *
             std::exp(settings_.size_sigma * (quantile_shift * rank_normal_ + own * normal()));
    }
    return static_cast<std::uint64_t>(std::clamp(size, 100.0, size_max));
  }
  void draw_sizes() {
    for (std::size_t rank = 0; rank < settings_.objects; ++rank) {
      // Popular ranks have a high normal score; a negative correlation makes them small.
      const double share =
          (static_cast<double>(rank) + 0.5) / static_cast<double>(settings_.objects);
      rank_normal_ = 1.7 * (1 - 2 * share);
      trace_.sizes.push_back(draw_size(settings_.size_rank_correlation));
    }
    rank_normal_ = 0;
  }
  void draw_popularity() {
    cumulative_.resize(settings_.objects);
    double sum = 0;
    for (std::size_t i = 0; i < settings_.objects; ++i) {
      sum += std::pow(static_cast<double>(i + 1), -settings_.zipf);
      cumulative_[i] = sum;
    }
    by_rank_.resize(settings_.objects);
    std::iota(by_rank_.begin(), by_rank_.end(), 0U);
  }
  void draw_lifetimes() {
    if (settings_.churn_share <= 0) return;
    const double length = static_cast<double>(settings_.requests) / settings_.requests_per_second;
    for (std::size_t i = 0; i < settings_.objects; ++i) {
      const bool dies = uniform() < settings_.churn_share;
      deaths_.push_back(dies ? uniform() * 0.1 * length + lifetime(length) : Trace::forever);
    }
  }
  double lifetime(double length) { return 0.05 * length * std::exp(normal()); }

  /// Adds objects; returns the first id.
  std::uint32_t grow(std::size_t count) {
    const auto first = static_cast<std::uint32_t>(trace_.objects());
    for (std::size_t i = 0; i < count; ++i) trace_.sizes.push_back(draw_size(0));
    return first;
  }

  void age_population(std::size_t request) {
    if (settings_.rotation_share > 0 && now_ >= next_rotation_) {
      next_rotation_ += 3600;
      const std::size_t ranks = std::min(rotated_ranks, settings_.objects);
      const auto count = static_cast<std::size_t>(settings_.rotation_share * double(ranks));
      for (std::size_t i = 0; i < count; ++i) {
        std::swap(by_rank_[static_cast<std::size_t>(uniform() * double(ranks))],
                  by_rank_[static_cast<std::size_t>(uniform() * double(settings_.objects))]);
      }
    }
    if (settings_.flip_fills > 0) {
      const auto period = static_cast<std::size_t>(settings_.flip_fills * cache_objects_);
      if (request % std::max<std::size_t>(period, 1) == 0 && request > 0) {
        std::shuffle(by_rank_.begin(), by_rank_.end(), random_);
      }
    }
  }

  [[nodiscard]] bool scanning() {
    if (settings_.scan_share <= 0) return false;
    if (settings_.scan_always) return true;
    if (now_ >= next_scan_) {
      next_scan_ += scan_period_seconds;
      scan_left_ = static_cast<std::size_t>((1 + 2 * uniform()) * cache_objects_);
    }
    return scan_left_ > 0;
  }

  std::uint32_t next() {
    const bool scan = scanning();
    const double kind = uniform();
    if (scan && kind < settings_.scan_share) {
      if (scan_left_ > 0) --scan_left_;
      return grow(1);
    }
    if (settings_.loop_share > 0 && kind >= 1 - settings_.loop_share) {
      const auto at = static_cast<std::uint32_t>(loop_base_ + loop_at_);
      loop_at_ = (loop_at_ + 1) % (loop_end_ - loop_base_);
      return at;
    }
    const auto rank = static_cast<std::size_t>(
        std::lower_bound(cumulative_.begin(), cumulative_.end(), uniform() * cumulative_.back()) -
        cumulative_.begin());
    return living(rank);
  }
  /// The object of a rank; a dead one is succeeded by a new one.
  std::uint32_t living(std::size_t rank) {
    std::uint32_t& id = by_rank_[rank];
    if (!deaths_.empty() && deaths_[rank] <= now_) {
      const double length = static_cast<double>(settings_.requests) / settings_.requests_per_second;
      deaths_[rank] = now_ + lifetime(length);
      id = grow(1);
    }
    return id;
  }

  const WorkloadSettings settings_;
  std::mt19937_64 random_;
  Trace trace_;
  std::vector<double> cumulative_;
  std::vector<std::uint32_t> by_rank_;
  std::vector<double> deaths_;  // by rank; empty: nothing dies
  double cache_objects_ = 1;
  double rank_normal_ = 0;
  double now_ = 0, next_rotation_ = 3600, next_scan_ = scan_period_seconds;
  std::size_t scan_left_ = 0;
  std::size_t loop_base_ = 0, loop_end_ = 0, loop_at_ = 0;
};

}  // namespace

const std::vector<std::string>& workload_names() {
  static const std::vector<std::string> names = {
      "zipf",      "scan",      "loop",      "mix",      "churn",      "flip",
      "zipf-unit", "scan-unit", "loop-unit", "mix-unit", "churn-unit", "flip-unit"};
  return names;
}

WorkloadSettings workload_preset(std::string_view name) {
  WorkloadSettings settings;
  std::string_view shape = name;
  if (shape.ends_with("-unit")) {
    settings.unit_sizes = true;
    shape.remove_suffix(5);
  }
  if (shape == "zipf") {
  } else if (shape == "scan") {
    settings.scan_share = 0.3;
  } else if (shape == "loop") {
    settings.loop_share = 0.2;
  } else if (shape == "mix") {
    settings.scan_share = 0.2;
    settings.scan_always = true;
    settings.loop_share = 0.2;
  } else if (shape == "churn") {
    settings.churn_share = 0.5;
    settings.rotation_share = 0.1;
    settings.size_rank_correlation = -0.3;
  } else if (shape == "flip") {
    settings.flip_fills = 20;
  } else {
    throw std::runtime_error("unknown workload '" + std::string(name) + "'");
  }
  return settings;
}

Trace generate(const WorkloadSettings& settings) { return Generator(settings).run(); }

}  // namespace homeostat::replay
