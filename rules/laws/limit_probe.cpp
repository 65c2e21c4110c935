#include "rules/laws/limit_probe.hpp"

#include <algorithm>

namespace homeostat::rules {

namespace {

constexpr double settle_timeout = 3;       // seconds; in flight may be held by long bodies
constexpr double transient_latencies = 2;  // left out after in flight came down
constexpr double measure_min = 0.2;        // seconds
constexpr double measure_max = 2.5;
constexpr std::uint64_t samples_least = 10;
constexpr double latency_max = 5;  // seconds; a probe ends in half a minute whatever the service

}  // namespace

void LimitProbe::start(double limit, double latency, double samples) {
  state_ = State::settling;
  limit_ = limit;
  latency_ = std::min(latency, latency_max);
  samples_wanted_ = samples;
  elapsed_ = below_ = 0;
  measured_.clear();
}

LimitProbe::State LimitProbe::update(const LimitWindow& window) {
  const double length = std::chrono::duration<double>(window.length).count();
  elapsed_ += length;
  if (state_ == State::settling) {
    const bool down = window.in_flight_mean <= limit_ + 0.5;
    below_ = down ? below_ + length : 0;
    if (below_ >= transient_latencies * latency_) {
      state_ = State::measuring;
      elapsed_ = 0;
    } else if (elapsed_ > settle_timeout + 4 * latency_) {
      state_ = State::failed;
    }
    return state_;
  }
  if (state_ != State::measuring) return state_;
  measured_.add(window);
  const bool enough = static_cast<double>(measured_.samples()) >= samples_wanted_ &&
                      elapsed_ >= std::max(measure_min, latency_);
  if (enough) {
    state_ = State::done;
  } else if (elapsed_ > measure_max + 4 * latency_) {
    state_ = measured_.samples() >= samples_least ? State::done : State::failed;
  }
  return state_;
}

}  // namespace homeostat::rules
