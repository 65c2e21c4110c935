// What the agent does when it is sent a signal, and how it ends.
#include <spdlog/spdlog.h>

#include <csignal>
#include <utility>

#include "runtime/app/agent_parts.hpp"

namespace homeostat::app {

void Agent::Parts::wait_for_signal() {
  signals->async_wait([this](boost::system::error_code error, int number) {
    if (error) return;
    if (number == SIGHUP) {
      reload_soon();
    } else {
      panic(number == SIGUSR1);
    }
    wait_for_signal();
  });
}

/// Apart from the others, which may come in numbers: this one waits behind none of them.
void Agent::Parts::wait_for_end() {
  ending_signals->async_wait([this](boost::system::error_code error, int) {
    if (error) return;
    if (!draining) {
      begin_drain();
      wait_for_end();
    } else {
      spdlog::warn("second signal: quitting at once");
      quit();
    }
  });
}

/// Signals that came together are one reload.
void Agent::Parts::reload_soon() {
  constexpr std::chrono::milliseconds together{10};
  if (std::exchange(reload_due, true)) return;
  reload_timer.expires_after(together);
  reload_timer.async_wait([this](boost::system::error_code error) {
    reload_due = false;
    if (error) return;
    spdlog::info("SIGHUP: reloading");
    reload_and_log(ReloadCause::signal);
  });
}

void Agent::Parts::begin_drain() {
  draining = true;
  warm_up->stop();
  const auto delay = settings->server.drain_delay;
  if (delay.count() == 0) return stop_accepting();
  spdlog::info("draining: not ready any more, clients are accepted for {} s", delay.count());
  drain_timer.expires_after(delay);
  drain_timer.async_wait([this](boost::system::error_code error) {
    if (!error) stop_accepting();
  });
}

void Agent::Parts::stop_accepting() {
  const auto patience = settings->server.drain_timeout;
  spdlog::info("draining: no new connections, up to {} s for requests to finish", patience.count());
  server->drain();
  drain_timer.expires_after(patience);
  drain_timer.async_wait([this](boost::system::error_code error) {
    if (error) return;
    spdlog::warn("drain_timeout is over: closing what is left");
    leave();
  });
}

/// What was acknowledged is for Redis to have, and what requests have invalidated for the fleet
/// to know first.
void Agent::Parts::leave() {
  if (!tier) return quit();
  data->drain([this](std::size_t lost) {
    if (lost > 0) spdlog::error("Redis did not take {} writes behind in time: they are lost", lost);
    tier->when_told([this] { quit(); });
  });
}

void Agent::Parts::quit() { context.stop(); }

void Agent::Parts::run() {
  context.run();
  warm_up->stop();
  spdlog::info("stopping");
}

/// SIGUSR1 and SIGUSR2: for a machine on which nothing else answers any more.
void Agent::Parts::panic(bool on) {
  spdlog::warn("{}: the panic switch is {}", on ? "SIGUSR1" : "SIGUSR2", on ? "on" : "off");
  control->force_emergency(on, on ? "SIGUSR1" : "SIGUSR2");
}

}  // namespace homeostat::app
