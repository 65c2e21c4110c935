// The only door to time. Everything outside clock.cpp receives instants or a
// Clock; tests/tidy refuses calls to std::chrono clocks elsewhere.
//
// Thread safety: SystemClock and ThreadClock are stateless; ManualClock may be
// read from any thread and advanced by one.
#pragma once

#include <atomic>
#include <chrono>

namespace homeostat {

using Instant = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;
using WallTime = std::chrono::system_clock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Instant now() const noexcept = 0;        ///< monotonic
  [[nodiscard]] virtual WallTime wall_now() const noexcept = 0;  ///< UTC
};

/// The machine's clocks. Use the one instance.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] static SystemClock& instance() noexcept;
  [[nodiscard]] Instant now() const noexcept override;
  [[nodiscard]] WallTime wall_now() const noexcept override;
};

/// now() is the processor time that the calling thread has used: it does not go on
/// while the thread waits, or while others run. For bounds on work of low priority.
/// Instants of different threads, or of another clock, are not comparable. Use the
/// one instance.
class ThreadClock final : public Clock {
 public:
  [[nodiscard]] static ThreadClock& instance() noexcept;
  [[nodiscard]] Instant now() const noexcept override;
  [[nodiscard]] WallTime wall_now() const noexcept override;
};

/// Time that moves only when told, for tests and simulations.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Instant start = Instant{std::chrono::hours(1)},
                       WallTime wall = WallTime{std::chrono::hours(24 * 365 * 50)}) noexcept
      : start_(start), wall_(wall) {}
  [[nodiscard]] Instant now() const noexcept override;
  [[nodiscard]] WallTime wall_now() const noexcept override;
  void advance(Duration by) noexcept;

 private:
  Instant start_;
  WallTime wall_;
  std::atomic<Duration::rep> elapsed_{0};
};

}  // namespace homeostat
