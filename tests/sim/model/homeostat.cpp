#include "tests/sim/model/homeostat.hpp"

#include <boost/asio/io_context.hpp>
#include <unordered_map>
#include <utility>

#include "rules/laws/concurrency_limit.hpp"
#include "runtime/gate/gate.hpp"
#include "runtime/ports/clock.hpp"

namespace homeostat::sim {

namespace {

constexpr double window_length = 0.1;
constexpr double expiry_step = 0.005;  ///< how late a wait may end
constexpr std::uint64_t window_token = 0, expiry_token = 1;

Duration to_duration(double seconds) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

class Homeostat final : public Admission {
 public:
  Homeostat(Host& host, rules::Level level)
      : host_(host), level_(level), gate_(settings_, 1, clock_), law_(bounds()) {
    worker_.attach(context_.get_executor());
  }
  ~Homeostat() override {
    over_ = true;  // nobody is there to hear how the last ones end
    worker_.drain();
  }

  void start(double now) override {
    move_to(now);
    (void)gate_.collect(clock_.now());
    host_.call_at(now + window_length, window_token);
  }

  void arrived(double now, const Ticket& ticket) override {
    move_to(now);
    Request& request = requests_.try_emplace(ticket.id, *this, ticket.id).first->second;
    gate::Admission answer = worker_.admit({.endpoint = ticket.endpoint + 1,
                                            .priority_class = ticket.priority_class,
                                            .now = clock_.now(),
                                            .deadline = std::nullopt,
                                            .tenant = std::uint64_t{ticket.tenant} + 1},
                                           request);
    if (auto* permit = std::get_if<gate::Permit>(&answer)) {
      request.on_admitted(std::move(*permit));
    } else if (const auto* rejection = std::get_if<gate::Rejection>(&answer)) {
      request.on_rejected(*rejection);
    } else if (!std::exchange(expiry_due_, true)) {
      host_.call_at(now + expiry_step, expiry_token);
    }
  }

  void answered(double now, const Answer& answer) override {
    move_to(now);
    gate::Permit permit = take(answer.ticket.id);
    if (answer.stream) {
      permit.ignore();  // it stands aside from now on
    } else {
      permit.success(to_duration(answer.latency));
    }
  }

  void called(double now, std::uint64_t token) override {
    move_to(now);
    if (token == window_token) return close_window(now);
    worker_.expire(clock_.now());
    expiry_due_ = worker_.waiting() > 0;
    if (expiry_due_) host_.call_at(now + expiry_step, expiry_token);
  }

  void restart(double) override {
    rules::LimitBounds again = bounds();
    again.initial = gate_.limit();
    law_ = rules::ConcurrencyLimit(again);
  }
  void stall(bool stalled) override { stalled_ = stalled; }
  bool knows_streams() const override { return true; }
  double limit() const override { return gate_.limit(); }

 private:
  class Request final : public gate::GateWaiter {
   public:
    Request(Homeostat& owner, std::uint32_t id) : owner_(owner), id_(id) {}
    void on_admitted(gate::Permit given) override {
      permit = std::move(given);
      if (!owner_.host_.dispatch(id_)) owner_.take(id_).drop();
    }
    void on_rejected(const gate::Rejection&) override {
      Host& host = owner_.host_;
      const std::uint32_t id = id_;
      if (owner_.over_) return;
      owner_.requests_.erase(id);  // and with it this object
      host.reject(id);
    }
    gate::Permit permit;

   private:
    Homeostat& owner_;
    std::uint32_t id_;
  };

  rules::LimitBounds bounds() const {
    return {settings_.limit_initial, settings_.limit_min, settings_.limit_max};
  }

  gate::Permit take(std::uint32_t id) {
    const auto found = requests_.find(id);
    gate::Permit permit = std::move(found->second.permit);
    requests_.erase(found);
    return permit;
  }

  void move_to(double now) {
    const Duration at = to_duration(now);
    clock_.advance(at - std::exchange(moved_, at));
  }

  void close_window(double now) {
    host_.call_at(now + window_length, window_token);
    if (stalled_) return;
    gate_.apply({.limit = law_.update(gate_.collect(clock_.now()).window).limit, .level = level_});
    context_.restart();
    context_.poll();  // wakes the worker where the limit has risen
  }

  Host& host_;
  const rules::Level level_;
  const config::AdmissionSettings settings_{};
  ManualClock clock_;
  boost::asio::io_context context_{1};
  gate::Gate gate_;
  gate::WorkerGate& worker_ = gate_.worker(0);
  rules::ConcurrencyLimit law_;
  std::unordered_map<std::uint32_t, Request> requests_;
  Duration moved_{};
  bool stalled_ = false, expiry_due_ = false, over_ = false;
};

}  // namespace

template <rules::Level level>
std::unique_ptr<Admission> make_homeostat_at(Host& host) {
  return std::make_unique<Homeostat>(host, level);
}
template std::unique_ptr<Admission> make_homeostat_at<rules::Level::conservative>(Host& host);
template std::unique_ptr<Admission> make_homeostat_at<rules::Level::balanced>(Host& host);
template std::unique_ptr<Admission> make_homeostat_at<rules::Level::aggressive>(Host& host);

std::unique_ptr<Admission> make_homeostat(Host& host) {
  return make_homeostat_at<rules::Level::balanced>(host);
}

}  // namespace homeostat::sim
