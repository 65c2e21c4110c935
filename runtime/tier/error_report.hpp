// What the log says of error replies: Redis is there, but refuses.
//
// Each kind at most once a minute, with how many there were since it was said last, however
// many requests meet them; metrics have all of them at once.
//
// Thread safety: none; one owner. Units: Instant of the owner's clock.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "runtime/ports/clock.hpp"
#include "runtime/redis/call.hpp"

namespace homeostat::tier {

class ErrorReport {
 public:
  static constexpr Duration again_after = std::chrono::minutes(1);

  /// The line to log now; nothing: there is nothing new, or it was said too recently. Redirects
  /// of a cluster are its normal work and never said.
  [[nodiscard]] std::optional<std::string> next(const redis::CallCounters& calls, Instant now);

 private:
  std::array<std::uint64_t, redis::error_code_count> told_{};
  std::array<std::optional<Instant>, redis::error_code_count> told_at_{};
};

}  // namespace homeostat::tier
