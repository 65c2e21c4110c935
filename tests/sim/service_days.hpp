// A simulated service and its days, for the simulation of rules.
//
// The service is a crude one on purpose: utilization from admitted work,
// latency from utilization, memory from a leak and the cache. A tenth of its
// clients are critical, half of them of the lowest class. Its days have a
// curve, noise and, if asked for, incidents: an overload, a leak, a slow
// dependency, errors, bursts. Overload means more than it can do, also without the
// low class; admission and shedding work as in the agent, by its own laws, and what
// they reject comes back as a signal. A burst is over before the next one: whom it
// turns away, and who waits too long for him, is up to the level's waits.
//
// Thread safety: none. By seed: the same seed gives the same days.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "actors/reject_share.hpp"
#include "rules/engine/engine.hpp"
#include "rules/laws/admission_profile.hpp"
#include "rules/laws/admission_queue.hpp"
#include "rules/laws/slo_burn.hpp"
#include "rules/laws/step_limit.hpp"
#include "runtime/gate/permit.hpp"

namespace homeostat::rules::sim {

using namespace std::chrono_literals;

inline constexpr int day_seconds = 24 * 3600;
inline constexpr double pi = 3.14159265358979;

struct Incident {
  enum class Kind { overload, leak, slow, errors, bursts, bursts_of_the_hasty } kind;
  int begin, end;
};

/// What the service would be asked for and suffer from, second by second.
class Day {
 public:
  Day(unsigned seed, bool incidents) : random_(seed) {
    if (!incidents) return;
    constexpr Incident::Kind kinds[] = {Incident::Kind::overload, Incident::Kind::leak,
                                        Incident::Kind::slow, Incident::Kind::errors};
    int at = 2 * 3600;
    for (const Incident::Kind kind : kinds) {
      const int begin = at + static_cast<int>(random_() % 3600);
      incidents_.push_back({kind, begin, begin + 600 + static_cast<int>(random_() % 1800)});
      at += 5 * 3600;
    }
  }
  static Day with(unsigned seed, std::vector<Incident> incidents) {
    Day day(seed, false);
    day.incidents_ = std::move(incidents);
    return day;
  }

  /// Requests per second; the service can do 100.
  double demand(int second) {
    const double curve = 45 - 30 * std::cos(2 * pi * second / day_seconds);
    noise_ = 0.95 * noise_ + std::normal_distribution<double>(0, 1.5)(random_);
    return std::max(1.0, curve + noise_ + (in(Incident::Kind::overload, second) ? crowd : 0));
  }
  /// Requests that come at once at the beginning of the second, besides.
  double burst(int second) {
    if (!in(Incident::Kind::bursts, second) && !in(Incident::Kind::bursts_of_the_hasty, second)) {
      return 0;
    }
    return std::uniform_real_distribution<double>(20, 40)(random_);
  }
  /// An answer later than this is worth nothing.
  [[nodiscard]] double patience(int second) const {
    return in(Incident::Kind::bursts_of_the_hasty, second) ? 0.1 : 1;
  }
  [[nodiscard]] bool in(Incident::Kind kind, int second) const {
    return std::any_of(incidents_.begin(), incidents_.end(), [&](const Incident& incident) {
      return incident.kind == kind && second >= incident.begin && second < incident.end;
    });
  }
  /// No incident for this long.
  [[nodiscard]] bool calm(int second, int length) const {
    return std::none_of(incidents_.begin(), incidents_.end(), [&](const Incident& incident) {
      return second >= incident.begin && second < incident.end + length;
    });
  }

 private:
  static constexpr double crowd = 180;
  std::mt19937 random_;
  std::vector<Incident> incidents_;
  double noise_ = 0;
};

/// The service with what the rules did to it.
class Service {
 public:
  void run(Day& day, int second, Instant now, const Outcome& outcome, std::uint8_t shed_from,
           Level waits) {
    const double burst = day.burst(second);
    const double demand = day.demand(second) + burst;
    const double ttl = outcome.endpoints.empty() ? 1 : outcome.endpoints.front().ttl_multiplier;
    const double hits = demand * std::clamp(0.3 + 0.08 * std::log2(ttl), 0.0, 0.9);
    const double slow = day.in(Incident::Kind::slow, second) ? 25 : 1;
    ceiling = ceiling_law_.towards(outcome.throttle_to, now);
    late_ = 0;
    if (burst > 0) {
      const double in_burst = burst * (1 - hits / demand);
      wait_out(in_burst, demand - hits - in_burst, {day.patience(second) - slow * service, waits},
               now, shed_from);
    } else {
      admit(demand - hits, now, shed_from);
    }
    const double busy = std::min(1.0, admitted_ / capacity);
    cpu = std::min(1.0, 0.08 + 0.95 * busy);
    latency = std::min(8.0, slow * service / std::max(0.02, 1 - busy));
    errors = day.in(Incident::Kind::errors, second) ? 0.5 : 0.001;
    leak = day.in(Incident::Kind::leak, second) ? std::min(0.5, leak + 0.0008)
                                                : std::max(0.0, leak - 0.002);
    memory = std::min(1.0, 0.35 + 0.2 * outcome.shrink_cache_to + leak);
    rate = demand;
    error_ratio = errors * admitted_ / std::max(1.0, hits + admitted_);
    if (burst <= 0 && latency >= 1) late_ = 0.7 * admitted_;
    good += hits + (admitted_ - late_) * (1 - errors);
    count_late(now, demand, demand - hits - admitted_);
  }

