#include "rules/engine/adaptive_waits.hpp"

#include <algorithm>
#include <utility>

namespace homeostat::rules {

Level AdaptiveWaits::mirrored(Level level) noexcept {
  switch (level) {
    case Level::conservative: return Level::aggressive;
    case Level::aggressive: return Level::conservative;
    case Level::balanced: break;
  }
  return Level::balanced;
}

std::optional<LevelMove> AdaptiveWaits::update(std::optional<double> late_burn, Instant now) {
  std::optional<Pressure> haste;
  if (late_burn) haste = Pressure{std::clamp(*late_burn, 0.0, 1.0), "late answers"};
  auto move = haste_.update(haste, now);
  if (!move) return std::nullopt;
  return LevelMove{mirrored(move->from), mirrored(move->to), std::move(move->reason)};
}

}  // namespace homeostat::rules
