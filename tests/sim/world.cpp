#include "tests/sim/world.hpp"

#include <algorithm>
#include <cmath>
#include <deque>
#include <optional>
#include <queue>
#include <random>

namespace homeostat::sim {

namespace {

using rules::Duration;
using rules::Instant;

Duration to_duration(double seconds) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

Instant to_instant(double seconds) {
  return Instant{} + std::chrono::hours(1) + to_duration(seconds);
}

class World {
 public:
  World(const Scenario& scenario, std::uint64_t seed)
      : scenario_(scenario), random_(seed), law_(scenario.limit) {
    outcome_.measure_from = scenario.measure_from;
    outcome_.duration = scenario.duration;
    outcome_.slices.resize(static_cast<std::size_t>(std::ceil(scenario.duration / slice_length)) +
                           1);
    limit_ = law_.limit();
  }

  Outcome run() {
    schedule(next_arrival(), Kind::arrival, 0);
    schedule(scenario_.window, Kind::window, 0);
    while (!events_.empty() && events_.top().at < scenario_.duration) {
      const Event event = events_.top();
      events_.pop();
      move_to(event.at);
      handle(event);
    }
    return std::move(outcome_);
  }

 private:
  enum class Kind : std::uint8_t { arrival, completion, expiry, window };
  struct Event {
    double at;
    std::uint64_t order;
    Kind kind;
    std::uint32_t request;
    bool operator<(const Event& other) const {
      return at != other.at ? at > other.at : order > other.order;
    }
  };
  struct Request {
    double arrived = 0, dispatched = 0, service_mean = 0;
    std::uint32_t endpoint = 0;
    std::uint8_t priority_class = 0;
    bool waiting = false;
    Duration work{};
    std::uint32_t generation = 0;
  };

  double uniform() { return (static_cast<double>(random_() >> 11) + 0.5) * 0x1.0p-53; }
  double exponential(double mean) { return -mean * std::log(uniform()); }

  const Stage& stage_at(double at) const {
    std::size_t index = 0;
    while (index + 1 < scenario_.stages.size() && scenario_.stages[index + 1].from <= at) ++index;
    return scenario_.stages[index];
  }
  Slice& slice() { return outcome_.slices[static_cast<std::size_t>(now_ / slice_length)]; }

  void schedule(double at, Kind kind, std::uint32_t request) {
    events_.push({at, order_++, kind, request});
  }

  double next_arrival() {
    double at = now_;
    for (;;) {  // piecewise constant rates: redraw at the stage boundary (memoryless)
      const Stage& stage = stage_at(at);
      const double gap = exponential(1 / stage.rate);
      const auto next = std::find_if(scenario_.stages.begin(), scenario_.stages.end(),
                                     [&](const Stage& later) { return later.from > at; });
      if (next == scenario_.stages.end() || at + gap < next->from) return at + gap;
      at = next->from;
    }
  }

  void move_to(double at) {
    const double passed = at - now_;
    in_flight_area_ += passed * static_cast<double>(in_flight_);
    if (limited()) limited_area_ += passed;
    slice().capacity += passed * stage_at(now_).servers;
    now_ = at;
  }

  std::size_t slots() const {
    return static_cast<std::size_t>(std::max(1LL, std::llround(limit_)));
  }
  bool limited() const { return waiting_ > 0 || in_flight_ >= slots(); }

  void handle(const Event& event) {
    switch (event.kind) {
      case Kind::arrival: return arrive();
      case Kind::completion: return complete(event.request);
      case Kind::expiry: return expire(event.request);
      case Kind::window: return close_window();
    }
  }

  std::uint32_t take_request() {
    if (!free_.empty()) {
      const std::uint32_t id = free_.back();
      free_.pop_back();
      return id;
    }
    requests_.emplace_back();
    return static_cast<std::uint32_t>(requests_.size() - 1);
  }

  void arrive() {
    schedule(next_arrival(), Kind::arrival, 0);
    const Stage& stage = stage_at(now_);
    double shares = 0;
    for (const EndpointModel& endpoint : stage.endpoints) shares += endpoint.share;
    double pick = uniform() * shares;
    std::uint32_t endpoint = 0;
    while (endpoint + 1 < stage.endpoints.size() && pick >= stage.endpoints[endpoint].share) {
      pick -= stage.endpoints[endpoint++].share;
    }
    const std::uint32_t id = take_request();
    Request& request = requests_[id];
    request.arrived = now_;
    request.endpoint = endpoint;
    request.service_mean = stage.endpoints[endpoint].service;
    request.priority_class = stage.endpoints[endpoint].priority_class;
    request.waiting = false;
    ++slice().arrived;
    ++slice().arrived_by_class[request.priority_class];
    admit(id);
  }

  bool waits_at_or_above(std::uint8_t priority_class) const {
    for (std::size_t index = 0; index <= priority_class; ++index) {
      if (waiting_by_class_[index] > 0) return true;
    }
    return false;
  }

  void admit(std::uint32_t id) {
    Request& request = requests_[id];
    const std::uint8_t rank = request.priority_class;
    if (!scenario_.control) return dispatch(id);
    if (!waits_at_or_above(rank) && in_flight_ < slots()) return dispatch(id);
    rules::QueueView view;
    for (std::size_t index = 0; index <= rank; ++index) view.work_ahead += work_[index];
    view.limit = limit_;
    view.length = waiting_;
    view.standing = waiting_ > 0 ? to_duration(now_ - not_empty_since_) : Duration::zero();
    view.service_mean = to_duration(service_mean_);
    view.own_service = to_duration(service_of(request.endpoint));
    if (rules::judge_arrival(scenario_.queue, view, std::nullopt) != rules::ArrivalVerdict::join) {
      return reject(id);
    }
    if (waiting_++ == 0) not_empty_since_ = now_;
    ++waiting_by_class_[rank];
    request.waiting = true;
    request.work = view.own_service;
    work_[rank] += request.work;
    queues_[rank].push_back({id, request.generation});
    const Duration patience = rules::wait_limit(scenario_.queue, view.standing, view.service_mean);
    schedule(now_ + std::chrono::duration<double>(patience).count(), Kind::expiry,
             pack(id, request.generation));
    pump();
  }

