// What is counted for each limit an operator gave a name, and places under a
// cap.
//
// Limits come and go with reloads, while requests hold places and workers hold
// rules: so the counters of a name stay where they are until the gate ends, and
// a limit that keeps its name keeps its figures.
//
// Thread safety: NamedLimits from any thread, with a lock that no request ever
// takes: workers look names up when they compile the configuration. Counters
// are atomic. A CapSlot belongs to one thread at a time.
// Bounds: names_max names; further ones share the counters of the last.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace homeostat::gate {

struct LimitCounters {
  explicit LimitCounters(std::string_view of) : name(of) {}
  const std::string name;
  std::atomic<std::uint64_t> rejected{0}, would_reject{0};
  std::atomic<std::int64_t> in_use{0};  ///< places taken; caps only
};

class NamedLimits {
 public:
  static constexpr std::size_t names_max = 1000;

  struct Figures {
    std::string name;
    std::uint64_t rejected = 0, would_reject = 0;
    std::int64_t in_use = 0;
  };

  /// The same object for the same name, for as long as this lives.
  [[nodiscard]] LimitCounters& of(std::string_view name);
  /// In the order in which the names came.
  [[nodiscard]] std::vector<Figures> figures() const;

 private:
  mutable std::mutex mutex_;
  std::deque<LimitCounters> limits_;
};

/// One place under a cap, given back when it ends. Move-only.
class [[nodiscard]] CapSlot {
 public:
  CapSlot() noexcept = default;
  explicit CapSlot(LimitCounters& counters) noexcept : counters_(&counters) {}
  CapSlot(CapSlot&& other) noexcept : counters_(std::exchange(other.counters_, nullptr)) {}
  CapSlot& operator=(CapSlot&& other) noexcept {
    if (this != &other) {
      reset();
      counters_ = std::exchange(other.counters_, nullptr);
    }
    return *this;
  }
  CapSlot(const CapSlot&) = delete;
  CapSlot& operator=(const CapSlot&) = delete;
  ~CapSlot() { reset(); }

  void reset() noexcept {
    if (LimitCounters* held = std::exchange(counters_, nullptr)) held->in_use.fetch_sub(1);
  }
  [[nodiscard]] explicit operator bool() const noexcept { return counters_ != nullptr; }

 private:
  LimitCounters* counters_ = nullptr;
};

/// How many requests of some kind may be inside at once, waiting ones included.
struct ConcurrencyCap {
  LimitCounters* counters = nullptr;  ///< null: no cap
  std::int64_t places = 0;
  bool shadow = false;  ///< counts, refuses nobody

  [[nodiscard]] explicit operator bool() const noexcept { return counters != nullptr; }
  [[nodiscard]] bool full() const noexcept {
    return counters != nullptr && counters->in_use.load() >= places;
  }
  /// A place, or an empty slot when all are taken.
  [[nodiscard]] CapSlot take() const noexcept;
  /// A place whatever the cap says; `over`: it said no.
  [[nodiscard]] CapSlot take_always(bool& over) const noexcept;
};

}  // namespace homeostat::gate