  void fill(Frame& frame) const {
    const auto set = [&](SignalId id, double value) {
      frame[id] = {value, frame.now, Quality::good, "sim"};
    };
    set(SignalId::cpu_utilization, cpu);
    set(SignalId::memory_utilization, memory);
    set(SignalId::traffic_rate, rate);
    set(SignalId::traffic_error_ratio, error_ratio);
    set(SignalId::upstream_error_ratio, errors);
    set(SignalId::upstream_latency_p95, latency);
    set(SignalId::admission_reject_ratio, rejected);
    set(SignalId::admission_critical_reject_ratio, critical_rejected);
    set(SignalId::admission_queue_wait, queue_wait);
    frame.endpoints.resize(1);
    frame.endpoints[0].name = "GET /page";
    frame.endpoints[0].values[static_cast<std::size_t>(SignalId::endpoint_latency_p95)] = {
        latency, frame.now, Quality::good, "sim"};
  }

  /// How fast what is promised, 99 % within the clients' patience, is broken: at all,
  /// and by late answers alone.
  [[nodiscard]] double burn() const { return bad_burn_.fast(); }
  [[nodiscard]] double late_burn() const { return late_burn_.fast(); }

  static constexpr double capacity = 100, service = 0.05;
  double cpu = 0, memory = 0.5, latency = 0.05, errors = 0, leak = 0, rejected = 0,
         critical_rejected = 0, rate = 0, queue_wait = 0, error_ratio = 0;
  Duration queue_standing{};
  double good = 0;     ///< requests answered well
  double ceiling = 1;  ///< of admission, as the throttle and its steps have it

 private:
  static constexpr std::array<double, 4> class_shares{0.1, 0.0, 0.4, 0.5};

  /// The better classes first, as far as the ceiling goes.
  void admit(double offered, Instant now, std::uint8_t shed_from) {
    using gate::RejectReason;
    double room = capacity * ceiling;
    std::array<double, 4> turned_away{};
    std::array<double, gate::reject_reason_count> rejections{};
    admitted_ = 0;
    for (std::size_t rank = 0; rank < class_shares.size(); ++rank) {
      const double asks = offered * class_shares[rank];
      const double gets = rank >= shed_from ? 0 : std::min(asks, room);
      room -= gets;
      admitted_ += gets;
      turned_away[rank] = rank >= shed_from ? 0 : asks - gets;
      const auto reason = rank >= shed_from ? RejectReason::shed_class : RejectReason::queue_full;
      rejections[static_cast<std::size_t>(reason)] += asks - gets;
    }
    double overload = 0;
    for (std::size_t reason = 0; reason < rejections.size(); ++reason) {
      if (gate::of_overload(static_cast<RejectReason>(reason))) overload += rejections[reason];
    }
    const auto whole = [](double count) { return static_cast<std::uint64_t>(std::llround(count)); };
    rejected = share_.update({now, whole(admitted_ + overload), whole(overload)});
    critical_rejected =
        critical_share_.update({now, whole(offered * class_shares[0]), whole(turned_away[0])});
    const bool queueing = room <= 0;
    queue_wait = queueing ? 0.1 : 0;
    queue_standing = queueing ? queue_standing + 1s : 0s;
  }

  struct Waits {
    double longest;  ///< that still leaves time to be served
    Level level;
  };
  /// A burst before an even flow, as the queue law takes them, a hundredth of a second
  /// at a time. What waits too long is served for nothing.
  void wait_out(double burst, double flow, Waits waits, Instant now, std::uint8_t shed_from) {
    double share = 0;
    for (std::size_t rank = 0; rank < std::min<std::size_t>(shed_from, class_shares.size()); ++rank)
      share += class_shares[rank];
    const AdmissionProfile profile = admission_profile(waits.level);
    const QueueBounds bounds{profile.max_wait, 1024, profile.burst_services, profile.standing_wait};
    const auto mean = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(service));
    const double pace = capacity * ceiling;
    const double budget =
        std::chrono::duration<double>(wait_budget(bounds, 0, mean, std::max(1.0, pace * service)))
            .count();
    double waiting = 0, turned_away = 0;
    admitted_ = queue_wait = 0;
    for (int step = 0; step < 100; ++step) {
      double come = share * (flow / 100 + (step == 0 ? burst : 0));
      for (; come > 1e-9; come -= 1) {
        const double part = std::min(come, 1.0), wait = waiting / pace;
        if (wait > budget) {
          turned_away += part;
          continue;
        }
        waiting += part;
        admitted_ += part;
        if (wait > waits.longest) late_ += part;
        queue_wait = std::max(queue_wait, wait);
      }
      waiting = std::max(0.0, waiting - pace / 100);
    }
    const auto whole = [](double count) { return static_cast<std::uint64_t>(std::llround(count)); };
    rejected = share_.update({now, whole(admitted_ + turned_away), whole(turned_away)});
    critical_rejected = critical_share_.update({now, whole((burst + flow) * class_shares[0]), 0});
    queue_standing = 0s;
  }

  void count_late(Instant now, double asked, double turned_away) {
    asked_ += asked;
    answered_late_ += late_;
    unhappy_ += late_ + turned_away;
    const auto whole = [](double count) { return static_cast<std::uint64_t>(count); };
    bad_burn_.update(now, {whole(asked_), whole(unhappy_)});
    late_burn_.update(now, {whole(asked_), whole(answered_late_)});
  }

  double admitted_ = 0, late_ = 0, asked_ = 0, answered_late_ = 0, unhappy_ = 0;
  SloBurn bad_burn_{0.99}, late_burn_{0.99};
  StepLimit ceiling_law_{1, 0.1};
  actors::RejectShare share_, critical_share_;
};

}  // namespace homeostat::rules::sim
