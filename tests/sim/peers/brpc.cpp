// Apache brpc 71871ee, AutoConcurrencyLimiter at its flags' defaults.
#include <algorithm>
#include <cmath>

#include "tests/sim/peers/limiter.hpp"
#include "tests/sim/peers/peers.hpp"

namespace homeostat::sim {

namespace {

constexpr double sampling_interval = 100e-6, window_length = 1;
constexpr unsigned samples_min = 100, samples_max = 200;
constexpr double ema = 0.1, ema_peak = ema / 10;
constexpr double explore_min = 0.06, explore_max = 0.3, explore_step = 0.02;
constexpr double reset_interval = 50, reset_reduce = 0.9;
constexpr double initial = 40, least = 9;  // bthread_concurrency

class Brpc final : public ConcurrencyLimiter {
 public:
  explicit Brpc(Host& host) : ConcurrencyLimiter(host, initial) { remeasure_at_ = next_reset(0); }

 protected:
  void sampled(double now, const Answer& answer) override { add(now, answer.latency, true); }
  void refused(double now) override { add(now, 0, false); }

 private:
  double next_reset(double now) {
    return now + reset_interval / 2 + host_.random() * reset_interval / 2;
  }

  void clear(double now) {
    start_ = now;
    succeeded_ = failed_ = 0;
    time_ = 0;
  }

  void add(double now, double latency, bool success) {
    if (success) ++total_;
    if (sampled_at_ > 0 && now - sampled_at_ < sampling_interval) return;
    sampled_at_ = now;
    if (reset_until_ > 0) {
      if (reset_until_ > now) return;
      idle_ = 0;  // measured anew
      reset_until_ = 0;
      remeasure_at_ = next_reset(now);
      clear(now);
    }
    if (start_ == 0) start_ = now;
    ++(success ? succeeded_ : failed_);
    if (success) time_ += latency;
    if (succeeded_ + failed_ < samples_min) {
      if (now - start_ >= window_length) clear(now);
      return;
    }
    if (now - start_ < window_length && succeeded_ + failed_ < samples_max) return;
    if (succeeded_ > 0) {
      update(now);
    } else {
      limit_ = std::max(least, limit_ / 2);
    }
    clear(now);
  }

  void update(double now) {
    const double latency = time_ / succeeded_;
    const double rate = total_ / (now - start_);
    total_ = 0;
    if (idle_ <= 0) {
      idle_ = latency;
    } else if (latency < idle_) {
      idle_ = latency * ema + idle_ * (1 - ema);
    }
    peak_ = rate >= peak_ ? rate : rate * ema_peak + peak_ * (1 - ema_peak);
    double wanted;
    if (remeasure_at_ <= now) {
      reset_until_ = now + 2 * latency;
      wanted = std::ceil(peak_ * idle_ * reset_reduce);
    } else {
      const bool calm = latency <= idle_ * (1 + explore_min) || rate <= peak_ / (1 + explore_min);
      explore_ = calm ? std::min(explore_max, explore_ + explore_step)
                      : std::max(explore_min, explore_ - explore_step);
      wanted = idle_ * peak_ * (1 + explore_);
    }
    limit_ = std::max(least, std::floor(wanted));
  }

  double sampled_at_ = 0, start_ = 0, time_ = 0, idle_ = 0, peak_ = 0, explore_ = explore_max;
  double remeasure_at_ = 0, reset_until_ = 0, total_ = 0;
  unsigned succeeded_ = 0, failed_ = 0;
};

}  // namespace

std::unique_ptr<Admission> make_brpc(Host& host) { return std::make_unique<Brpc>(host); }

}  // namespace homeostat::sim