  // Expiry events outlive their request; a few generation bits tell.
  static std::uint32_t pack(std::uint32_t id, std::uint32_t generation) {
    return id | (generation & 0xFU) << 28;
  }

  void reject(std::uint32_t id) {
    ++slice().rejected;
    finish(id);
  }

  void finish(std::uint32_t id) {
    ++requests_[id].generation;
    requests_[id].waiting = false;
    free_.push_back(id);
  }

  void leave_queue(std::uint32_t id) {
    Request& request = requests_[id];
    request.waiting = false;
    --waiting_;
    --waiting_by_class_[request.priority_class];
    work_[request.priority_class] -= request.work;
  }

  void expire(std::uint32_t packed) {
    const std::uint32_t id = packed & 0x0FFFFFFFU;
    Request& request = requests_[id];
    if (!request.waiting || (request.generation & 0xFU) != packed >> 28) return;
    leave_queue(id);
    reject(id);
  }

  void pump() {
    while (in_flight_ < slots()) {
      const auto choice = rules::choose_class(waiting_by_class_, credits_);
      if (!choice) return;
      credits_ = rules::credits_after(waiting_by_class_, credits_, *choice);
      auto& queue = queues_[choice->priority_class];
      while (!requests_[queue.front().id].waiting ||
             requests_[queue.front().id].generation != queue.front().generation) {
        queue.pop_front();
      }
      const std::uint32_t id = queue.front().id;
      queue.pop_front();
      leave_queue(id);
      dispatch(id);
    }
  }

  void dispatch(std::uint32_t id) {
    Request& request = requests_[id];
    request.dispatched = now_;
    if (app_queue_.size() >= scenario_.backlog) {
      ++slice().refused;
      ++dropped_;
      return finish(id);
    }
    ++in_flight_;
    app_queue_.push_back(id);
    serve();
  }

  void serve() {
    const Stage& stage = stage_at(now_);
    while (busy_ < stage.servers && !app_queue_.empty()) {
      const std::uint32_t id = app_queue_.front();
      app_queue_.pop_front();
      ++busy_;
      schedule(now_ + exponential(requests_[id].service_mean), Kind::completion, id);
    }
  }

  void complete(std::uint32_t id) {
    --busy_;
    --in_flight_;
    const Request& request = requests_[id];
    const double latency = now_ - request.arrived;
    Slice& slice = this->slice();
    ++slice.answered;
    if (now_ >= scenario_.measure_from) outcome_.latencies.push_back(static_cast<float>(latency));
    if (latency <= scenario_.good_within) {
      ++slice.good;
      ++slice.good_by_class[request.priority_class];
      slice.good_work += request.service_mean;
    }
    sample(request.endpoint, now_ - request.dispatched);
    finish(id);
    pump();
    serve();
  }

  void sample(std::uint32_t endpoint, double latency) {
    if (endpoint >= samples_.size()) samples_.resize(endpoint + 1);
    rules::EndpointSamples& samples = samples_[endpoint];
    samples.endpoint = endpoint;
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

  void close_window() {
    schedule(now_ + scenario_.window, Kind::window, 0);
    rules::LimitWindow window;
    window.now = to_instant(now_);
    window.length = to_duration(scenario_.window);
    window.in_flight_mean = in_flight_area_ / scenario_.window;
    window.limited_share = limited_area_ / scenario_.window;
    window.dropped = dropped_;
    for (const rules::EndpointSamples& samples : samples_) {
      if (samples.count > 0) window.endpoints.push_back(samples);
    }
    learn_service();
    limit_ = law_.update(window).limit;
    in_flight_area_ = limited_area_ = 0;
    dropped_ = 0;
    for (rules::EndpointSamples& samples : samples_) samples = {};
    slice().limit = limit_;
    pump();
    serve();
  }

  const Scenario& scenario_;
  std::mt19937_64 random_;
  rules::ConcurrencyLimit law_;
  Outcome outcome_;

  double now_ = 0;
  std::uint64_t order_ = 0;
  std::priority_queue<Event> events_;
  std::vector<Request> requests_;
  std::vector<std::uint32_t> free_;

  struct Entry {
    std::uint32_t id, generation;
  };
  std::array<std::deque<Entry>, rules::priority_class_count> queues_;
  rules::ClassCounts waiting_by_class_{}, credits_{};
  std::array<Duration, rules::priority_class_count> work_{};
  std::size_t waiting_ = 0, in_flight_ = 0;
  double not_empty_since_ = 0, limit_ = 1, service_mean_ = 0;
  std::vector<double> services_;

  std::deque<std::uint32_t> app_queue_;
  unsigned busy_ = 0;

  double in_flight_area_ = 0, limited_area_ = 0;
  std::uint64_t dropped_ = 0;
  std::vector<rules::EndpointSamples> samples_;
};

}  // namespace

Outcome run(const Scenario& scenario, std::uint64_t seed) { return World(scenario, seed).run(); }

Stage stage(double from, double load, unsigned servers, double service) {
  return {from, load * servers / service, servers, {EndpointModel{1, service, 2}}};
}

}  // namespace homeostat::sim
