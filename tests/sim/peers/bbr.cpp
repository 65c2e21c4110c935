// The "BBR" limiters: maximum passes x minimum response time caps what is in
// flight, but only while the CPU is hot. go-kratos/aegis e0742c6 and
// zeromicro/go-zero 11f2109, whose CPU figures here are exact.
#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/sim/peers/limiter.hpp"
#include "tests/sim/peers/peers.hpp"

namespace homeostat::sim {

namespace {

constexpr double bucket_length = 0.1, buckets_per_second = 10;

/// Passes and response times (whole milliseconds) of the last buckets.
class Rolling {
 public:
  explicit Rolling(std::size_t size) : buckets_(size) {}

  void add(double now, double milliseconds) {
    Bucket& bucket = at(number_of(now));
    ++bucket.passes;
    bucket.sum += milliseconds;
  }
  /// Over the buckets before the present one; computed once per bucket.
  struct Extremes {
    double passes_max = 1;
    double response_min = 0;  ///< 0: no sample
  };
  const Extremes& extremes(double now) {
    const std::int64_t number = number_of(now);
    if (number == computed_) return extremes_;
    computed_ = number;
    extremes_ = {};
    for (const Bucket& bucket : buckets_) {
      const bool recent = bucket.number < number &&
                          bucket.number > number - static_cast<std::int64_t>(buckets_.size());
      if (!recent || bucket.passes == 0) continue;
      extremes_.passes_max = std::max(extremes_.passes_max, bucket.passes);
      const double mean = bucket.sum / bucket.passes;
      if (extremes_.response_min == 0 || mean < extremes_.response_min) {
        extremes_.response_min = mean;
      }
    }
    return extremes_;
  }

 private:
  struct Bucket {
    std::int64_t number = -1;
    double passes = 0, sum = 0;
  };
  static std::int64_t number_of(double now) {
    return static_cast<std::int64_t>(now / bucket_length);
  }
  Bucket& at(std::int64_t number) {
    Bucket& bucket = buckets_[static_cast<std::size_t>(number) % buckets_.size()];
    if (bucket.number != number) bucket = Bucket{number, 0, 0};
    return bucket;
  }
  std::vector<Bucket> buckets_;
  std::int64_t computed_ = -1;
  Extremes extremes_;
};

/// The part both share: a smoothed CPU figure in 0..1.
class HotLimiter : public Limiter {
 public:
  HotLimiter(Host& host, std::size_t buckets, double cpu_period)
      : Limiter(host), rolling_(buckets), cpu_period_(cpu_period) {}

  void start(double now) final { host_.call_at(now + cpu_period_, 0); }
  void called(double now, std::uint64_t) final {
    host_.call_at(now + cpu_period_, 0);
    const double used = host_.cpu_used();
    const double usage = std::min(1.0, (used - cpu_before_) / cpu_period_);
    cpu_before_ = used;
    cpu_ = cpu_ * 0.95 + usage * 0.05;
  }
  [[nodiscard]] double limit() const final { return cap_; }

 protected:
  void sampled(double now, const Answer& answer) override {
    rolling_.add(now, std::ceil(answer.latency * 1000));
  }
  Rolling rolling_;
  double cpu_ = 0, cap_ = 0;

 private:
  const double cpu_period_;
  double cpu_before_ = 0;
};

class Aegis final : public HotLimiter {
 public:
  explicit Aegis(Host& host) : HotLimiter(host, 100, 0.5) {}

 protected:
  bool admits(double now, const Ticket&) override {
    if (cpu_ < 0.8) {
      if (!dropping_) return true;
      if (now - dropped_at_ <= 1) return !over(now);
      dropping_ = false;
      return true;
    }
    if (!over(now)) return true;
    if (!dropping_) {
      dropping_ = true;
      dropped_at_ = now;
    }
    return false;
  }

 private:
  bool over(double now) {
    const Rolling::Extremes& seen = rolling_.extremes(now);
    const double response = std::max(1.0, std::ceil(seen.response_min));
    cap_ = std::floor(seen.passes_max * response * buckets_per_second / 1000 + 0.5);
    return in_flight_ > 1 && in_flight_ > cap_;
  }
  bool dropping_ = false;
  double dropped_at_ = 0;
};

class GoZero final : public HotLimiter {
 public:
  explicit GoZero(Host& host) : HotLimiter(host, 50, 0.25) {}

 protected:
  bool admits(double now, const Ticket&) override {
    constexpr double cool_off = 1, threshold = 0.9;
    const bool overloaded = cpu_ >= threshold;
    if (overloaded) overloaded_at_ = now;
    if (!overloaded && dropped_recently_ && now - overloaded_at_ >= cool_off) {
      dropped_recently_ = false;
    }
    if (!overloaded && !dropped_recently_) return true;
    const Rolling::Extremes& seen = rolling_.extremes(now);
    const double response = seen.response_min > 0 ? std::round(seen.response_min) : 1000;
    const double factor = std::clamp((1 - cpu_) / (1 - threshold), 0.1, 1.0);
    cap_ = std::max(1.0, seen.passes_max * response * buckets_per_second / 1000) * factor;
    if (flying_ <= cap_ || in_flight_ <= cap_) return true;
    dropped_recently_ = true;
    return false;
  }
  void sampled(double now, const Answer& answer) override {
    HotLimiter::sampled(now, answer);
    flying_ = flying_ * 0.9 + in_flight_ * 0.1;
  }

 private:
  double flying_ = 0, overloaded_at_ = 0;
  bool dropped_recently_ = false;
};

}  // namespace

std::unique_ptr<Admission> make_aegis(Host& host) { return std::make_unique<Aegis>(host); }
std::unique_ptr<Admission> make_go_zero(Host& host) { return std::make_unique<GoZero>(host); }

}  // namespace homeostat::sim
