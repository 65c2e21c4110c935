// Which lines of the log tell of requests that the upstream failed.
//
// One line a second and worker at most: an upstream that is down fails every request,
// and the log must not be its next victim. A line names the target, the endpoint's
// template (a target may hold secrets), the error and, where a response broke the
// protocol, what was wrong with it; and how many more there were since the last line.
//
// Thread safety: none; one worker. Pure but for its own state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/ports/clock.hpp"

namespace homeostat::proxy {

struct FailedRequest {
  std::string_view target;  ///< the upstream's; empty: none was chosen
  std::string_view method, route;
  std::string_view error;    ///< of RFC 9209 section 2.3
  std::string_view details;  ///< may be empty
};

class FailureLog {
 public:
  static constexpr Duration period = std::chrono::seconds(1);

  /// Counts a failure; whether it is one to tell.
  [[nodiscard]] bool tells(Instant now) noexcept;
  /// Its line, after tells().
  [[nodiscard]] std::string line(const FailedRequest& request);

 private:
  std::optional<Instant> told_;
  std::uint64_t untold_ = 0;
};

}  // namespace homeostat::proxy
