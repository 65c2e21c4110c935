#include "runtime/cache/admission_duels.hpp"

#include <algorithm>
#include <cmath>

#include "runtime/cache/eviction_policy.hpp"

namespace homeostat::cache {
namespace {

constexpr double share_rate = 0.002;
constexpr double prior_duels = 8;

bool was_touched(const PolicyItem& item) noexcept {
  return item.touches.load(std::memory_order_relaxed) > 0;
}

}  // namespace

std::size_t AdmissionDuels::situation(double ratio, unsigned frequency) noexcept {
  // Half powers of two, from 1/64 up to 2.8 times the value.
  const double steps = 2 * std::log2(std::max(ratio, 1e-6)) + (ratio_classes - 4);
  const auto by_ratio = static_cast<std::size_t>(std::clamp(steps, 0.0, double{ratio_classes - 1}));
  const std::size_t by_frequency = frequency < 2 ? 0 : frequency < 4 ? 1 : frequency < 8 ? 2 : 3;
  return by_ratio * frequency_classes + by_frequency;
}

void AdmissionDuels::begin(Duel duel, std::size_t objects) noexcept {
  PolicyItem& present = *duel.present;
  if (present.duel != no_duel) return;
  // The low bits choose the slot; others choose who duels at all.
  constexpr std::uint64_t share_whole = 1U << 16U;
  const std::uint64_t share = share_whole * slots / std::max(slots, objects * patience);
  if ((duel.absent >> 32U) % share_whole >= share) return;
  Duel& slot = slot_of(duel.absent);
  if (slot.open && slot.present != nullptr) {
    if (was_touched(*slot.present)) {
      settle(slot, !slot.newcomer_absent);
    } else {
      slot.present->duel = no_duel;
    }
  }
  slot = duel;
  slot.open = true;
  present.duel = static_cast<std::uint16_t>(duel.absent % slots);
}

void AdmissionDuels::settle(Duel& duel, bool newcomer_won) noexcept {
  double& wins = newcomer_wins_[duel.situation];
  // A mean at first, then an average that forgets.
  const double rate = std::max(learning_rate, 1.0 / (prior_duels + ++fought_[duel.situation]));
  wins += rate * ((newcomer_won ? 1 : 0) - wins);
  newcomer_share_ += share_rate * ((newcomer_won ? 1 : 0) - newcomer_share_);
  if (duel.present != nullptr) duel.present->duel = no_duel;
  duel.present = nullptr;
  duel.open = false;
}

void AdmissionDuels::missed(std::uint64_t hash) noexcept {
  Duel& duel = slot_of(hash);
  if (!duel.open || duel.absent != hash) return;
  const bool present_won = duel.present != nullptr && was_touched(*duel.present);
  settle(duel, present_won != duel.newcomer_absent);
}

void AdmissionDuels::touched(PolicyItem& item) noexcept {
  if (item.duel == no_duel) return;
  Duel& duel = duels_[item.duel];
  settle(duel, !duel.newcomer_absent);
}

void AdmissionDuels::forget(PolicyItem& item) noexcept {
  if (item.duel == no_duel) return;
  if (was_touched(item)) {
    touched(item);
    return;
  }
  // What was left out may still come first.
  duels_[item.duel].present = nullptr;
  item.duel = no_duel;
}

}  // namespace homeostat::cache
