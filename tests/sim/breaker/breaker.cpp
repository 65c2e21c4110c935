#include "tests/sim/breaker/breaker.hpp"

#include <algorithm>
#include <queue>

#include "tests/sim/model/random.hpp"

namespace homeostat::sim {

namespace {

constexpr double service = 0.02;
constexpr double timeout = 30, silence_after = 2, silence_period = 1, slow_answer = 5;
constexpr double wake_up = 0.01;  ///< of what hung, once the application goes on

struct Event {
  double at, started;
  CallEnd end;
  bool operator<(const Event& other) const { return at > other.at; }
};

class Loop {
 public:
  Loop(const BreakerCase& scenario, std::uint64_t seed, MakeBreaker make)
      : scenario_(scenario), random_(seed), breaker_(make()) {}

  BreakerOutcome run() {
    BreakerOutcome outcome;
    outcome.seconds.assign(static_cast<std::size_t>(scenario_.duration) + 1, {});
    for (double now = next(0); now < scenario_.duration; now = next(now)) {
      while (!events_.empty() && events_.top().at <= now) settle();
      BreakerOutcome::Second& second = outcome.seconds[static_cast<std::size_t>(now)];
      ++second.offered;
      if (!breaker_->admits(now, random_.uniform())) continue;
      ++second.sent;
      const Event end = call(now);
      if (end.end == CallEnd::good) ++second.good;
      events_.push(end);
    }
    return outcome;
  }

 private:
  double next(double now) { return now + random_.exponential(1 / scenario_.rate); }

  void settle() {
    const Event event = events_.top();
    events_.pop();
    breaker_->ended(event.end, event.started, event.at);
    if (event.end != CallEnd::silent) return;
    if (scenario_.health(event.at) != Health::hanging) {
      events_.push({event.at + wake_up, event.started, CallEnd::slow});
    } else if (event.at + silence_period >= event.started + timeout) {
      events_.push({event.started + timeout, event.started, CallEnd::timed_out});
    } else {
      events_.push({event.at + silence_period, event.started, CallEnd::silent});
    }
  }

  Event call(double now) {
    const double end = now + random_.exponential(service);
    const bool unlucky = random_.uniform() < scenario_.failing_share;
    const bool late = random_.uniform() < scenario_.slow_share;
    switch (scenario_.health(now)) {
      case Health::refusing: return {now, now, CallEnd::refused};
      case Health::failing: return {end, now, unlucky ? CallEnd::failed : CallEnd::good};
      case Health::hanging: return {now + silence_after, now, CallEnd::silent};
      case Health::slow: return {now + slow_answer, now, CallEnd::slow};
      case Health::well: break;
    }
    return late ? Event{now + slow_answer, now, CallEnd::slow} : Event{end, now, CallEnd::good};
  }

  const BreakerCase& scenario_;
  Random random_;
  std::unique_ptr<BreakerModel> breaker_;
  std::priority_queue<Event> events_;
};

}  // namespace

int BreakerOutcome::most_sent(std::size_t from, std::size_t to) const {
  int most = 0;
  for (std::size_t i = from; i < to; ++i) most = std::max(most, seconds[i].sent);
  return most;
}

double BreakerOutcome::good_share(std::size_t from, std::size_t to) const {
  double good = 0, offered = 0;
  for (std::size_t i = from; i < to; ++i) {
    good += seconds[i].good;
    offered += seconds[i].offered;
  }
  return good / offered;
}

double BreakerOutcome::sent_share(std::size_t from, std::size_t to) const {
  double sent = 0, offered = 0;
  for (std::size_t i = from; i < to; ++i) {
    sent += seconds[i].sent;
    offered += seconds[i].offered;
  }
  return sent / offered;
}

double BreakerOutcome::until_all_served(std::size_t cure, std::size_t to) const {
  std::size_t last = cure;
  for (std::size_t i = cure; i < to; ++i) {
    if (seconds[i].good < seconds[i].offered) last = i + 1;
  }
  return static_cast<double>(last - cure);
}

BreakerOutcome run(const BreakerCase& scenario, std::uint64_t seed, MakeBreaker make) {
  return Loop(scenario, seed, make).run();
}

BreakerCase sick_between(Health how, double from, double to) {
  BreakerCase scenario;
  scenario.health = [=](double now) { return now >= from && now < to ? how : Health::well; };
  return scenario;
}

}  // namespace homeostat::sim
