// Envoy's adaptive_concurrency filter, gradient controller 054694f, with the
// documentation's values: p50, update every 100 ms, minRTT every 60 s by 50
// requests at a concurrency of 3, jitter 15 %, buffer 25 %, at most 1000.
#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/sim/peers/limiter.hpp"
#include "tests/sim/peers/peers.hpp"

namespace homeostat::sim {

namespace {

constexpr double update_interval = 0.1, idle_interval = 60, jitter = 0.15, buffer = 0.25;
constexpr double least = 3, most = 1000;
constexpr std::size_t idle_samples = 50;
constexpr unsigned minima_to_measure = 5;
constexpr std::uint64_t update_token = 0, idle_token = 1;

double median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

class Envoy final : public ConcurrencyLimiter {
 public:
  explicit Envoy(Host& host) : ConcurrencyLimiter(host, least) {}

  void start(double now) override {
    measure_idle(now);
    host_.call_at(now + update_interval, update_token);
  }

  void called(double now, std::uint64_t token) override {
    if (token == update_token) {
      host_.call_at(now + update_interval, update_token);
      if (!measuring_) update(now);
    } else if (token == idle_token + generation_) {
      measure_idle(now);
    }
  }

 protected:
  void sampled(double now, const Answer& answer) override {
    // Requests from before the measurement carry the old limit's queue.
    if (measuring_ && now - answer.latency < measuring_since_) return;
    samples_.push_back(answer.latency);
    if (!measuring_ || samples_.size() < idle_samples) return;
    idle_ = median(samples_);
    samples_.clear();
    measuring_ = false;
    limit_ = std::max(deferred_, least);
    minima_ = 0;
    schedule_idle(now);
  }

 private:
  void schedule_idle(double now) {
    ++generation_;
    host_.call_at(now + idle_interval * (1 + jitter * host_.random()), idle_token + generation_);
  }

  void measure_idle(double now) {
    if (measuring_) return;
    measuring_ = true;
    measuring_since_ = now;
    deferred_ = limit_;
    limit_ = least;
    samples_.clear();
  }

  void update(double now) {
    if (samples_.empty()) return;
    const double rtt = median(samples_);
    samples_.clear();
    const double gradient = std::clamp(idle_ * (1 + buffer) / rtt, 0.5, 2.0);
    const double scaled = limit_ * gradient;
    limit_ = std::clamp(std::floor(scaled + std::sqrt(scaled)), least, most);
    minima_ = limit_ <= least ? minima_ + 1 : 0;
    if (minima_ >= minima_to_measure) measure_idle(now);
  }

  bool measuring_ = false;
  double measuring_since_ = 0, idle_ = 0, deferred_ = least;
  unsigned minima_ = 0;
  std::uint64_t generation_ = 0;
  std::vector<double> samples_;
};

}  // namespace

std::unique_ptr<Admission> make_envoy(Host& host) { return std::make_unique<Envoy>(host); }

}  // namespace homeostat::sim
