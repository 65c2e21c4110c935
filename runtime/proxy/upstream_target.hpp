// The upstream servers as all workers see them: addresses, health, bounds.
//
// What keeps a request from a target: its breaker, the breaker of the request's
// endpoint there (rules/laws/circuit_breaker.hpp), an ejection of a target that
// fails more than the others (rules/laws/outliers.hpp), and the active check
// (HealthChecker). The last two are opinions: when they leave too few targets,
// they are not followed. When every breaker is open the request is refused.
//
// Thread safety: counters are atomics; addresses are guarded by a mutex that
// is taken only to open a connection, the laws by mutexes that are taken only
// when something is wrong. Targets live as long as a set that has them: one that stays over
// a reload keeps what was learnt of it.
#pragma once

#include <sys/socket.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "config/settings/upstream.hpp"
#include "rules/laws/outliers.hpp"
#include "rules/laws/retry_budget.hpp"
#include "runtime/ports/clock.hpp"
#include "runtime/proxy/breaker.hpp"

namespace homeostat::proxy {

/// A socket address ready for connect(2) or bind(2).
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  [[nodiscard]] int family() const noexcept { return storage.ss_family; }
  [[nodiscard]] const sockaddr* get() const noexcept {
    return reinterpret_cast<const sockaddr*>(&storage);
  }
  friend bool operator==(const SocketAddress& a, const SocketAddress& b) noexcept;
};

/// Of one name; further ones are left out.
inline constexpr std::size_t addresses_max = 16;

/// Resolves a host or takes a Unix path. Blocks on DNS: never on a worker.
/// Empty on failure, with the reason in `error`.
[[nodiscard]] std::vector<SocketAddress> resolve(const config::Address& address, bool passive,
                                                 std::string& error);

/// A host that is no address: DNS must be asked.
[[nodiscard]] bool has_name(const config::Address& address);

class UpstreamTarget {
 public:
  /// `endpoints`: ids at or beyond share id 0.
  UpstreamTarget(config::UpstreamTarget settings, std::vector<SocketAddress> addresses,
                 const config::BreakerSettings& breaker, std::size_t endpoints, Instant now);
  ~UpstreamTarget();
  UpstreamTarget(const UpstreamTarget&) = delete;
  UpstreamTarget& operator=(const UpstreamTarget&) = delete;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const config::UpstreamTarget& settings() const noexcept { return settings_; }

  /// The address for the next connection: the one that worked last.
  [[nodiscard]] SocketAddress next_address();
  /// Goes on to the next address that DNS gave.
  void address_failed();
  [[nodiscard]] std::size_t address_count() const;
  [[nodiscard]] std::vector<SocketAddress> addresses() const;
  /// False: they are the same, in whatever order, or none.
  bool set_addresses(std::vector<SocketAddress> addresses);

  // -- health -----------------------------------------------------------------
  /// Takes requests: its breaker is not open, the active check agrees.
  [[nodiscard]] bool healthy(Instant now) const;
  [[nodiscard]] Breaker& breaker() noexcept { return breaker_; }
  [[nodiscard]] const Breaker& breaker() const noexcept { return breaker_; }
  /// Made when the endpoint is first called here.
  [[nodiscard]] EndpointBreaker& endpoint(rules::EndpointId id, Instant now);
  /// Null: never called here.
  [[nodiscard]] EndpointBreaker* known_endpoint(rules::EndpointId id) const noexcept {
    return endpoints_[id < endpoint_count_ ? id : 0].load(std::memory_order_acquire);
  }
  [[nodiscard]] std::size_t endpoint_count() const noexcept { return endpoint_count_; }
  /// Out because it failed more than the others.
  [[nodiscard]] bool ejected(Instant now) const;
  void eject(Instant now, const rules::OutlierBounds& bounds);
  void count_call(bool failed) noexcept;
  /// What was counted since the last time.
  [[nodiscard]] rules::OutlierView take_interval();
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
  mutable std::mutex mutex_;
  std::vector<SocketAddress> addresses_;
  std::size_t next_ = 0;
  std::atomic<std::size_t> connections_{0};
  std::atomic<std::uint32_t> in_flight_{0};
  std::atomic<bool> active_healthy_{true};
  const rules::BreakerBounds endpoint_bounds_;
  Breaker breaker_;
  const std::size_t endpoint_count_;
  std::unique_ptr<std::atomic<EndpointBreaker*>[]> endpoints_;
  std::atomic<std::uint64_t> calls_{0}, failures_{0};
  // Guarded by mutex_:
  rules::OutlierView last_interval_;  ///< totals at its end
  unsigned ejections_ = 0;            ///< that count
  bool ejected_lately_ = false;
};

/// Counters of everything that happens towards the upstream.
struct UpstreamCounters {
  std::atomic<std::uint64_t> connects{0}, connect_failures{0}, reuses{0}, retries{0}, timeouts{0},
      resets{0}, protocol_errors{0}, connection_limit{0}, probes{0}, retries_denied{0}, refused{0},
      would_refuse{0}, abandoned{0}, local_failures{0}, lookup_failures{0}, address_changes{0};
  std::atomic<std::uint64_t> further_addresses{0};  ///< of a target's name, tried in one attempt
};

