// The right to have one request at the upstream, and what a caller gets
// instead when there is none.
//
// Thread safety: none; a Permit lives and dies on the thread of the worker
// that issued it, and before the Gate. Ownership: move-only; as many slots of
// the limit as the request weighs (usually one), and its place under a cap, are
// held from issue to release. No method throws or allocates.
//
// A request may stand aside: an event stream, a tunnel, and one that waits for its
// own client are at the application, but are no work. It gives its slots back, keeps
// its place under its cap, and counts among the streams (admission.streams_max).
#pragma once

#include <chrono>
#include <cstdint>
#include <utility>

#include "rules/laws/admission_queue.hpp"
#include "runtime/gate/named_limits.hpp"
#include "runtime/ports/clock.hpp"

namespace homeostat::gate {

using rules::EndpointId;

class WorkerGate;

enum class RejectReason : std::uint8_t {
  queue_full,       ///< settings.queue_max requests wait already
  predicted_wait,   ///< would wait longer than the budget in force
  wait_expired,     ///< waited as long as allowed
  shed_class,       ///< its class is shed by policy
  deadline,         ///< the wait would not leave, or has not left, time before its deadline
  shutdown,         ///< the worker drains
  fair_share,       ///< waited, and gave way to a tenant that asks for less
  concurrency_cap,  ///< as many requests of its kind are inside as may be
  rate_limit,       ///< its client, tenant or route has used what it may
  too_late,         ///< its deadline was over or too near on arrival, whatever the load
  streams_full,     ///< as many streams and slow clients as may be are there already
  // Not the gate's own: the circuit breaker's.
  upstream_silent,   ///< nobody answers there
  upstream_failing,  ///< it answers with errors
  upstream_slow,     ///< it answers far too late
};
inline constexpr std::size_t reject_reason_count = 14;
/// The upstream is to blame, not the load.
[[nodiscard]] constexpr bool of_upstream(RejectReason reason) noexcept {
  return reason >= RejectReason::upstream_silent;
}
/// A limit that an operator chose: says nothing about capacity.
[[nodiscard]] constexpr bool of_operator(RejectReason reason) noexcept {
  return reason == RejectReason::rate_limit || reason == RejectReason::concurrency_cap ||
         reason == RejectReason::streams_full;
}
/// Shows that more arrives than can be served. Shedding a class does not: it
/// is the answer to trouble, and taken for a sign of it would keep itself alive.
/// Nor does an open breaker, or a deadline that no load is to blame for: anybody can send one.
[[nodiscard]] constexpr bool of_overload(RejectReason reason) noexcept {
  return !of_operator(reason) && !of_upstream(reason) && reason != RejectReason::shed_class &&
         reason != RejectReason::too_late;
}

/// Static text for headers, logs and metric labels, e.g. "predicted_wait".
[[nodiscard]] const char* to_string(RejectReason reason) noexcept;

struct Rejection {
  RejectReason reason = RejectReason::queue_full;
  std::chrono::seconds retry_after{1};
  std::uint8_t priority_class = 0;
  const LimitCounters* limit = nullptr;  ///< the named limit, if it was one
};

/// End a request with exactly one of success / drop / ignore, or call
/// sample() at the response head and let the destructor release the slot when
/// the body is through. Each of the three releases the slot at once; the
/// permit is empty afterwards and further calls do nothing.
///
/// Releasing may run other requests' GateWaiter callbacks on this stack.
class [[nodiscard]] Permit {
 public:
  Permit() noexcept = default;
  Permit(Permit&& other) noexcept
      : owner_(std::exchange(other.owner_, nullptr)),
        endpoint_(other.endpoint_),
        slots_(other.slots_),
        cap_(std::move(other.cap_)),
        sampled_(other.sampled_),
        aside_(other.aside_) {}
  Permit& operator=(Permit&& other) noexcept {
    if (this != &other) {
      ignore();
      owner_ = std::exchange(other.owner_, nullptr);
      endpoint_ = other.endpoint_;
      slots_ = other.slots_;
      cap_ = std::move(other.cap_);
      sampled_ = other.sampled_;
      aside_ = other.aside_;
    }
    return *this;
  }
  Permit(const Permit&) = delete;
  Permit& operator=(const Permit&) = delete;
  ~Permit() { ignore(); }

  [[nodiscard]] explicit operator bool() const noexcept { return owner_ != nullptr; }

  /// Records what the upstream took to the response's head, while it was its turn, and
  /// keeps the slot. At most one sample per permit counts, and none of one that stands
  /// aside. Not for streams, upgrades or health checks.
  void sample(Duration upstream_latency) noexcept;
  /// The upstream answered 503: counts as overload instead of a sample. The slot is
  /// kept until the body is through.
  void refused() noexcept;
  /// sample() and release.
  void success(Duration upstream_latency) noexcept;
  /// Releases without a sample: client gone, stream, upgrade, cache refill cut short.
  void ignore() noexcept;
  /// The upstream refused, timed out, reset or answered 503: counts as
  /// overload, then releases.
  void drop() noexcept;

  // -- aside ------------------------------------------------------------------
  /// Stands aside, if there is a place for one more; else false, and nothing changes.
  /// True when it does so already.
  [[nodiscard]] bool step_aside() noexcept;
  /// The same whatever admission.streams_max says: for what holds a connection and
  /// surely is no work.
  void stand_aside() noexcept;
  [[nodiscard]] bool aside() const noexcept { return aside_; }
  /// Takes slots again, ahead of all who wait and at most a quarter above the limit (one
  /// request at least); false when there are none.
  [[nodiscard]] bool step_back() noexcept;
  /// Takes slots again whatever the limit: the application is at work already.
  void step_back_always() noexcept;
  /// Goes on with the slots of `fresh`, for which it waited in the queue.
  void step_back(Permit fresh) noexcept;

 private:
  friend class WorkerGate;
  void come_back() noexcept;
  Permit(WorkerGate& owner, EndpointId endpoint, std::uint32_t slots, CapSlot cap,
         bool aside = false) noexcept
      : owner_(&owner), endpoint_(endpoint), slots_(slots), cap_(std::move(cap)), aside_(aside) {}

  WorkerGate* owner_ = nullptr;
  EndpointId endpoint_ = 0;
  std::uint32_t slots_ = 1;
  CapSlot cap_;
  bool sampled_ = false;
  bool aside_ = false;  ///< holds no slots; slots_ is what it weighs
};

}  // namespace homeostat::gate
