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

namespace homeostat::admin {

struct AuditEntry {
  std::string_view action;  ///< "set_level"
  std::string target;       ///< what was changed: "aggressive", a rule, a pattern
  std::string reason;       ///< why, from the caller
  std::uint64_t affected = 0;
};

class AuditLog {
 public:
  explicit AuditLog(std::atomic<std::uint64_t>& counter) : counter_(counter) {}
  void record(const Call& call, const AuditEntry& entry);

 private:
  std::atomic<std::uint64_t>& counter_;
};

/// Printable ASCII and UTF-8 as it is; control characters, quotes and
/// backslashes as '?'; cut at 500 bytes.
[[nodiscard]] std::string log_safe(std::string_view text);

}  // namespace homeostat::admin
