// failsafe-go 5759a5e, AdaptiveLimiter with WithQueueing at the defaults of
// its prioritised form (2 and 3 times the limit), without its prioritizer.
#include <algorithm>
#include <cmath>
#include <deque>
#include <vector>

#include "tests/sim/peers/peers.hpp"

namespace homeostat::sim {

namespace {

constexpr double least = 1, most = 200, initial = 20, limit_factor = 5;
constexpr double window_min = 1, window_max = 30, quantile = 0.9;
constexpr std::size_t samples_min = 50, smoothed = 5, correlated = 50, warm_up = 10;
constexpr double reject_from = 2, reject_to = 3;  // queue lengths, times the limit

/// Exponentially weighted mean that begins as the mean of the first values.
class Ewma {
 public:
  explicit Ewma(std::size_t age) : factor_(2.0 / (static_cast<double>(age) + 1)) {}
  double add(double value) {
    if (count_ < warm_up) {
      sum_ += value;
      value_ = sum_ / static_cast<double>(++count_);
    } else {
      value_ += factor_ * (value - value_);
    }
    return value_;
  }

 private:
  double factor_, value_ = 0, sum_ = 0;
  std::size_t count_ = 0;
};

struct Correlation {
  double value = 0, y_variation = 0;
};

/// Pearson's coefficient over the last pairs.
class CorrelationWindow {
 public:
  Correlation add(double x, double y) {
    pairs_.emplace_back(x, y);
    if (pairs_.size() > correlated) pairs_.pop_front();
    if (pairs_.size() < warm_up) return {};
    double x_mean = 0, y_mean = 0, xx = 0, yy = 0, xy = 0;
    for (const auto& [a, b] : pairs_) x_mean += a, y_mean += b;
    const auto count = static_cast<double>(pairs_.size());
    x_mean /= count, y_mean /= count;
    for (const auto& [a, b] : pairs_) {
      xx += (a - x_mean) * (a - x_mean);
      yy += (b - y_mean) * (b - y_mean);
      xy += (a - x_mean) * (b - y_mean);
    }
    const double variation = std::sqrt(yy / count) / y_mean;
    if (xx <= 0 || yy <= 0 || std::sqrt(xx / count) / x_mean < 0.01) return {0, variation};
    return {xy / std::sqrt(xx * yy), variation};
  }

 private:
  std::deque<std::pair<double, double>> pairs_;
};

class Failsafe final : public Admission {
 public:
  explicit Failsafe(Host& host) : host_(host) {}
  [[nodiscard]] double limit() const override { return limit_; }

  void arrived(double now, const Ticket& ticket) override {
    if (in_flight_ < slots()) return dispatch(now, ticket);
    const double length = static_cast<double>(queue_.size());
    const double from = reject_from * limit_, to = reject_to * limit_;
    const bool reject =
        length >= to || (length >= from && host_.random() < (length - from) / (to - from));
    if (reject) return host_.reject(ticket.id);
    queue_.push_back(ticket);
  }

  void answered(double now, const Answer& answer) override {
    --in_flight_;
    rtts_.push_back(answer.latency);
    in_flight_max_ = std::max(in_flight_max_, answer.in_flight);
    if (now > next_ && rtts_.size() >= samples_min) close(now);
    pump(now);
  }

 private:
  unsigned slots() const { return static_cast<unsigned>(limit_); }

  void dispatch(double, const Ticket& ticket) {
    ++in_flight_;
    if (!host_.dispatch(ticket.id)) --in_flight_;  // "dropped": no sample
  }
  void pump(double now) {
    while (in_flight_ < slots() && !queue_.empty()) {
      const Ticket ticket = queue_.front();
      queue_.pop_front();
      dispatch(now, ticket);
    }
  }

  double median_of(double value) {
    last_.push_back(value);
    if (last_.size() > smoothed) last_.pop_front();
    std::vector<double> sorted(last_.begin(), last_.end());
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
  }

  void close(double now) {
    const double shortest = *std::min_element(rtts_.begin(), rtts_.end());
    const auto rank = static_cast<std::ptrdiff_t>(quantile * static_cast<double>(rtts_.size() - 1));
    std::nth_element(rtts_.begin(), rtts_.begin() + rank, rtts_.end());
    const double recent = recent_.add(median_of(rtts_[static_cast<std::size_t>(rank)]));
    update(recent, in_flight_max_);
    rtts_.clear();
    in_flight_max_ = 0;
    next_ = now + std::min(std::max(2 * shortest, window_min), window_max);
  }

  void update(double recent, double in_flight) {
    const double baseline = baseline_.add(recent);
    const double queue = std::ceil(limit_ * (1 - baseline / recent));
    const double throughput = in_flight / recent;
    const Correlation flow = throughput_.add(in_flight, throughput);
    const double rtt_correlation = rtt_.add(in_flight, recent).value;
    const bool full = in_flight_ + 1 >= slots();  // before this one's release
    const double root = std::max(1.0, std::floor(std::log10(std::max(1.0, std::floor(limit_)))));
    const bool stalls = full && (flow.value < 0 || (flow.value < 0.3 && rtt_correlation > 0.5) ||
                                 (flow.y_variation < 0.2 && rtt_correlation > 0.5));
    double wanted = limit_;
    if (queue > 6 * root || stalls) {
      wanted -= root;
    } else if (queue < 3 * root) {
      wanted += root;
    }
    if (wanted > in_flight * limit_factor) wanted = limit_ - root;
    limit_ = std::clamp(wanted, least, most);
  }

  Host& host_;
  double limit_ = initial, next_ = 0;
  unsigned in_flight_ = 0, in_flight_max_ = 0;
  std::deque<Ticket> queue_;
  std::vector<double> rtts_;
  std::deque<double> last_;
  Ewma recent_{smoothed}, baseline_{10};
  CorrelationWindow throughput_, rtt_;
};

}  // namespace

std::unique_ptr<Admission> make_failsafe(Host& host) { return std::make_unique<Failsafe>(host); }

}  // namespace homeostat::sim
