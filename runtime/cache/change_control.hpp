// How fast the content of each endpoint changes, as the cache finds out when it fetches
// again, and how long what rules keep may live for that (rules/laws/change_rate.hpp).
//
// Thread safety: bound() from any thread, one relaxed load; the rest from any thread, under
// one mutex that is a leaf and is taken once per fetch at most. Bounds: `endpoints_max`
// endpoints; those beyond keep their rules' lifetimes. Errors: none.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

#include "rules/laws/change_rate.hpp"
#include "runtime/ports/actuators.hpp"
#include "runtime/ports/policy.hpp"

namespace homeostat::cache {

struct ChangeFigures {
  std::uint64_t changed = 0, unchanged = 0;  ///< responses that were fetched again
  std::size_t lowered = 0;                   ///< endpoints whose lifetimes are cut now
};

class ChangeControl {
 public:
  static constexpr std::size_t endpoints_max = 1024;

  /// What a rule kept for an endpoint was fetched again.
  void observe(EndpointId endpoint, const rules::Refetch& refetch);
  [[nodiscard]] Duration bound(EndpointId endpoint) const noexcept;
  /// A response whose lifetime a rule gave was stored, and whether that was cut (or, in
  /// shadow, would have been).
  void stored(EndpointId endpoint, bool lowered) noexcept;

  [[nodiscard]] ChangeFigures figures() const;
  /// Those that change fastest first.
  [[nodiscard]] std::vector<LoweredLifetime> lowered(std::size_t count_max) const;

 private:
  struct Cell {
    rules::ChangeEvidence evidence;  // guarded by mutex_
    std::atomic<Duration::rep> bound{rules::unbounded_lifetime.count()};
    std::atomic<bool> lowered{false};
  };

  mutable std::mutex mutex_;
  std::array<Cell, endpoints_max> cells_;
  std::uint64_t changed_ = 0, unchanged_ = 0;  // guarded by mutex_
};

}  // namespace homeostat::cache
