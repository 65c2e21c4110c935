// The upstream servers as all workers see them: addresses, health, bounds.
//
// Health has two sources: passive (consecutive connection failures eject a
// target for a while) and active (HealthChecker). When every target is
// unhealthy the least bad one is tried anyway: the agent fails open.
//
// Thread safety: counters are atomics; addresses are guarded by a mutex that
// is taken only to open a connection. Targets live as long as the set.
#pragma once

#include <sys/socket.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "config/settings/upstream.hpp"
#include "runtime/ports/clock.hpp"

namespace homeostat::proxy {

/// A socket address ready for connect(2) or bind(2).
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  [[nodiscard]] int family() const noexcept { return storage.ss_family; }
  [[nodiscard]] const sockaddr* get() const noexcept {
    return reinterpret_cast<const sockaddr*>(&storage);
  }
};

/// Resolves a host or takes a Unix path. Blocks on DNS: never on a worker.
/// Empty on failure, with the reason in `error`.
[[nodiscard]] std::vector<SocketAddress> resolve(const config::Address& address, bool passive,
                                                 std::string& error);

class UpstreamTarget {
 public:
  UpstreamTarget(config::UpstreamTarget settings, std::vector<SocketAddress> addresses);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const config::UpstreamTarget& settings() const noexcept { return settings_; }

  /// The address for the next connection: the one that worked last.
  [[nodiscard]] SocketAddress next_address();
  /// Goes on to the next address that DNS gave.
  void address_failed();
  [[nodiscard]] std::size_t address_count();
  void set_addresses(std::vector<SocketAddress> addresses);

  // -- health -----------------------------------------------------------------
  [[nodiscard]] bool healthy(Instant now) const noexcept;
  /// True when this failure ejected the target.
  bool note_failure(Instant now, unsigned failures_max, Duration ejection) noexcept;
  void note_success() noexcept;
  void set_active_health(bool healthy) noexcept {
    active_healthy_.store(healthy, std::memory_order_relaxed);
  }
  [[nodiscard]] bool active_health() const noexcept {
    return active_healthy_.load(std::memory_order_relaxed);
  }

  // -- bounds -----------------------------------------------------------------
  /// Counts one more connection unless `max` are open.
  [[nodiscard]] bool take_connection(std::size_t max) noexcept;
  void drop_connection() noexcept { connections_.fetch_sub(1, std::memory_order_relaxed); }
  [[nodiscard]] std::size_t connections() const noexcept {
    return connections_.load(std::memory_order_relaxed);
  }
  void request_started() noexcept { in_flight_.fetch_add(1, std::memory_order_relaxed); }
  void request_ended() noexcept { in_flight_.fetch_sub(1, std::memory_order_relaxed); }
  [[nodiscard]] std::uint32_t in_flight() const noexcept {
    return in_flight_.load(std::memory_order_relaxed);
  }

 private:
  config::UpstreamTarget settings_;
  std::string name_;
  std::mutex mutex_;
  std::vector<SocketAddress> addresses_;
  std::size_t next_ = 0;
  std::atomic<std::size_t> connections_{0};
  std::atomic<std::uint32_t> in_flight_{0};
  std::atomic<std::uint32_t> failures_{0};
  std::atomic<Duration::rep> ejected_until_{0};
  std::atomic<bool> active_healthy_{true};
};

/// Counters of everything that happens towards the upstream.
struct UpstreamCounters {
  std::atomic<std::uint64_t> connects{0}, connect_failures{0}, reuses{0}, retries{0}, timeouts{0},
      resets{0}, protocol_errors{0}, ejections{0}, connection_limit{0};
};

class UpstreamSet {
 public:
  /// Resolves every target (blocking). Throws std::runtime_error naming the
  /// target when `must_resolve` and one has no address.
  explicit UpstreamSet(const config::UpstreamSettings& settings);

  /// Healthy target with the fewest requests in flight; `avoid` only if there
  /// is no other. Never null. Ties rotate with `turn`.
  [[nodiscard]] UpstreamTarget& choose(Instant now, const UpstreamTarget* avoid,
                                       std::uint32_t turn) noexcept;
  [[nodiscard]] bool any_healthy(Instant now) const noexcept;
  /// Looks every name up again. Blocks on DNS: never on a worker.
  void resolve_again();
  [[nodiscard]] const std::vector<std::unique_ptr<UpstreamTarget>>& targets() const noexcept {
    return targets_;
  }
  [[nodiscard]] const config::UpstreamSettings& settings() const noexcept { return settings_; }
  [[nodiscard]] UpstreamCounters& counters() noexcept { return counters_; }

 private:
  config::UpstreamSettings settings_;
  std::vector<std::unique_ptr<UpstreamTarget>> targets_;
  UpstreamCounters counters_;
};

}  // namespace homeostat::proxy
