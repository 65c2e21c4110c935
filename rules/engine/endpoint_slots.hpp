// The endpoints the engine remembers, with their latest values, in stable slots.
//
// A slot keeps its number while its endpoint is known, so that rules can hold
// per-endpoint state in flat vectors. Thread safety: none.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "rules/engine/frame.hpp"
#include "rules/history/series_group.hpp"
#include "rules/history/window_results.hpp"

namespace homeostat::rules {

struct EndpointSlot {
  bool used = false;
  bool seen = false;  ///< in the latest frame
  EndpointId id = 0;
  std::string name;
  Instant last_seen{};
  SignalValues values{};          ///< all missing when not seen
  std::optional<ArmValues> arms;  ///< nothing when not seen
  std::unique_ptr<SeriesGroup> past;
  std::unique_ptr<WindowResults> windows;  ///< with `past`
};

class EndpointSlots {
 public:
  explicit EndpointSlots(std::size_t history_bytes) : budget_(history_bytes) {}

  /// Takes in a frame. Slots whose endpoint is gone (unseen for
  /// endpoint_forget, or the id now means another endpoint) are returned once;
  /// the caller drops their state and then calls `free`.
  [[nodiscard]] std::vector<std::size_t> update(const Frame& frame, Instant now);
  void free(std::size_t slot);

  /// Takes the values of this frame into every endpoint's history.
  void remember(Instant now);

  /// Places the endpoints that `update` could not place before the `free` calls.
  void place_new(const Frame& frame, Instant now);

  [[nodiscard]] const std::vector<EndpointSlot>& all() const noexcept { return slots_; }
  [[nodiscard]] const HistoryBudget& history_budget() const noexcept { return budget_; }

 private:
  void fill(EndpointSlot& slot, const EndpointFrame& endpoint, Instant now);

  HistoryBudget budget_;  // before the slots, which give back to it
  std::vector<EndpointSlot> slots_;
  std::unordered_map<EndpointId, std::size_t> index_;
  std::vector<std::size_t> free_;
};

}  // namespace homeostat::rules
