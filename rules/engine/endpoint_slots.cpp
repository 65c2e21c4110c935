#include "rules/engine/endpoint_slots.hpp"

#include <algorithm>
#include <span>

#include "rules/engine/engine.hpp"

namespace homeostat::rules {
namespace {

void copy_endpoint_values(const SignalValues& from, SignalValues& to) {
  std::copy(from.begin() + static_cast<std::ptrdiff_t>(first_endpoint_signal), from.end(),
            to.begin() + static_cast<std::ptrdiff_t>(first_endpoint_signal));
}

}  // namespace

void EndpointSlots::fill(EndpointSlot& slot, const EndpointFrame& endpoint, Instant now) {
  slot.seen = true;
  slot.last_seen = now;
  copy_endpoint_values(endpoint.values, slot.values);
  slot.arms = endpoint.arms;
}

std::vector<std::size_t> EndpointSlots::update(const Frame& frame, Instant now) {
  std::vector<std::size_t> gone;
  for (EndpointSlot& slot : slots_) slot.seen = false;
  for (const EndpointFrame& endpoint : frame.endpoints) {
    const auto found = index_.find(endpoint.id);
    if (found == index_.end()) continue;
    EndpointSlot& slot = slots_[found->second];
    if (slot.name == endpoint.name) {
      fill(slot, endpoint, now);
    } else if (slot.used && !slot.seen) {
      slot.used = false;
      gone.push_back(found->second);
    }
  }
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    EndpointSlot& slot = slots_[i];
    if (!slot.used || slot.seen) continue;
    slot.values = {};
    slot.arms.reset();
    if (now - slot.last_seen < endpoint_forget) continue;
    slot.used = false;
    gone.push_back(i);
  }
  return gone;
}

void EndpointSlots::remember(Instant now) {
  for (EndpointSlot& slot : slots_) {
    if (!slot.used) continue;
    if (!slot.past) {
      slot.past = std::make_unique<SeriesGroup>(endpoint_signal_count, endpoint_history, &budget_);
      slot.windows = std::make_unique<WindowResults>();
    }
    slot.windows->advance();
    slot.past->push(now, std::span(slot.values).subspan(first_endpoint_signal));
  }
}

void EndpointSlots::free(std::size_t slot) {
  index_.erase(slots_[slot].id);
  slots_[slot] = {};
  free_.push_back(slot);
}

void EndpointSlots::place_new(const Frame& frame, Instant now) {
  for (const EndpointFrame& endpoint : frame.endpoints) {
    if (index_.contains(endpoint.id)) continue;
    if (free_.empty()) {
      free_.push_back(slots_.size());
      slots_.emplace_back();
    }
    const std::size_t number = free_.back();
    free_.pop_back();
    EndpointSlot& slot = slots_[number];
    slot.used = true;
    slot.id = endpoint.id;
    slot.name = endpoint.name;
    fill(slot, endpoint, now);
    index_.emplace(endpoint.id, number);
  }
}

}  // namespace homeostat::rules
