// The wall's one-way door: actors publish sections of the Policy, workers read
// the newest one.
//
// Writers (any thread) take a mutex, copy, change, bump the epoch. Readers
// compare an atomic epoch with their cached one and only then take the mutex
// to fetch the shared_ptr, so that the request path costs one relaxed load.
//
// Leases: each section must be renewed (publishing renews too). When a lease
// runs out, `expire` puts that section back to its static default and reports
// it; the data plane thus outlives the control plane.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "runtime/ports/clock.hpp"
#include "runtime/ports/policy.hpp"

namespace homeostat {

enum class PolicySection : std::uint8_t { cache, admission, mode };
inline constexpr std::size_t policy_section_count = 3;

[[nodiscard]] const char* to_string(PolicySection section) noexcept;

class PolicyStore {
 public:
  PolicyStore(const Clock& clock, Duration lease);

  void publish(CachePolicy section);
  void publish(AdmissionPolicy section);
  void publish(ModePolicy section);
  void renew(PolicySection section);

  /// Resets sections whose lease ran out; returns those newly reset.
  std::vector<PolicySection> expire();
  /// True while some section runs on defaults because its lease ran out.
  [[nodiscard]] bool degraded() const;

  [[nodiscard]] std::uint64_t epoch() const noexcept {
    return epoch_.load(std::memory_order_acquire);
  }
  [[nodiscard]] std::shared_ptr<const Policy> current() const;

 private:
  template <class Change>
  void change(PolicySection section, Change&& apply);

  const Clock& clock_;
  const Duration lease_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Policy> policy_;
  std::array<Instant, policy_section_count> renewed_;
  std::array<bool, policy_section_count> expired_{};
  std::atomic<std::uint64_t> epoch_{1};
};

/// A worker's view: refresh once per event, then read without any cost.
/// Thread safety: none; one per worker.
class PolicyReader {
 public:
  explicit PolicyReader(const PolicyStore& store)
      : store_(store), policy_(store.current()), epoch_(policy_->epoch) {}

  [[nodiscard]] const Policy& get() {
    if (store_.epoch() != epoch_) {
      policy_ = store_.current();
      epoch_ = policy_->epoch;
    }
    return *policy_;
  }

 private:
  const PolicyStore& store_;
  std::shared_ptr<const Policy> policy_;
  std::uint64_t epoch_;
};

}  // namespace homeostat
