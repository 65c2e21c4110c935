#include "runtime/cache/refresh_control.hpp"

#include <algorithm>

namespace homeostat::cache {
namespace {

rules::BackoffBounds bounds_of(const config::RefreshSettings& settings, unsigned tolerance) {
  return {settings.backoff_first, std::max<Duration>(settings.backoff_max, settings.backoff_first),
          settings.retry_after_max, tolerance};
}

template <class Counts>
void add(Counts& counts, std::size_t index) noexcept {
  counts[index].fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

const char* to_string(RefreshKind kind) noexcept {
  static constexpr std::array<const char*, refresh_kind_count> names{"revalidate", "attempt",
                                                                     "ahead"};
  return names[static_cast<std::size_t>(kind)];
}

const char* to_string(RefreshResult result) noexcept {
  static constexpr std::array<const char*, refresh_result_count> names{
      "updated", "not_modified", "uncacheable", "failed", "rejected", "dropped"};
  return names[static_cast<std::size_t>(result)];
}

const char* to_string(RefreshHold hold) noexcept {
  static constexpr std::array<const char*, refresh_hold_count> names{"concurrency", "budget",
                                                                     "origin", "gate", "shadow"};
  return names[static_cast<std::size_t>(hold)];
}

Trouble RefreshControl::trouble(const Object& object, EndpointId id, Instant now) const noexcept {
  if (rules::in_trouble(origin_.load(), origin_tolerance, now)) return Trouble::unreachable;
  const bool failing = rules::in_trouble(route(id).load(), route_tolerance, now) ||
                       rules::in_trouble(object.refresh().backoff.load(), 0, now);
  return failing ? Trouble::error : Trouble::none;
}

bool RefreshControl::hold(RefreshHold reason) noexcept {
  add(held_, static_cast<std::size_t>(reason));
  return false;
}

/// REQUIRES: the key is claimed. Once per key and pause, so the lock is rare.
bool RefreshControl::ahead_allowed(const Request& request) {
  if (origin_.load().failures > 0 || route(request.route).load().failures > 0) {
    return hold(RefreshHold::origin);
  }
  if (request.gate_busy) return hold(RefreshHold::gate);
  const Freshness& freshness = request.object.freshness();
  rules::AheadView view;
  view.usable = freshness.lifetime - freshness.initial_age;
  view.left = freshness.remaining(request.now);
  if (request.settings.ahead == config::LoopMode::shadow) return hold(RefreshHold::shadow);
  const std::lock_guard lock(budget_mutex_);
  return budget_.take(rules::refresh_ahead_cost(view)) || hold(RefreshHold::budget);
}

/// A level in trouble lets one attempt at a time through.
bool RefreshControl::pass_levels(const Request& request) {
  const auto troubled = [&](const BackoffCell& level, unsigned tolerance) {
    return rules::in_trouble(level.load(), tolerance, request.now);
  };
  const bool origin = troubled(origin_, origin_tolerance);
  if (origin && !origin_.try_begin(request.now, request.lease)) return false;
  BackoffCell& own = route(request.route);
  if (!troubled(own, route_tolerance) || own.try_begin(request.now, request.lease)) return true;
  if (origin) origin_.release(request.now);
  return false;
}

bool RefreshControl::begin(const Request& request) {
  BackoffCell& key = request.object.refresh().backoff;
  if (!key.try_begin(request.now, request.lease)) return false;
  const auto give_up = [&] {
    key.release(request.now + request.settings.backoff_first);
    return false;
  };
  if (request.kind == RefreshKind::ahead && !ahead_allowed(request)) return give_up();
  if (running_.fetch_add(1) >= request.settings.concurrency_max) {
    running_.fetch_sub(1);
    hold(RefreshHold::concurrency);
    return give_up();
  }
  if (!pass_levels(request)) {
    running_.fetch_sub(1);
    hold(RefreshHold::origin);
    return give_up();
  }
  add(started_, static_cast<std::size_t>(request.kind));
  return true;
}

void RefreshControl::withdraw(const Request& request) {
  request.object.refresh().backoff.release(request.now + request.settings.backoff_first);
  finish(request.kind, RefreshResult::dropped);
}

void RefreshControl::finish(RefreshKind kind, RefreshResult result) noexcept {
  running_.fetch_sub(1);
  add(ended_[static_cast<std::size_t>(kind)], static_cast<std::size_t>(result));
}

void RefreshControl::report(const Object* object, EndpointId id, const FetchEnd& end,
                            const config::RefreshSettings& settings, Instant now) {
  const rules::FetchOutcome outcome = end.report.outcome;
  const auto tell = [&](BackoffCell& cell, unsigned tolerance, const rules::FetchReport& report) {
    cell.report(report, bounds_of(settings, tolerance), now, random_unit());
  };
  if (object != nullptr) tell(object->refresh().backoff, 0, end.report);
  if (outcome == rules::FetchOutcome::refused) {
    // The attempt a level let through did not reach the origin.
    for (BackoffCell* level : {&origin_, &route(id)}) {
      if (level->load().attempting) level->release(now + settings.backoff_first);
    }
    return;
  }
  if (outcome == rules::FetchOutcome::failure) failures_.fetch_add(1, std::memory_order_relaxed);
  if (outcome == rules::FetchOutcome::throttled) {
    throttled_.fetch_add(1, std::memory_order_relaxed);
  }
  tell(route(id), route_tolerance, end.report);
  // Whatever it answers, an origin that answers can be reached.
  tell(origin_, origin_tolerance, end.unreachable ? end.report : rules::FetchReport{});
}

void RefreshControl::fetch_begins(const config::RefreshSettings& settings) {
  const std::lock_guard lock(budget_mutex_);
  budget_.fetched(settings.extra_max);
}

void RefreshControl::leaves(const Object& object) {
  if (!object.refresh().unused_ahead()) return;
  ahead_wasted_.fetch_add(1, std::memory_order_relaxed);
  const std::lock_guard lock(budget_mutex_);
  budget_.wasted();
}

double RefreshControl::random_unit() noexcept {
  // splitmix64 (Steele et al., 2014): a counter and a mixer, so no lock.
  std::uint64_t z = random_.fetch_add(0x9E3779B97F4A7C15ULL, std::memory_order_relaxed);
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
  return static_cast<double>((z ^ (z >> 31U)) >> 11U) * 0x1.0p-53;
}

RefreshFigures RefreshControl::figures(Instant now) const {
  RefreshFigures figures;
  for (std::size_t kind = 0; kind < refresh_kind_count; ++kind) {
    figures.started[kind] = started_[kind].load();
    for (std::size_t i = 0; i < refresh_result_count; ++i) {
      figures.ended[kind][i] = ended_[kind][i].load();
    }
  }
  for (std::size_t i = 0; i < refresh_hold_count; ++i) figures.held[i] = held_[i].load();
  figures.ahead_wasted = ahead_wasted_.load();
  figures.failures = failures_.load();
  figures.throttled = throttled_.load();
  figures.running = running_.load();
  for (const BackoffCell& cell : routes_) {
    if (rules::in_trouble(cell.load(), route_tolerance, now)) ++figures.routes_in_trouble;
  }
  figures.origin_in_trouble = rules::in_trouble(origin_.load(), origin_tolerance, now);
  return figures;
}

}  // namespace homeostat::cache
