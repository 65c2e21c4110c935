// Deadlines of many connections at the price of a store each.
//
// A hashed timing wheel (Varghese & Lauck, SOSP'87, scheme 6) with lazy
// postponement: moving a deadline later only writes its time; the node is
// moved when its old slot comes up. Resolution: `tick`. A deadline never fires
// early and fires at most one tick late. The timer runs only while something
// is armed.
//
// A timer that comes late by `still_min` tells that the process or its machine stood still.
// What has come meanwhile is read first: nothing fires until one tick later.
//
// Thread safety: none; one wheel per worker. Ownership: nodes belong to their
// owner and leave the wheel when destroyed.
#pragma once

#include <array>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "runtime/ports/clock.hpp"

namespace homeostat::proxy {

class DeadlineWheel;

class Deadline {
 public:
  Deadline() = default;
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  virtual void on_deadline() = 0;
  [[nodiscard]] bool armed() const noexcept { return next_ != nullptr; }

 protected:
  virtual ~Deadline() { unlink(); }

 private:
  friend class DeadlineWheel;
  void unlink() noexcept;

  Instant at_{};
  std::uint64_t slot_tick_ = 0;
  Deadline* next_ = nullptr;
  Deadline* previous_ = nullptr;
  DeadlineWheel* wheel_ = nullptr;
};

class DeadlineWheel {
 public:
  static constexpr std::chrono::milliseconds tick{100};
  static constexpr std::size_t slots = 1024;  ///< further deadlines go round again
  static constexpr std::chrono::seconds still_min{1};

  DeadlineWheel(boost::asio::io_context& context, const Clock& clock);
  ~DeadlineWheel();

  /// Sets or moves a deadline.
  void arm(Deadline& deadline, Instant at);
  void disarm(Deadline& deadline) noexcept { deadline.unlink(); }

  /// Fires what is due at `now`. Called by the timer; public for tests.
  void advance(Instant now);
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// The loop stood still after `since`: how long anything took says nothing about others. Known
  /// for times in which a deadline was armed.
  [[nodiscard]] bool stood_still_since(Instant since) const noexcept {
    return still_until_ > since || (timer_armed_ && late(clock_.now()));
  }

 private:
  friend class Deadline;
  struct Slot final : Deadline {
    Slot() { clear(); }
    ~Slot() override;
    void clear() noexcept;
    void on_deadline() override {}
    friend class DeadlineWheel;
  };

  [[nodiscard]] std::uint64_t tick_of(Instant at) const noexcept;
  void link(Deadline& deadline, std::uint64_t at_tick) noexcept;
  void schedule();
  [[nodiscard]] bool late(Instant now) const noexcept { return now - due_ >= still_min; }

  const Clock& clock_;
  Instant origin_;
  std::uint64_t current_ = 0;
  std::size_t size_ = 0;
  bool timer_armed_ = false;
  Instant due_{};          ///< of the timer
  Instant still_until_{};  ///< when it was last found to be late
  boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                    boost::asio::wait_traits<std::chrono::steady_clock>,
                                    boost::asio::io_context::executor_type>
      timer_;
  std::array<Slot, slots> wheel_;
};

}  // namespace homeostat::proxy
