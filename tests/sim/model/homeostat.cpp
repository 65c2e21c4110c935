#include "tests/sim/model/homeostat.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <utility>
#include <vector>

#include "rules/laws/admission_queue.hpp"
#include "rules/laws/concurrency_limit.hpp"
#include "rules/laws/standing_demand.hpp"

namespace homeostat::sim {

namespace {

using rules::Duration;
using rules::Instant;

constexpr double window_length = 0.1;
constexpr std::uint64_t window_token = ~std::uint64_t{0};

Duration to_duration(double seconds) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}
Instant to_instant(double seconds) {
  return Instant{} + std::chrono::hours(1) + to_duration(seconds);
}

class Homeostat final : public Admission {
 public:
  explicit Homeostat(Host& host) : host_(host), law_(rules::LimitBounds{}) {
    limit_ = law_.limit();
  }

  void start(double now) override {
    window_from_ = moved_ = now;
    host_.call_at(now + window_length, window_token);
  }

  void arrived(double now, const Ticket& ticket) override {
    move_to(now);
    ++arrivals_;
    if (limited()) ++limited_arrivals_;
    const std::uint8_t rank = ticket.priority_class;
    if (!waits_at_or_above(rank) && in_flight_ < slots()) return dispatch(ticket);
    rules::QueueView view;
    for (std::size_t index = 0; index <= rank; ++index) view.work_ahead += work_[index];
    view.limit = limit_;
    view.length = waiting_;
    view.standing = demand_.standing() && rank > rules::critical_class;
    view.service_mean = to_duration(service_mean_);
    view.own_service = to_duration(service_of(ticket.endpoint));
    if (rules::judge_arrival(bounds_, view, std::nullopt) != rules::ArrivalVerdict::join) {
      turned_away_ += service_of(ticket.endpoint);
      return host_.reject(ticket.id);
    }
    enqueue(now, ticket, view);
    pump();
  }

  void answered(double now, const Answer& answer) override {
    move_to(now);
    --in_flight_;
    if (!answer.stream) sample(answer.ticket.endpoint, answer.latency);
    pump();
  }

  void called(double now, std::uint64_t token) override {
    move_to(now);
    if (token == window_token) return close_window(now);
    expire(token);
  }

  void restart(double) override {
    law_ = rules::ConcurrencyLimit(rules::LimitBounds{.initial = limit_});
  }
  void stall(bool stalled) override { stalled_ = stalled; }
  bool knows_streams() const override { return true; }
  double limit() const override { return limit_; }

 private:
  struct Waiter {
    Ticket ticket;
    Duration work{};
    std::uint64_t number = 0;
  };

  std::size_t slots() const {
    return static_cast<std::size_t>(std::max(1LL, std::llround(limit_)));
  }
  bool limited() const { return waiting_ > 0 || in_flight_ >= slots(); }

  void move_to(double now) {
    in_flight_area_ += (now - moved_) * static_cast<double>(in_flight_);
    moved_ = now;
  }

  bool waits_at_or_above(std::uint8_t rank) const {
    for (std::size_t index = 0; index <= rank; ++index) {
      if (counts_[index] > 0) return true;
    }
    return false;
  }

  void enqueue(double now, const Ticket& ticket, const rules::QueueView& view) {
    ++waiting_;
    ++counts_[ticket.priority_class];
    work_[ticket.priority_class] += view.own_service;
    queues_[ticket.priority_class].push_back({ticket, view.own_service, ++number_});
    const Duration patience =
        rules::wait_limit(bounds_, view.standing, view.service_mean, view.limit);
    host_.call_at(now + std::chrono::duration<double>(patience).count(),
                  number_ * rules::priority_class_count + ticket.priority_class);
  }

  Waiter take(std::size_t rank, std::deque<Waiter>::iterator at) {
    const Waiter waiter = *at;
    queues_[rank].erase(at);
    --waiting_;
    --counts_[rank];
    work_[rank] -= waiter.work;
    return waiter;
  }

  void expire(std::uint64_t token) {
    const std::size_t rank = token % rules::priority_class_count;
    const std::uint64_t number = token / rules::priority_class_count;
    auto& queue = queues_[rank];
    const auto found = std::find_if(queue.begin(), queue.end(),
                                    [&](const Waiter& each) { return each.number >= number; });
    if (found == queue.end() || found->number != number) return;
    const Waiter waiter = take(rank, found);
    turned_away_ += std::chrono::duration<double>(waiter.work).count();
    host_.reject(waiter.ticket.id);
  }

