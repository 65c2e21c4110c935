#include "runtime/proxy/failure_log.hpp"

#include <utility>

namespace homeostat::proxy {

bool FailureLog::tells(Instant now) noexcept {
  if (told_ && now - *told_ < period) {
    ++untold_;
    return false;
  }
  told_ = now;
  return true;
}

std::string FailureLog::line(const FailedRequest& request) {
  std::string text = "upstream ";
  text.append(request.target.empty() ? "(none)" : request.target).append(" failed ");
  text.append(request.method).append(" ").append(request.route).append(": ").append(request.error);
  if (!request.details.empty()) text.append(" (").append(request.details).append(")");
  if (const std::uint64_t more = std::exchange(untold_, 0); more > 0) {
    text.append("; ").append(std::to_string(more)).append(" more since the last such line");
  }
  return text;
}

}  // namespace homeostat::proxy
