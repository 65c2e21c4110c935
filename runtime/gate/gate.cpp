#include "runtime/gate/gate.hpp"

#include <algorithm>

namespace homeostat::gate {

Gate::Gate(const config::AdmissionSettings& settings, unsigned workers, const Clock& clock,
           std::size_t endpoints)
    : clock_(clock),
      shared_(settings, std::max(workers, 1U), endpoints),
      buckets_(settings.rate_limit_buckets),
      reader_(std::max(workers, 1U), endpoints, clock.now()) {
  for (unsigned index = 0; index < std::max(workers, 1U); ++index) {
    workers_.push_back(std::make_unique<WorkerGate>(*this, index, endpoints));
    statistics_.push_back(&workers_.back()->statistics());
  }
}

Gate::~Gate() = default;

void Gate::apply(const AdmissionPolicy& policy) noexcept {
  shared_.apply(policy);
  offer_room();
}

void Gate::bound_connections(std::size_t connections) noexcept {
  shared_.bound_connections(connections);
  offer_room();
}

/// A raised limit frees slots like a release does.
void Gate::offer_room() noexcept {
  if (!shared_.has_room()) return;
  if (const auto choice = shared_.next_class()) wake_one(choice->priority_class, workers());
}

std::size_t Gate::in_flight() const noexcept {
  return static_cast<std::size_t>(std::max<std::int64_t>(shared_.in_flight(), 0));
}

GateTotals Gate::totals() const {
  GateTotals sum;
  for (const WorkerStatistics* worker : statistics_) sum.add(worker->totals());
  return sum;
}

GateFigures Gate::collect(Instant now) {
  const bool limited_now = !shared_.has_room() || shared_.queue_length() > 0;
  GateFigures figures = reader_.collect(statistics_, now, limited_now);
  figures.queue_length = shared_.queue_length();
  figures.queue_standing = shared_.standing(now);
  shared_.learn_service(figures.window.endpoints);
  const double limit = shared_.limit();
  shared_.set_queue_needed(demand_.update(
      {.seconds = std::chrono::duration<double>(figures.window.length).count(),
       .turned_away = reader_.turned_away(),
       .free_slots = limit - figures.window.in_flight_mean,
       .limit = limit,
       .service_mean = std::chrono::duration<double>(shared_.service_mean()).count()}));
  return figures;
}

void Gate::shorten_queue(std::uint8_t priority_class) noexcept {
  for (std::size_t lowest = rules::priority_class_count; lowest-- > priority_class + 1U;) {
    for (unsigned index = 0; index < workers(); ++index) {
      if (!shared_.waits_on(index, static_cast<std::uint8_t>(lowest))) continue;
      workers_[index]->shorten();
      return;
    }
  }
}

bool Gate::wake_one(std::uint8_t priority_class, unsigned asking) noexcept {
  const unsigned count = workers();
  const unsigned first = wake_cursor_.fetch_add(1, std::memory_order_relaxed);
  for (unsigned step = 0; step < count; ++step) {
    const unsigned index = (first + step) % count;
    if (index != asking && shared_.waits_on(index, priority_class)) {
      workers_[index]->wake();
      return true;
    }
  }
  return false;
}

}  // namespace homeostat::gate
