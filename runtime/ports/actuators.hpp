// What the control plane may do besides publishing a Policy.
//
// Thread safety: all methods may be called from any thread; none may block
// for longer than its documentation says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "rules/engine/rule.hpp"
#include "runtime/ports/clock.hpp"

namespace homeostat {

struct CacheFigures {
  std::size_t entries = 0;
  std::size_t bytes = 0;      ///< including overhead
  std::size_t bytes_max = 0;  ///< bound in force (after shrinking)
  std::uint64_t hits = 0, misses = 0, stores = 0, evictions = 0, expirations = 0, bypasses = 0,
                deletes = 0, collapsed = 0, errors = 0;
};

/// The L1 cache as the memory keeper and the admin listener see it.
class CacheControl {
 public:
  virtual ~CacheControl() = default;
  [[nodiscard]] virtual CacheFigures figures() const = 0;
  /// Drops expired entries; returns bytes freed. Bounded work per call.
  virtual std::size_t drop_expired() = 0;
  /// Sets the byte bound to `ratio` (0..1) of the configured size, evicting
  /// the coldest first; returns bytes freed.
  virtual std::size_t shrink_to(double ratio) = 0;
  /// Drops entries whose path matches the pattern (`*` wildcard); all if empty.
  /// Returns bytes freed; figures().deletes counts the entries.
  virtual std::size_t flush(const std::string& pattern) = 0;
};

/// Process memory outside the cache.
class MemoryControl {
 public:
  virtual ~MemoryControl() = default;
  /// Returns free heap pages to the system; returns resident bytes given back.
  /// May take some milliseconds: never called on a worker.
  virtual std::size_t release_allocator() = 0;
  /// Starts the application's own hook (HTTP POST); result goes to log and metric.
  virtual void call_hook(const std::string& reason) = 0;
};

/// An alert by its stable identity. Same name and labels = same alert.
struct Alert {
  std::string name;  ///< alertname label, e.g. "HomeostatEmergency"
  rules::Severity severity = rules::Severity::warning;
  std::string scope;        ///< rule or endpoint it is about; part of the identity
  std::string summary;      ///< one line
  std::string description;  ///< rule, values, since, action
  bool injected = false;
};

/// Delivers alerts; repeats them while firing. Implemented by runtime/alert.
class AlertSink {
 public:
  virtual ~AlertSink() = default;
  virtual void fire(const Alert& alert, WallTime since) = 0;  ///< idempotent
  virtual void resolve(const Alert& alert, WallTime at) = 0;  ///< idempotent
};

}  // namespace homeostat
