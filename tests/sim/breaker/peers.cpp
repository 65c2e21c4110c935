// homeostat's breaker, none, and two peers at their published defaults.
#include <algorithm>
#include <deque>

#include "rules/laws/circuit_breaker.hpp"
#include "tests/sim/breaker/breaker.hpp"

namespace homeostat::sim {

namespace {

rules::Instant instant(double seconds) {
  return rules::Instant{} + std::chrono::hours(1) +
         std::chrono::duration_cast<rules::Duration>(std::chrono::duration<double>(seconds));
}

class Homeostat final : public BreakerModel {
 public:
  bool admits(double now, double unit) override {
    return breaker_.admit(instant(now), unit) != rules::BreakerVerdict::refuse;
  }
  void ended(CallEnd end, double started, double now) override {
    breaker_.report(result_of(end), instant(started), instant(now));
  }

 private:
  static rules::CallResult result_of(CallEnd end) {
    switch (end) {
      case CallEnd::good: return rules::CallResult::answered;
      case CallEnd::slow: return rules::CallResult::slow;
      case CallEnd::failed: return rules::CallResult::failed;
      case CallEnd::silent: return rules::CallResult::silent;
      default: return rules::CallResult::unanswered;
    }
  }
  rules::CircuitBreaker breaker_{rules::BreakerBounds{}, instant(0)};
};

class None final : public BreakerModel {
 public:
  bool admits(double, double) override { return true; }
  void ended(CallEnd, double, double) override {}
};

bool is_failure(CallEnd end) {
  return end == CallEnd::failed || end == CallEnd::refused || end == CallEnd::timed_out;
}

/// CircuitBreakerConfig.java: the last 100 calls, at least 100, 50 % failures;
/// open 60 s; then ten calls are permitted and judged. Slow is above 60 s.
class Resilience4j final : public BreakerModel {
 public:
  bool admits(double now, double) override {
    if (open_ && now >= until_) {
      open_ = false;
      half_open_ = true;
      permitted_ = 10;
      calls_.clear();
    }
    if (open_) return false;
    if (!half_open_) return true;
    return permitted_ > 0 && permitted_-- > 0;
  }
  void ended(CallEnd end, double started, double now) override {
    if (end == CallEnd::silent || open_ || started < changed_) return;
    calls_.push_back(is_failure(end));
    const std::size_t wanted = half_open_ ? 10 : 100;
    if (calls_.size() > wanted) calls_.pop_front();
    if (calls_.size() < wanted) return;
    const auto failed = std::count(calls_.begin(), calls_.end(), true);
    if (static_cast<double>(failed) >= 0.5 * static_cast<double>(wanted)) {
      open_ = true;
      until_ = now + 60;
    } else if (!half_open_) {
      return;
    }
    half_open_ = false;
    changed_ = now;
    calls_.clear();
  }

 private:
  std::deque<bool> calls_;
  bool open_ = false, half_open_ = false;
  int permitted_ = 0;
  double until_ = 0, changed_ = 0;
};

/// HystrixCommandProperties.java: 10 s in ten buckets, at least 20 requests,
/// 50 % failures; after 5 s one request decides.
class Hystrix final : public BreakerModel {
 public:
  bool admits(double now, double) override {
    if (!open_) return true;
    if (now < until_) return false;
    until_ = now + 5;
    trial_ = now;
    return true;
  }
  void ended(CallEnd end, double started, double now) override {
    if (end == CallEnd::silent) return;
    if (open_) {
      if (started != trial_) return;
      if (is_failure(end)) {
        until_ = now + 5;
      } else {
        open_ = false;
        calls_.clear();
      }
      return;
    }
    calls_.push_back({now, is_failure(end)});
    while (calls_.front().at < now - 10) calls_.pop_front();
    const auto failed =
        std::count_if(calls_.begin(), calls_.end(), [](const Call& each) { return each.failed; });
    if (calls_.size() < 20 || 2 * static_cast<std::size_t>(failed) < calls_.size()) return;
    open_ = true;
    until_ = now + 5;
  }

 private:
  struct Call {
    double at;
    bool failed;
  };
  std::deque<Call> calls_;
  bool open_ = false;
  double until_ = 0, trial_ = -1;
};

template <class Model>
std::unique_ptr<BreakerModel> make() {
  return std::make_unique<Model>();
}

}  // namespace

const std::vector<BreakerPeer>& breaker_peers() {
  static const std::vector<BreakerPeer> peers = {{"homeostat", make<Homeostat>},
                                                 {"none", make<None>},
                                                 {"resilience4j", make<Resilience4j>},
                                                 {"hystrix", make<Hystrix>}};
  return peers;
}

}  // namespace homeostat::sim
