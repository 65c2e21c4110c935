// Which target a request goes to, and what a call's end means for the others.
#include <algorithm>
#include <limits>
#include <optional>

#include "runtime/proxy/upstream_target.hpp"

namespace homeostat::proxy {
namespace {

using rules::BreakerCause;
using rules::BreakerState;
using rules::BreakerVerdict;
using rules::CallResult;

constexpr auto relaxed = std::memory_order_relaxed;

/// Less is better. Within a tier, the fewest requests in flight.
enum Tier : std::uint8_t {
  /// Open, a probe is due, and this request can be repeated elsewhere; or a probe
  /// is overdue, and the next request of any kind takes the risk: where none can be
  /// repeated, the target would stay out for ever.
  probed,
  normal,
  avoided,    ///< it has just failed this very request
  risked,     ///< open, a probe is due, but this request cannot be repeated
  unhealthy,  ///< by the active check
};

/// How long an answer takes at least before it is slow by comparison.
constexpr std::chrono::seconds slow_least{2};

}  // namespace

struct UpstreamSet::Candidate {
  UpstreamTarget* target = nullptr;
  Tier tier = normal;
  double load = std::numeric_limits<double>::infinity();
  bool flows = false;  ///< lets everything pass
  [[nodiscard]] bool better_than(const Candidate& other) const noexcept {
    return other.target == nullptr || tier < other.tier ||
           (tier == other.tier && load < other.load);
  }
};

// -- who may take a request -------------------------------------------------------

/// Ejections and active checks are opinions; where they leave too few targets,
/// they are not followed (Envoy's panic). An open breaker is a fact.
bool UpstreamSet::panics(Instant now) const {
  const std::size_t count = targets_.size();
  if (count == 1) return true;
  std::size_t fit = 0;
  for (const auto& target : targets_) {
    if (target->active_health() && !target->ejected(now)) ++fit;
  }
  return static_cast<double>(fit) < settings_.outliers.panic_below * static_cast<double>(count);
}

bool UpstreamSet::refuses(const UpstreamTarget& target, rules::EndpointId endpoint, Instant now,
                          bool panic) const {
  const Breaker& breaker = target.breaker();
  if (!breaker.closed() && breaker.refuses(now) && !(panic && target.ejected(now))) return true;
  const EndpointBreaker* own = target.known_endpoint(endpoint);
  return own != nullptr && own->breaker.refuses(now);
}

bool UpstreamSet::refuses(rules::EndpointId endpoint, Instant now) const {
  return acts() && all_refuse(endpoint, now);
}

bool UpstreamSet::all_refuse(rules::EndpointId endpoint, Instant now) const {
  std::optional<bool> panic;  // the rule: the first one takes it
  for (const auto& target : targets_) {
    const EndpointBreaker* own = target->known_endpoint(endpoint);
    if (target->breaker().closed() && (own == nullptr || own->breaker.closed())) return false;
    if (!panic) panic = panics(now);
    if (!refuses(*target, endpoint, now, *panic)) return false;
  }
  return true;
}

UpstreamSet::Candidate UpstreamSet::assess(UpstreamTarget& target, const UpstreamQuery& query,
                                           bool panic, bool by_breakers) const {
  if (query.with_room && target.connections() >= settings_.connections_max) return {};
  const EndpointBreaker* own = target.known_endpoint(query.endpoint);
  const bool closed = target.breaker().closed() && (own == nullptr || own->breaker.closed());
  Candidate candidate{&target, normal, static_cast<double>(target.in_flight()), closed};
  if (!closed && by_breakers) {
    if (refuses(target, query.endpoint, query.now, panic)) return {};
    BreakerView view = target.breaker().view(query.now);
    if (view.share >= 1 && own != nullptr) view = own->breaker.view(query.now);
    if (view.state == BreakerState::open && view.cause != BreakerCause::outlier) {
      candidate.tier = query.repeatable || view.overdue ? probed : risked;
    } else if (view.state == BreakerState::recovering) {
      candidate.load = (candidate.load + 1) / view.share;
    }
  }
  if (&target == query.avoid) candidate.tier = std::max(candidate.tier, avoided);
  if (!target.active_health() && !panic) candidate.tier = unhealthy;
  return candidate;
}

/// Takes the probe, or throws the dice of a recovery.
bool UpstreamSet::admitted(UpstreamTarget& target, const UpstreamQuery& query, bool panic) {
  Breaker& breaker = target.breaker();
  const BreakerVerdict whole = panic && target.ejected(query.now)
                                   ? BreakerVerdict::pass
                                   : breaker.admit(query.now, query.unit);
  if (whole == BreakerVerdict::refuse) return false;
  EndpointBreaker* own = target.known_endpoint(query.endpoint);
  const BreakerVerdict part =
      own == nullptr ? BreakerVerdict::pass : own->breaker.admit(query.now, query.unit);
  if (part == BreakerVerdict::refuse) return false;
  if (acts() && (whole == BreakerVerdict::probe || part == BreakerVerdict::probe)) {
    counters_.probes.fetch_add(1, relaxed);
  }
  return true;
}

/// In shadow the breakers are asked as if they were followed, recovery's dice and
/// all, and nobody listens. Once for each request, not for each of its attempts.
UpstreamTarget* UpstreamSet::choose(const UpstreamQuery& query) {
  if (settings_.breaker.mode == config::LoopMode::shadow && query.avoid == nullptr &&
      select(query, true) == nullptr) {
    counters_.would_refuse.fetch_add(1, relaxed);
  }
  return select(query, acts());
}

UpstreamTarget* UpstreamSet::select(const UpstreamQuery& query, bool by_breakers) {
  const bool panic = panics(query.now);
  std::uint64_t tried = 0;
  for (;;) {
    Candidate best;
    std::uint64_t best_bit = 0;
    bool others_flow = false;
    for (std::size_t i = 0; i < targets_.size(); ++i) {
      const std::size_t index = (i + query.turn) % targets_.size();
      const std::uint64_t bit = std::uint64_t{1} << index;
      if ((tried & bit) != 0) continue;
      const Candidate candidate = assess(*targets_[index], query, panic, by_breakers);
      if (candidate.target == nullptr) continue;
      others_flow = others_flow || candidate.flows;
      if (!candidate.better_than(best)) continue;
      best = candidate;
      best_bit = bit;
    }
    if (best.target == nullptr) break;
    // Among targets that flow, a recovering one is held back by its weight.
    UpstreamQuery asked = query;
    if (others_flow) asked.unit = 0;
    if (!by_breakers || admitted(*best.target, asked, panic)) return best.target;
    tried |= best_bit;
  }
  return nullptr;
}

bool UpstreamSet::any_healthy(Instant now) const {
  return std::any_of(targets_.begin(), targets_.end(),
                     [now](const auto& target) { return target->healthy(now); });
}

UpstreamRefusal UpstreamSet::refusal(rules::EndpointId endpoint, Instant now) {
  counters_.refused.fetch_add(1, relaxed);
  UpstreamRefusal least{BreakerCause::silence, Duration::max()};
  for (const auto& target : targets_) {
    const Breaker* breaker = &target->breaker();
    const EndpointBreaker* own = target->known_endpoint(endpoint);
    if (own != nullptr && (breaker->closed() || own->breaker.wait(now) > breaker->wait(now))) {
      breaker = &own->breaker;
    }
    const Duration wait = breaker->wait(now);
    if (wait < least.wait) least = {breaker->view(now).cause, wait};
  }
  return least;
}

// -- what became of it ------------------------------------------------------------

void UpstreamSet::answered(UpstreamTarget& target, rules::EndpointId endpoint, bool failed,
                           std::optional<Duration> latency, Instant started, Instant now) {
  if (settings_.breaker.mode == config::LoopMode::off) return;
  EndpointBreaker& own = target.endpoint(endpoint, now);
  CallResult result = CallResult::failed;
  if (!failed) {
    const bool slow = latency && *latency > slow_bound(own);
    result = slow ? CallResult::slow : CallResult::answered;
    if (latency) own.learn(*latency);
  }
  report(target, own, result, started, now);
}

void UpstreamSet::lost(UpstreamTarget& target, rules::EndpointId endpoint, CallResult result,
                       Instant started, Instant now) {
  if (settings_.breaker.mode == config::LoopMode::off) return;
  report(target, target.endpoint(endpoint, now), result, started, now);
}

void UpstreamSet::not_connected(UpstreamTarget& target, Instant started, Instant now) {
  if (settings_.breaker.mode == config::LoopMode::off) return;
  target.breaker().report(CallResult::unanswered, started, now);
  target.count_call(true);
}

/// An endpoint that fails alone opens before it can take its target with it,
/// and then its failures count there no more. A good answer always does: where
/// everything failed, the first probe that succeeds is one of such an endpoint.
void UpstreamSet::report(UpstreamTarget& target, EndpointBreaker& own, CallResult result,
                         Instant started, Instant now) {
  const bool counts = own.breaker.closed();
  const bool opened = own.breaker.report(result, started, now);
  const bool good = result == CallResult::answered || result == CallResult::slow;
  if ((counts && !opened) || good) target.breaker().report(result, started, now);
  if (result != CallResult::silent) {
    target.count_call(result == CallResult::failed || result == CallResult::unanswered);
  }
  if (targets_.size() > 1 && now.time_since_epoch().count() >= next_sweep_.load(relaxed)) {
    sweep(now);
  }
}

Duration UpstreamSet::slow_bound(const EndpointBreaker& own) const noexcept {
  const Duration fixed = settings_.breaker.slow_call;
  return fixed > Duration::zero() ? fixed : own.slow_bound(slow_least);
}

Duration UpstreamSet::silence_after(UpstreamTarget& target, rules::EndpointId endpoint,
                                    Instant now) {
  if (settings_.breaker.mode == config::LoopMode::off) return Duration::max();
  return slow_bound(target.endpoint(endpoint, now));
}

bool UpstreamSet::given_up(const UpstreamTarget& target, rules::EndpointId endpoint) const {
  if (!acts()) return false;
  const EndpointBreaker* own = target.known_endpoint(endpoint);
  return !target.breaker().closed() || (own != nullptr && !own->breaker.closed());
}

bool UpstreamSet::may_retry(Instant now) {
  const std::uint64_t sent = counters_.connects.load(relaxed) + counters_.reuses.load(relaxed);
  // Further addresses of one name are no further requests.
  const std::uint64_t again =
      counters_.retries.load(relaxed) + counters_.further_addresses.load(relaxed);
  const std::lock_guard lock(mutex_);
  const bool granted = budget_.take(now, sent - std::min(sent, again));
  (granted ? counters_.retries : counters_.retries_denied).fetch_add(1, relaxed);
  return granted;
}

// -- outliers -----------------------------------------------------------------------

void UpstreamSet::sweep(Instant now) {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock || now.time_since_epoch().count() < next_sweep_.load(relaxed)) return;
  const config::OutlierSettings& settings = settings_.outliers;
  next_sweep_.store((now + settings.interval).time_since_epoch().count(), relaxed);
  std::vector<rules::OutlierView> views;
  for (const auto& target : targets_) views.push_back(target->take_interval());
  const rules::OutlierBounds bounds{.deviations = settings.deviations,
                                    .gap_min = settings.gap_min,
                                    .calls_min = settings.volume_min,
                                    .ejected_max = settings.ejected_max,
                                    .ejection = settings.ejection,
                                    .ejection_max = settings.ejection_max};
  for (const std::size_t index : rules::find_outliers(views, bounds)) {
    targets_[index]->eject(now, bounds);
  }
}

}  // namespace homeostat::proxy
