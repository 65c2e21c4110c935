// Netflix concurrency-limits 78a74b9: Gradient2Limit and VegasLimit, both
// under WindowedLimit at its defaults (1 s, at least 10 samples, average RTT).
#include <algorithm>
#include <cmath>

#include "tests/sim/peers/limiter.hpp"
#include "tests/sim/peers/peers.hpp"

namespace homeostat::sim {

namespace {

constexpr double window_length = 1, rtt_ignored = 100e-6;
constexpr unsigned window_samples = 10;

class Windowed : public ConcurrencyLimiter {
 public:
  Windowed(Host& host, double limit) : ConcurrencyLimiter(host, limit) {}

 protected:
  virtual void update(double rtt, unsigned in_flight_max, bool dropped) = 0;

  void sampled(double now, const Answer& answer) final {
    if (answer.latency < rtt_ignored) return;
    sum_ += answer.latency;
    ++count_;
    in_flight_max_ = std::max(in_flight_max_, answer.in_flight);
    close(now);
  }
  void refused(double now) final {
    dropped_ = true;
    in_flight_max_ = std::max(in_flight_max_, in_flight_ + 1);
    close(now);
  }

 private:
  void close(double now) {
    if (now < next_ || count_ < window_samples) return;
    next_ = now + window_length;
    const double rtt = sum_ / count_;
    const unsigned in_flight = in_flight_max_;
    const bool dropped = dropped_;
    sum_ = 0;
    count_ = in_flight_max_ = 0;
    dropped_ = false;
    update(rtt, in_flight, dropped);
  }

  // A first window of ten samples only would favour short requests for good.
  double next_ = window_length, sum_ = 0;
  unsigned count_ = 0, in_flight_max_ = 0;
  bool dropped_ = false;
};

class Gradient2 final : public Windowed {
 public:
  explicit Gradient2(Host& host) : Windowed(host, 20) {}

 protected:
  void update(double rtt, unsigned in_flight, bool) override {
    constexpr double tolerance = 1.5, queue = 4, smoothing = 0.2, least = 20, most = 200;
    constexpr unsigned warm_up = 10, long_window = 600;
    if (seen_ < warm_up) {
      long_ = (long_ * seen_ + rtt) / (seen_ + 1);
      ++seen_;
    } else {
      constexpr double factor = 2.0 / (long_window + 1);
      long_ += factor * (rtt - long_);
    }
    const double gone_long = long_;
    if (gone_long / rtt > 2) long_ *= 0.95;
    if (in_flight < limit_ / 2) return;
    const double gradient = std::clamp(tolerance * gone_long / rtt, 0.5, 1.0);
    const double wanted = limit_ * gradient + queue;
    limit_ = std::clamp(limit_ * (1 - smoothing) + wanted * smoothing, least, most);
  }

 private:
  double long_ = 0;
  unsigned seen_ = 0;
};

class Vegas final : public Windowed {
 public:
  explicit Vegas(Host& host) : Windowed(host, 20) { jitter_ = 0.5 + 0.5 * host_.random(); }

 protected:
  void update(double rtt, unsigned in_flight, bool dropped) override {
    constexpr double probe_multiplier = 30, most = 1000;
    ++probes_;
    if (jitter_ * probe_multiplier * limit_ <= probes_) {
      jitter_ = 0.5 + 0.5 * host_.random();
      probes_ = 0;
      idle_ = rtt;
      return;
    }
    if (idle_ == 0 || rtt < idle_) {
      idle_ = rtt;
      return;
    }
    const double root = std::max(1.0, std::floor(std::log10(std::floor(limit_))));
    const double queue = std::ceil(limit_ * (1 - idle_ / rtt));
    double wanted = limit_;
    if (dropped) {
      wanted -= root;
    } else if (in_flight * 2 < limit_) {
      return;
    } else if (queue <= root) {
      wanted += 6 * root;
    } else if (queue < 3 * root) {
      wanted += root;
    } else if (queue > 6 * root) {
      wanted -= root;
    }
    limit_ = std::clamp(wanted, 1.0, most);
  }

 private:
  double idle_ = 0, jitter_ = 1;
  double probes_ = 0;
};

}  // namespace

std::unique_ptr<Admission> make_gradient2(Host& host) { return std::make_unique<Gradient2>(host); }
std::unique_ptr<Admission> make_vegas(Host& host) { return std::make_unique<Vegas>(host); }

}  // namespace homeostat::sim
