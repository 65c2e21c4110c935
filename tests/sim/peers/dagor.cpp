// DAGOR (Zhou et al., SoCC 2018): admission by business and user priority; the
// threshold moves by the average queueing time inside the service. A sidecar
// cannot measure that; here an oracle tells it.
#include <algorithm>
#include <array>

#include "tests/sim/peers/limiter.hpp"
#include "tests/sim/peers/peers.hpp"

namespace homeostat::sim {

namespace {

constexpr double window_length = 1, overload_delay = 0.020;
constexpr unsigned window_requests = 2000;
constexpr double decrease = 0.05, increase = 0.01;
constexpr std::size_t users = 128, levels = 4 * users;

class Dagor final : public Limiter {
 public:
  using Limiter::Limiter;
  [[nodiscard]] double limit() const override { return 0; }

 protected:
  bool admits(double now, const Ticket& ticket) override {
    if (arrivals_ >= window_requests || now - start_ >= window_length) close(now);
    const auto user = static_cast<std::size_t>(host_.random() * users);
    const std::size_t level = ticket.priority_class * users + std::min(user, users - 1);
    ++arrivals_;
    ++histogram_[level];
    if (level > threshold_) return false;
    ++admitted_;
    return true;
  }
  void sampled(double, const Answer& answer) override {
    delay_ += answer.queue_delay;
    ++answers_;
  }

 private:
  void close(double now) {
    const bool overloaded = answers_ > 0 && delay_ / answers_ > overload_delay;
    const double wanted = admitted_ * (overloaded ? 1 - decrease : 1 + increase);
    double sum = 0;
    std::size_t level = 0;
    while (level + 1 < levels && sum + histogram_[level] <= wanted) sum += histogram_[level++];
    threshold_ = level;
    start_ = now;
    arrivals_ = 0;
    admitted_ = delay_ = answers_ = 0;
    histogram_.fill(0);
  }

  double start_ = 0, admitted_ = 0, delay_ = 0, answers_ = 0;
  unsigned arrivals_ = 0;
  std::size_t threshold_ = levels - 1;
  std::array<double, levels> histogram_{};
};

}  // namespace

std::unique_ptr<Admission> make_dagor(Host& host) { return std::make_unique<Dagor>(host); }

}  // namespace homeostat::sim
