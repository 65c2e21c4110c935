#include "tests/sim/model/world.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <queue>

#include "tests/sim/model/homeostat.hpp"
#include "tests/sim/model/random.hpp"
#include "tests/sim/model/server.hpp"

namespace homeostat::sim {

namespace {

constexpr double never = std::numeric_limits<double>::infinity();
constexpr double burst_high = 2, burst_low = 0.5, burst_high_length = 0.1, burst_low_length = 0.2;

class World final : public Host {
 public:
  World(const Scenario& scenario, std::uint64_t seed, MakeAdmission make)
      : scenario_(scenario),
        load_random_(seed),
        other_random_(seed ^ 0x9E3779B97F4A7C15ULL),
        server_(scenario.application),
        admission_(make(*this)) {
    outcome_.measure_from = scenario.measure_from;
    outcome_.duration = scenario.duration;
    outcome_.slices.resize(static_cast<std::size_t>(std::ceil(scenario.duration / slice_length)) +
                           2);
  }

  Outcome run() {
    server_.set_servers(0, scenario_.stages.front().servers);
    for (const Stage& stage : scenario_.stages) {
      if (stage.from > 0) schedule(stage.from, Kind::stage, 0);
    }
    if (scenario_.restart_at > 0) schedule(scenario_.restart_at, Kind::restart, 0);
    if (scenario_.stall_from > 0) {
      schedule(scenario_.stall_from, Kind::stall, 1);
      schedule(scenario_.stall_to, Kind::stall, 0);
    }
    schedule(slice_length, Kind::slice, 0);
    admission_->start(0);
    next_arrival_ = draw_arrival(0);
    for (;;) {
      const double end = server_.next_end();
      const double event = events_.empty() ? never : events_.top().at;
      const double at = std::min({end, event, next_arrival_});
      if (at >= scenario_.duration) break;
      now_ = at;
      if (at == end) {
        complete();
      } else if (at == event) {
        handle();
      } else {
        next_arrival_ = draw_arrival(now_);
        arrive();
      }
    }
    return std::move(outcome_);
  }

  bool dispatch(std::uint32_t id) override {
    Request& request = requests_[id];
    if (request.refused || !server_.submit(now_, id, request.demand)) {
      ++slice().refused;
      failed(id);
      return false;
    }
    ++in_flight_;
    request.dispatched = now_;
    request.in_flight = in_flight_;
    return true;
  }
  void reject(std::uint32_t id) override {
    ++slice().rejected;
    failed(id);
  }
  void call_at(double at, std::uint64_t token) override { schedule(at, Kind::call, token); }
  double cpu_used() const override { return const_cast<Server&>(server_).cpu_used(now_); }
  double random() override { return other_random_.uniform(); }

 private:
  enum class Kind : std::uint8_t { stage, restart, stall, slice, call, retry, patience, closed };
  struct Event {
    double at;
    std::uint64_t order;
    Kind kind;
    std::uint64_t token;
    bool operator<(const Event& other) const {
      return at != other.at ? at > other.at : order > other.order;
    }
  };
  struct Request {
    Ticket ticket;
    double first_sent = 0, sent = 0, dispatched = 0, demand = 0, mean = 0, queue_delay = 0;
    double open_for = 0;
    unsigned attempt = 0, in_flight = 0;
    std::uint32_t generation = 0;
    bool refused = false;   ///< by a defect, not for want of room
    bool given_up = false;  ///< the client no longer waits for this attempt
  };

  void schedule(double at, Kind kind, std::uint64_t token) {
    events_.push({at, order_++, kind, token});
  }
  Slice& slice_of(double at) {
    return outcome_.slices[static_cast<std::size_t>(at / slice_length)];
  }
  Slice& slice() { return slice_of(now_); }

  std::size_t stage_index(double at) const {
    std::size_t index = 0;
    while (index + 1 < scenario_.stages.size() && scenario_.stages[index + 1].from <= at) ++index;
    return index;
  }

