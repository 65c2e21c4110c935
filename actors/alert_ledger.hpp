// Which alerts are firing: turns "these should be firing now" into single
// fire and resolve calls.
//
// The ledger belongs to the supervisor and is lent to one alerter at a time, so
// that an alert which ends while the alerter is being restarted is still
// resolved. Thread safety: none; the alerter's successor is started only after
// its predecessor has ended.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "runtime/ports/actuators.hpp"

namespace homeostat::actors {

/// Who speaks for an alert; each source states its own set.
enum class AlertSource : std::uint8_t { rules, policy, supervisor };

class AlertLedger {
 public:
  static constexpr std::size_t firing_max = 256;

  /// Fires what is new (or changed its severity), resolves what is no longer
  /// demanded by this source. Beyond firing_max new alerts are left out.
  /// Returns how many were left out.
  std::size_t sync(AlertSource source, const std::vector<Alert>& demanded, AlertSink& sink,
                   WallTime now);

  [[nodiscard]] std::size_t firing() const noexcept { return entries_.size(); }

 private:
  /// Name and scope are an alert's identity.
  using Key = std::pair<std::string, std::string>;
  struct Entry {
    Alert alert;
    AlertSource source = AlertSource::rules;
    WallTime since{};
  };
  std::map<Key, Entry> entries_;
};

}  // namespace homeostat::actors