  void pump() {
    while (in_flight_ < slots()) {
      const auto choice = rules::choose_class(counts_, credits_);
      if (!choice) return;
      credits_ = rules::credits_after(counts_, credits_, *choice);
      auto& queue = queues_[choice->priority_class];
      dispatch(take(choice->priority_class, queue.begin()).ticket);
    }
  }

  void dispatch(const Ticket& ticket) {
    ++in_flight_;
    ++dispatched_;
    if (ticket.priority_class == rules::critical_class) ++critical_;
    if (host_.dispatch(ticket.id)) return;
    --in_flight_;
    ++samples_of(ticket.endpoint).dropped;
  }

  rules::EndpointSamples& samples_of(std::uint32_t endpoint) {
    if (endpoint >= samples_.size()) samples_.resize(endpoint + 1);
    samples_[endpoint].endpoint = endpoint;
    return samples_[endpoint];
  }

  void sample(std::uint32_t endpoint, double latency) {
    rules::EndpointSamples& samples = samples_of(endpoint);
    samples.latency_min = samples.count == 0 ? latency : std::min(samples.latency_min, latency);
    ++samples.count;
    samples.latency_sum += latency;
    samples.latency_square_sum += latency * latency;
  }

  static void blend(double& old, double fresh) {
    old = old == 0 ? fresh : old * 0.75 + fresh * 0.25;
  }
  double service_of(std::uint32_t endpoint) const {
    return endpoint < services_.size() && services_[endpoint] > 0 ? services_[endpoint]
                                                                  : service_mean_;
  }

  void learn_service() {
    double sum = 0;
    std::uint64_t count = 0;
    services_.resize(samples_.size(), 0);
    for (const rules::EndpointSamples& samples : samples_) {
      if (samples.count == 0) continue;
      sum += samples.latency_sum;
      count += samples.count;
      blend(services_[samples.endpoint], samples.latency_sum / static_cast<double>(samples.count));
    }
    if (count > 0) blend(service_mean_, sum / static_cast<double>(count));
  }

  void close_window(double now) {
    host_.call_at(now + window_length, window_token);
    if (stalled_) return;
    const double length = now - window_from_;
    window_from_ = now;
    rules::LimitWindow window;
    window.now = to_instant(now);
    window.length = to_duration(length);
    window.in_flight_mean = in_flight_area_ / length;
    window.limited_share =
        arrivals_ > 0 ? static_cast<double>(limited_arrivals_) / arrivals_ : (limited() ? 1 : 0);
    if (dispatched_ > 0) window.critical_share = static_cast<double>(critical_) / dispatched_;
    for (const rules::EndpointSamples& samples : samples_) {
      if (samples.count + samples.dropped > 0) window.endpoints.push_back(samples);
    }
    learn_service();
    demand_.update({.seconds = length,
                    .turned_away = std::exchange(turned_away_, 0),
                    .free_slots = limit_ - window.in_flight_mean,
                    .limit = limit_,
                    .service_mean = service_mean_});
    limit_ = law_.update(window).limit;
    in_flight_area_ = 0;
    dispatched_ = critical_ = 0;
    arrivals_ = limited_arrivals_ = 0;
    for (rules::EndpointSamples& samples : samples_) samples = {};
    pump();
  }

  Host& host_;
  rules::ConcurrencyLimit law_;
  const rules::QueueBounds bounds_{};
  double limit_ = 1, service_mean_ = 0;
  bool stalled_ = false;
  std::size_t in_flight_ = 0, waiting_ = 0;
  std::array<std::deque<Waiter>, rules::priority_class_count> queues_;
  rules::ClassCounts counts_{}, credits_{};
  std::array<Duration, rules::priority_class_count> work_{};
  rules::StandingDemand demand_;
  double turned_away_ = 0;  ///< service seconds rejected in this window
  std::uint64_t number_ = 0;

  double window_from_ = 0, moved_ = 0, in_flight_area_ = 0;
  std::uint32_t arrivals_ = 0, limited_arrivals_ = 0;
  std::uint32_t dispatched_ = 0, critical_ = 0;
  std::vector<rules::EndpointSamples> samples_;
  std::vector<double> services_;
};

}  // namespace

std::unique_ptr<Admission> make_homeostat(Host& host) { return std::make_unique<Homeostat>(host); }

}  // namespace homeostat::sim
