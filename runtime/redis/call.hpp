// What calls to Redis share: their errors, results and counters.
//
// Thread safety: CallCounters from any thread; the rest are plain values.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <string_view>

#include "runtime/ports/clock.hpp"
#include "runtime/redis/error_code.hpp"
#include "runtime/redis/reply.hpp"

namespace homeostat::redis {

enum class CallError : std::uint8_t {
  none,
  unavailable,   ///< no server to ask: not connected, breaker open, slot not served
  overloaded,    ///< too many calls, or bytes, wait already
  timeout,       ///< no reply in time; it may still have been carried out
  disconnected,  ///< the connection ended; it may have been carried out
  redirects,     ///< sent from server to server too often
};
inline constexpr std::size_t call_error_count = 6;
[[nodiscard]] std::string_view to_string(CallError error) noexcept;

struct CallResult {
  CallError error = CallError::none;
  Reply reply;  ///< with CallError::none; may be an error reply

  /// A reply came, and it is no error.
  [[nodiscard]] bool ok() const noexcept {
    return error == CallError::none && !reply.is(Reply::Type::error);
  }
};
using Callback = std::function<void(CallResult)>;

/// Totals of all clients of an agent.
struct CallCounters {
  using Counter = std::atomic<std::uint64_t>;
  Counter calls{0};  ///< sent
  Counter timeouts{0};
  Counter lost{0};                                 ///< unanswered when their connection ended
  Counter refused{0};                              ///< not sent: unavailable or overloaded
  std::array<Counter, error_code_count> errors{};  ///< error replies, by what they tell of
  Counter redirects{0};
  Counter connections{0};  ///< made
  Counter connection_failures{0};
  Counter disconnections{0};
  Counter protocol_errors{0};
  Counter breaker_openings{0};
  Counter bytes_sent{0}, bytes_received{0};

  void count(ErrorCode code) noexcept { add(errors[static_cast<std::size_t>(code)]); }
  static void add(Counter& counter, std::uint64_t count = 1) noexcept {
    counter.fetch_add(count, std::memory_order_relaxed);
  }
};

}  // namespace homeostat::redis
