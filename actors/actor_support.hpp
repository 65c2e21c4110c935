// Small parts every actor uses. Internal to actors/.
#pragma once

#include <caf/actor_clock.hpp>
#include <caf/actor_system.hpp>
#include <caf/error.hpp>
#include <caf/sec.hpp>
#include <chrono>
#include <cstdint>
#include <exception>
#include <ratio>
#include <stdexcept>
#include <string>
#include <utility>

#include "actors/dependencies.hpp"
#include "actors/messages.hpp"

namespace homeostat::actors {

/// What every actor is started with. Copied; the heartbeats are shared.
struct Context {
  ControlDependencies ports;
  std::shared_ptr<Heartbeats> heartbeats;

  void log(LogLevel level, std::string text) const noexcept {
    if (!ports.log) return;
    try {
      ports.log(level, std::move(text));
    } catch (...) {
      // A failing log must not kill an actor; there is nowhere left to tell.
    }
  }
  void beat(Child child) const noexcept { heartbeats->beat(child, ports.clock.now()); }
};

/// Ticks at absolute times: deadlines do not drift with the handler's run
/// time. Deadlines that were missed altogether are skipped, never caught up.
/// The first deadline is rounded down to a grid all actors share, so that those
/// with equal periods wake together and an idle process wakes rarely.
class Ticker {
 public:
  template <class Self>
  void start(Self* self, Duration after) {
    next_ = std::chrono::floor<Grid>(self->clock().now() + after);
    self->scheduled_send(self, next_, TickAtom::value);
    started_ = true;
  }
  template <class Self>
  void again(Self* self, Duration period) {
    const auto now = self->clock().now();
    next_ += period;
    if (next_ <= now) next_ = now + period;
    self->scheduled_send(self, next_, TickAtom::value);
  }
  [[nodiscard]] bool started() const noexcept { return started_; }

 private:
  using Grid = std::chrono::duration<std::int64_t, std::ratio<1, 20>>;  // 50 ms

  caf::actor_clock::time_point next_{};
  bool started_ = false;
};

/// Turns an escaped exception into the actor's exit reason with its text.
inline caf::error describe_exception(std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& error) {
    return caf::make_error(caf::sec::runtime_error, std::string(error.what()));
  } catch (...) {
    return caf::make_error(caf::sec::runtime_error, std::string("unknown exception"));
  }
}

template <class Self>
void report_exceptions(Self* self) {
  self->set_exception_handler(describe_exception);
}

[[noreturn]] inline void crash_on_purpose() {
  throw std::runtime_error("fault injected on purpose");
}

/// Sends unless the receiver is absent or stalled: a stuck actor must not
/// collect an endless mailbox. What is dropped is repeated by the next tick.
template <class Self, class Handle, class... Parts>
void send_unless_stalled(Self* self, const Context& context, Child receiver, const Handle& handle,
                         Parts&&... parts) {
  if (!handle || context.heartbeats->stalled(receiver, context.ports.clock.now())) return;
  self->send(handle, std::forward<Parts>(parts)...);
}

}  // namespace homeostat::actors
