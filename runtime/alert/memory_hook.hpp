// Calls the application's own memory hook: POST {"reason": "..."}.
//
// Thread safety: call() from any thread, never blocks. One call is under way
// at a time and at least `interval` lies between two starts; further ones are
// counted as skipped, because a hook that runs a garbage collection gains
// nothing from a queue of them.
// Ownership: io_context and clock must outlive the object and its last call.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "runtime/alert/http_client.hpp"
#include "runtime/ports/clock.hpp"

namespace homeostat::alert {

struct MemoryHookCounters {
  std::atomic<std::uint64_t> calls{0};
  std::atomic<std::uint64_t> failures{0};  ///< no answer or a status other than 2xx
  std::atomic<std::uint64_t> skipped{0};   ///< too soon, or one is under way
};

class MemoryHook {
 public:
  static constexpr std::chrono::milliseconds interval_standard{10'000};

  /// `url` from parse_http_url(optimization.memory_hook).
  MemoryHook(boost::asio::io_context& context, const Clock& clock, HttpUrl url,
             std::chrono::milliseconds timeout,
             std::chrono::milliseconds interval = interval_standard);
  ~MemoryHook();
  MemoryHook(const MemoryHook&) = delete;
  MemoryHook& operator=(const MemoryHook&) = delete;

  /// Starts a call unless one is under way or the last began too recently.
  /// Returns whether it was started.
  bool call(const std::string& reason);

  [[nodiscard]] const MemoryHookCounters& counters() const noexcept;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace homeostat::alert