/// A request that looks for a target.
struct UpstreamQuery {
  rules::EndpointId endpoint = 0;
  Instant now{};
  const UpstreamTarget* avoid = nullptr;  ///< has just failed it
  std::uint32_t turn = 0;                 ///< rotates ties
  double unit = 0;                        ///< dice in [0, 1)
  bool repeatable = false;                ///< may be a probe: it can go elsewhere afterwards
  bool with_room = false;                 ///< only targets below upstream.connections_max
};

/// Why a request was not sent, and when it may be worth another try.
struct UpstreamRefusal {
  rules::BreakerCause cause = rules::BreakerCause::silence;
  Duration wait{};
};

/// What lookups found, by UpstreamTarget::name.
using FoundAddresses = std::map<std::string, std::vector<SocketAddress>>;

class UpstreamSet {
 public:
  /// Resolves every target (blocking). Throws std::runtime_error naming the
  /// target when one has no address.
  UpstreamSet(const config::UpstreamSettings& settings, std::size_t endpoints, Instant now);
  /// Takes over from `before`. A target that stays keeps its addresses, its health, and,
  /// while the breaker's settings stay too, all that was learnt of it. Of others the names
  /// are taken from `found`; what is neither there nor known is resolved as above.
  UpstreamSet(const config::UpstreamSettings& settings, const UpstreamSet& before,
              const FoundAddresses& found, std::size_t endpoints, Instant now);
  /// Whose names must be looked up before `settings` can take over from this set.
  [[nodiscard]] std::vector<config::Address> unknown(
      const config::UpstreamSettings& settings) const;

  // -- where to (upstream_choice.cpp) -------------------------------------------
  /// The fittest target with the fewest requests in flight. Null: none may be
  /// asked, refusal() says why. Each answered call must be reported below.
  [[nodiscard]] UpstreamTarget* choose(const UpstreamQuery& query);
  /// choose() would surely return null. Cheap: asked before anything is made
  /// for a request.
  [[nodiscard]] bool refuses(rules::EndpointId endpoint, Instant now) const;
  /// Counts a request that is refused.
  [[nodiscard]] UpstreamRefusal refusal(rules::EndpointId endpoint, Instant now);
  [[nodiscard]] bool any_healthy(Instant now) const;

  // -- what became of it --------------------------------------------------------
  /// A response head came after `latency`; none: before it was the upstream's turn, which
  /// says nothing about its speed. `failed`: its status says so.
  void answered(UpstreamTarget& target, rules::EndpointId endpoint, bool failed,
                std::optional<Duration> latency, Instant started, Instant now);
  /// Anything else.
  void lost(UpstreamTarget& target, rules::EndpointId endpoint, rules::CallResult result,
            Instant started, Instant now);
  void not_connected(UpstreamTarget& target, Instant started, Instant now);
  /// A call that has waited this long is silent; Duration::max(): not known.
  [[nodiscard]] Duration silence_after(UpstreamTarget& target, rules::EndpointId endpoint,
                                       Instant now);
  /// A silent call to what is not closed is no work: it needs no permit.
  [[nodiscard]] bool given_up(const UpstreamTarget& target, rules::EndpointId endpoint) const;
  /// Takes a retry from the budget.
  [[nodiscard]] bool may_retry(Instant now);

  [[nodiscard]] const std::vector<std::shared_ptr<UpstreamTarget>>& targets() const noexcept {
    return targets_;
  }
  [[nodiscard]] const config::UpstreamSettings& settings() const noexcept { return settings_; }
  [[nodiscard]] UpstreamCounters& counters() noexcept { return counters_; }

 private:
  struct Candidate;
  UpstreamSet(const config::UpstreamSettings& settings, Instant now);
  [[nodiscard]] std::shared_ptr<UpstreamTarget> at(const config::Address& address) const;
  void add(const config::UpstreamTarget& target, std::vector<SocketAddress> addresses,
           std::size_t endpoints, Instant now);
  [[nodiscard]] bool panics(Instant now) const;
  [[nodiscard]] bool refuses(const UpstreamTarget& target, rules::EndpointId endpoint, Instant now,
                             bool panic) const;
  [[nodiscard]] bool all_refuse(rules::EndpointId endpoint, Instant now) const;
  [[nodiscard]] Candidate assess(UpstreamTarget& target, const UpstreamQuery& query, bool panic,
                                 bool by_breakers) const;
  [[nodiscard]] UpstreamTarget* select(const UpstreamQuery& query, bool by_breakers);
  [[nodiscard]] bool admitted(UpstreamTarget& target, const UpstreamQuery& query, bool panic);
  [[nodiscard]] Duration slow_bound(const EndpointBreaker& own) const noexcept;
  void report(UpstreamTarget& target, EndpointBreaker& own, rules::CallResult result,
              Instant started, Instant now);
  void sweep(Instant now);
  [[nodiscard]] bool acts() const noexcept {
    return settings_.breaker.mode == config::LoopMode::on;
  }

  config::UpstreamSettings settings_;
  std::vector<std::shared_ptr<UpstreamTarget>> targets_;
  UpstreamCounters counters_;
  std::mutex mutex_;
  rules::RetryBudget budget_;                 // guarded by mutex_
  std::atomic<Duration::rep> next_sweep_{0};  ///< since the clock's epoch
};

}  // namespace homeostat::proxy
