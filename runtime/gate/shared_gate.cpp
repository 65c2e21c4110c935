#include "runtime/gate/shared_gate.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "rules/laws/admission_profile.hpp"

namespace homeostat::gate {

namespace {

/// Weight of a new window in the expected service times: about four windows.
constexpr double service_weight = 0.25;

std::int64_t blend(std::int64_t old, double fresh_seconds) noexcept {
  const double fresh = fresh_seconds * 1e9;
  if (old == 0) return static_cast<std::int64_t>(fresh);
  const double mixed = static_cast<double>(old) * (1 - service_weight) + fresh * service_weight;
  return static_cast<std::int64_t>(mixed);
}

/// One minute of windows of 100 ms: overload that lasts longer is the usual state.
constexpr unsigned least_windows = 600;

/// Of two, where 0 stands for none.
constexpr std::int64_t least_of(std::int64_t a, std::int64_t b) noexcept {
  return a == 0 || b == 0 ? std::max(a, b) : std::min(a, b);
}

rules::QueueBounds queue_bounds(const config::AdmissionSettings& settings, rules::Level level) {
  const rules::AdmissionProfile profile = rules::admission_profile(level, settings.max_wait);
  return {profile.max_wait, settings.queue_max, profile.burst_services, profile.standing_wait};
}

}  // namespace

SharedGate::SharedGate(const config::AdmissionSettings& settings, unsigned workers,
                       std::size_t endpoints)
    : mode_(settings.mode),
      bounds_{queue_bounds(settings, rules::Level::conservative),
              queue_bounds(settings, rules::Level::balanced),
              queue_bounds(settings, rules::Level::aggressive)},
      retry_after_min_(settings.retry_after_min),
      limit_initial_(settings.limit_initial),
      limit_min_(std::max(settings.limit_min, 1.0)),
      limit_max_(std::max(settings.limit_max, limit_min_)),
      streams_max_(static_cast<std::int64_t>(settings.streams_max)),
      service_(std::max<std::size_t>(endpoints, 1)),
      least_(service_.size()),
      unloaded_(service_.size()),
      workers_(workers) {
  apply({});
}

void SharedGate::apply(const AdmissionPolicy& policy) noexcept {
  const double wanted = policy.limit > 0 ? policy.limit : limit_initial_;
  const double limit = std::clamp(wanted * policy.ceiling_factor, limit_min_, limit_max_);
  shed_class_from_.store(policy.shed_class_from, std::memory_order_relaxed);
  level_.store(static_cast<std::uint8_t>(policy.level), std::memory_order_relaxed);
  limit_.store(limit);
  limit_slots_.store(std::max<std::int64_t>(1, std::llround(limit)));
}

void SharedGate::bound_connections(std::size_t connections) noexcept {
  connections_.store(static_cast<std::int64_t>(connections));
}

std::uint32_t SharedGate::try_acquire(std::uint32_t weight) noexcept {
  std::int64_t taken = in_flight_.load();
  for (;;) {
    const std::int64_t slots = this->slots();
    const std::int64_t wanted = std::min<std::int64_t>(weight, slots);
    if (taken + wanted > slots) return 0;
    if (in_flight_.compare_exchange_weak(taken, taken + wanted)) {
      return static_cast<std::uint32_t>(wanted);
    }
  }
}

std::uint32_t SharedGate::try_acquire_again(std::uint32_t weight) noexcept {
  std::int64_t taken = in_flight_.load();
  for (;;) {
    const std::int64_t slots = this->slots();
    const std::int64_t wanted = std::min<std::int64_t>(weight, slots);
    const std::int64_t above = std::max(slots / 4, wanted);
    if (taken + wanted > slots + above) return 0;
    if (in_flight_.compare_exchange_weak(taken, taken + wanted)) {
      return static_cast<std::uint32_t>(wanted);
    }
  }
}

bool SharedGate::try_aside() noexcept {
  std::int64_t there = aside_.load();
  for (;;) {
    const std::int64_t connections = connections_.load();
    const std::int64_t places = std::min(streams_max_, connections - connections / 4);
    if (there >= places) return false;
    if (aside_.compare_exchange_weak(there, there + 1)) return true;
  }
}

// Joining counts the worker first and the class last, leaving does the
// reverse, so that whoever sees the class count finds the worker unless the
// waiter left meanwhile (and whoever removed it then pumps).
void SharedGate::waiter_joined(unsigned worker, std::uint8_t priority_class, Duration work,
                               Instant now) noexcept {
  if (length_.fetch_add(1) == 0) not_empty_since_.store(now.time_since_epoch().count());
  work_[priority_class].fetch_add(work.count());
  workers_[worker].waiting[priority_class].fetch_add(1);
  waiting_[priority_class].fetch_add(1);
}

void SharedGate::waiter_left(unsigned worker, std::uint8_t priority_class, Duration work) noexcept {
  waiting_[priority_class].fetch_sub(1);
  workers_[worker].waiting[priority_class].fetch_sub(1);
  work_[priority_class].fetch_sub(work.count());
  length_.fetch_sub(1);
}

bool SharedGate::waits_at_or_above(std::uint8_t priority_class) const noexcept {
  for (std::size_t index = 0; index <= priority_class; ++index) {
    if (waiting_[index].load() > 0) return true;
  }
  return false;
}

Duration SharedGate::standing(Instant now) const noexcept {
  if (length_.load() == 0) return Duration::zero();
  const Instant since{Duration(not_empty_since_.load())};
  return std::max(now - since, Duration::zero());
}

Duration SharedGate::work_ahead(std::uint8_t priority_class) const noexcept {
  std::int64_t sum = 0;
  for (std::size_t index = 0; index <= priority_class; ++index) sum += work_[index].load();
  return Duration(std::max<std::int64_t>(sum, 0));
}

std::optional<rules::ClassChoice> SharedGate::next_class() const noexcept {
  rules::ClassCounts waiting{};
  rules::ClassCounts credits{};
  for (std::size_t index = 0; index < waiting.size(); ++index) {
    waiting[index] = waiting_[index].load();
    credits[index] = credits_[index].load(std::memory_order_relaxed);
  }
  return rules::choose_class(waiting, credits);
}

namespace {

constexpr unsigned class_shift = 32, worker_shift = 40;

std::uint64_t pack(const SharedGate::Claim& claim) noexcept {
  return (std::uint64_t{claim.worker} + 1) << worker_shift |
         std::uint64_t{claim.priority_class} << class_shift | claim.weight;
}

std::uint8_t class_of(std::uint64_t packed) noexcept {
  return static_cast<std::uint8_t>(packed >> class_shift);
}

}  // namespace

std::optional<SharedGate::Claim> SharedGate::claim() const noexcept {
  const std::uint64_t packed = claim_.load();
  if (packed == 0) return std::nullopt;
  return Claim{static_cast<unsigned>((packed >> worker_shift) - 1), class_of(packed),
               static_cast<std::uint32_t>(packed)};
}

bool SharedGate::take_claim(const Claim& claim) noexcept {
  const std::uint64_t wanted = pack(claim);
  std::uint64_t there = claim_.load();
  while (there == 0 || class_of(there) > claim.priority_class) {
    if (claim_.compare_exchange_weak(there, wanted)) return true;
  }
  return false;
}

void SharedGate::drop_claim(const Claim& claim) noexcept {
  std::uint64_t mine = pack(claim);
  (void)claim_.compare_exchange_strong(mine, 0);
}

void SharedGate::granted(rules::ClassChoice choice) noexcept {
  rules::ClassCounts waiting{};
  rules::ClassCounts credits{};
  for (std::size_t index = 0; index < waiting.size(); ++index) {
    waiting[index] = waiting_[index].load(std::memory_order_relaxed);
    credits[index] = credits_[index].load(std::memory_order_relaxed);
  }
  // Two workers granting at once may lose one credit: the share is a floor of
  // about 5 %, not an account.
  const rules::ClassCounts after = rules::credits_after(waiting, credits, choice);
  for (std::size_t index = 0; index < after.size(); ++index) {
    if (after[index] != credits[index]) {
      credits_[index].store(after[index], std::memory_order_relaxed);
    }
  }
}

Duration SharedGate::service_mean() const noexcept {
  return Duration(std::chrono::nanoseconds(service_mean_.load(std::memory_order_relaxed)));
}

Duration SharedGate::service_of(EndpointId endpoint) const noexcept {
  const std::size_t index = endpoint < service_.size() ? endpoint : 0;
  const std::int64_t known = service_[index].load(std::memory_order_relaxed);
  return known > 0 ? Duration(std::chrono::nanoseconds(known)) : service_mean();
}

Duration SharedGate::unloaded_service_of(EndpointId endpoint) const noexcept {
  const std::size_t index = endpoint < unloaded_.size() ? endpoint : 0;
  return Duration(std::chrono::nanoseconds(unloaded_[index].load(std::memory_order_relaxed)));
}

void SharedGate::learn_unloaded() noexcept {
  const bool turn = ++learnt_windows_ % least_windows == 0;
  for (std::size_t index = 0; index < least_.size(); ++index) {
    LeastService& least = least_[index];
    if (turn) least.before = std::exchange(least.now, 0);
    if (least.now == 0 && least.before == 0) continue;
    unloaded_[index].store(least_of(least.now, least.before), std::memory_order_relaxed);
  }
}

void SharedGate::learn_service(const std::vector<rules::EndpointSamples>& samples) noexcept {
  double sum = 0;
  std::uint64_t count = 0;
  for (const rules::EndpointSamples& endpoint : samples) {
    if (endpoint.count == 0 || endpoint.endpoint >= service_.size()) continue;
    sum += endpoint.latency_sum;
    count += endpoint.count;
    std::atomic<std::int64_t>& slot = service_[endpoint.endpoint];
    const double mean = endpoint.latency_sum / static_cast<double>(endpoint.count);
    const std::int64_t blended = blend(slot.load(std::memory_order_relaxed), mean);
    slot.store(blended, std::memory_order_relaxed);
    std::int64_t& least = least_[endpoint.endpoint].now;
    least = least_of(least, blended);
  }
  learn_unloaded();
  if (count == 0) return;
  const double mean = sum / static_cast<double>(count);
  service_mean_.store(blend(service_mean_.load(std::memory_order_relaxed), mean),
                      std::memory_order_relaxed);
}

}  // namespace homeostat::gate
