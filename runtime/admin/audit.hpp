// The audit log: one line for every change made through the management API.
//
// Written to the spdlog logger "audit" if it is registered, else to
// "homeostat", else to the default logger. Control characters in what callers
// sent are replaced, so that nobody can forge a line.
// Thread safety: record() from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/admin/router.hpp"
#include "runtime/ports/clock.hpp"
#include "runtime/ports/events.hpp"

namespace homeostat::admin {

struct AuditEntry {
  std::string_view action;  ///< "set_level"
  std::string target;       ///< what was changed: "aggressive", a rule, a pattern
  std::string reason;       ///< why, from the caller
  std::uint64_t affected = 0;
  std::string_view event = "change";  ///< type of the event that tells it
};

class AuditLog {
 public:
  /// `events`, which may be null, is told as well.
  AuditLog(std::atomic<std::uint64_t>& counter, const Clock& clock, EventLog* events)
      : counter_(counter), clock_(clock), events_(events) {}
  void record(const Call& call, const AuditEntry& entry);

 private:
  std::atomic<std::uint64_t>& counter_;
  const Clock& clock_;
  EventLog* events_;
};

/// Printable ASCII and UTF-8 as it is; control characters, quotes and
/// backslashes as '?'; cut at 500 bytes.
[[nodiscard]] std::string log_safe(std::string_view text);

}  // namespace homeostat::admin