  double rate_at(const Stage& stage, double end, double at) const {
    if (stage.rate_end <= 0) return stage.rate;
    return stage.rate + (stage.rate_end - stage.rate) * (at - stage.from) / (end - stage.from);
  }

  double burst_factor(double at) {
    if (!scenario_.clients.bursty) return 1;
    while (at >= burst_until_) {
      burst_on_ = !burst_on_;
      burst_until_ += load_random_.exponential(burst_on_ ? burst_high_length : burst_low_length);
    }
    return burst_on_ ? burst_high : burst_low;
  }

  /// Thinning of a Poisson process at the stage's highest rate (Lewis and
  /// Shedler 1979), drawn anew at stage boundaries.
  double draw_arrival(double at) {
    for (;;) {
      const std::size_t index = stage_index(at);
      const Stage& stage = scenario_.stages[index];
      const bool last = index + 1 == scenario_.stages.size();
      const double end = last ? scenario_.duration : scenario_.stages[index + 1].from;
      const double highest =
          std::max(stage.rate, stage.rate_end) * (scenario_.clients.bursty ? burst_high : 1);
      const double next = at + load_random_.exponential(1 / highest);
      if (next >= end) {
        if (last) return never;
        at = end;
        continue;
      }
      at = next;
      const double rate = rate_at(stage, end, at) * burst_factor(at);
      if (rate >= highest || load_random_.uniform() * highest < rate) return at;
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
    const Stage& stage = scenario_.stages[stage_index(now_)];
    double shares = 0;
    for (const Stream& stream : stage.streams) shares += stream.share;
    double pick = load_random_.uniform() * shares;
    std::size_t index = 0;
    while (index + 1 < stage.streams.size() && pick >= stage.streams[index].share) {
      pick -= stage.streams[index++].share;
    }
    const Stream& stream = stage.streams[index];
    const std::uint32_t id = take_request();
    Request& request = requests_[id];
    request = Request{.ticket = {id, stream.endpoint, stream.tenant, stream.priority_class},
                      .first_sent = now_,
                      .demand = stream.service * load_random_.service(stream.shape),
                      .mean = stream.service,
                      .open_for = stream.open_for,
                      .generation = request.generation,
                      .refused = stream.refused > 0 && load_random_.uniform() < stream.refused};
    count(request, &Count::wanted);
    ++slice().wanted;
    send(id);
  }

  void send(std::uint32_t id) {
    Request& request = requests_[id];
    request.sent = now_;
    request.given_up = false;
    ++request.attempt;
    ++slice().arrived;
    if (scenario_.clients.retries > 0) {
      schedule(now_ + scenario_.clients.patience, Kind::patience, token_of(id));
    }
    admission_->arrived(now_, request.ticket);
  }

  std::uint64_t token_of(std::uint32_t id) const {
    return std::uint64_t{requests_[id].generation} << 32 | id;
  }
  bool current(std::uint64_t token) const {
    return requests_[token & 0xFFFFFFFFU].generation == token >> 32;
  }

  void free(std::uint32_t id) {
    ++requests_[id].generation;
    free_.push_back(id);
  }

  /// Rejected or refused.
  void failed(std::uint32_t id) {
    if (!requests_[id].given_up) retry(requests_[id]);
    free(id);
  }

  void retry(const Request& before) {
    const Clients& clients = scenario_.clients;
    if (before.attempt > clients.retries) return;
    const double span = clients.retry_after_max - clients.retry_after_min;
    const double at = now_ + clients.retry_after_min + span * other_random_.uniform();
    const Request copy = before;
    const std::uint32_t id = take_request();
    const std::uint32_t generation = requests_[id].generation;
    requests_[id] = copy;
    requests_[id].ticket.id = id;
    requests_[id].generation = generation;
    schedule(at, Kind::retry, id);
  }

  void complete() {
    const Server::Ended ended = server_.end(now_);
    const Request request = requests_[ended.id];
    const double latency = now_ - request.sent;
    if (!request.given_up && now_ >= scenario_.measure_from) {
      outcome_.latencies.push_back(static_cast<float>(now_ - request.first_sent));
    }
    if (!request.given_up && latency <= scenario_.clients.patience) {
      ++slice().good;
      slice().good_work += request.mean;
      ++slice_of(request.first_sent).satisfied;
      count(request, &Count::satisfied);
    }
    const bool stream = request.open_for > 0;
    requests_[ended.id].queue_delay = ended.started - request.dispatched;
    if (stream && !admission_->knows_streams()) {
      schedule(now_ + request.open_for, Kind::closed, ended.id);
      return;
    }
    tell(ended.id, stream);
  }

  void tell(std::uint32_t id, bool stream) {
    --in_flight_;
    const Request request = requests_[id];
    free(id);
    admission_->answered(now_, {request.ticket, now_ - request.dispatched, request.queue_delay,
                                request.in_flight, stream});
  }

  void count(const Request& request, std::uint64_t Count::*which) {
    if (request.first_sent < scenario_.measure_from) return;
    ++(outcome_.by_class[request.ticket.priority_class].*which);
    if (request.ticket.tenant >= outcome_.by_tenant.size()) {
      outcome_.by_tenant.resize(request.ticket.tenant + 1);
    }
    ++(outcome_.by_tenant[request.ticket.tenant].*which);
  }

  void handle() {
    const Event event = events_.top();
    events_.pop();
    switch (event.kind) {
      case Kind::stage: {
        const unsigned servers = scenario_.stages[stage_index(now_)].servers;
        return server_.set_servers(now_, servers);
      }
      case Kind::restart: return admission_->restart(now_);
      case Kind::stall: return admission_->stall(event.token == 1);
      case Kind::slice: return close_slice();
      case Kind::call: return admission_->called(now_, event.token);
      case Kind::retry: return send(static_cast<std::uint32_t>(event.token));
      case Kind::patience: return give_up(event.token);
      case Kind::closed: return tell(static_cast<std::uint32_t>(event.token), false);
    }
  }

  void give_up(std::uint64_t token) {
    if (!current(token)) return;
    Request& request = requests_[token & 0xFFFFFFFFU];
    if (request.given_up || now_ < request.sent + scenario_.clients.patience - 1e-9) return;
    request.given_up = true;
    const Request copy = request;
    retry(copy);
  }

  void close_slice() {
    const double stalled = scenario_.application.throttled ? 1.0 / 3 : 0;
    Slice& past = slice_of(now_ - slice_length / 2);
    past.capacity = slice_length * (1 - stalled) *
                    scenario_.stages[stage_index(now_ - slice_length / 2)].servers;
    past.limit = admission_->limit();
    schedule(now_ + slice_length, Kind::slice, 0);
  }

  const Scenario& scenario_;
  Random load_random_, other_random_;
  Server server_;
  Outcome outcome_;
  std::unique_ptr<Admission> admission_;

  double now_ = 0, next_arrival_ = 0;
  std::uint64_t order_ = 0;
  unsigned in_flight_ = 0;
  bool burst_on_ = false;
  double burst_until_ = 0;
  std::priority_queue<Event> events_;
  std::vector<Request> requests_;
  std::vector<std::uint32_t> free_;
};

}  // namespace

Outcome run(const Scenario& scenario, std::uint64_t seed, MakeAdmission make) {
  return World(scenario, seed, make).run();
}

Outcome run(const Scenario& scenario, std::uint64_t seed) {
  return run(scenario, seed, make_homeostat);
}

Stage stage_of(double from, double load, unsigned servers, std::vector<Stream> streams) {
  double work = 0, shares = 0;
  for (const Stream& stream : streams) {
    work += stream.share * stream.service;
    shares += stream.share;
  }
  return {from, load * servers * shares / work, 0, servers, std::move(streams)};
}

Stage stage(double from, double load, unsigned servers, double service, Shape shape) {
  Stream stream;
  stream.service = service;
  stream.shape = shape;
  return stage_of(from, load, servers, {stream});
}

}  // namespace homeostat::sim
