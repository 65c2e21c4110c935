#include "runtime/tier/error_report.hpp"

namespace homeostat::tier {
namespace {

using redis::ErrorCode;

/// What it means for the agent, and what to look at.
const char* meaning_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::busy: return "a script of somebody runs too long";
    case ErrorCode::cluster_down: return "slots have no server";
    case ErrorCode::loading: return "it reads its dump";
    case ErrorCode::master_down: return "a replica that has lost its master";
    case ErrorCode::misconf: return "it cannot save and takes no writes: is its disk full?";
    case ErrorCode::no_auth: return "the connection is not logged in any more";
    case ErrorCode::no_perm: return "this user may not do what is needed: see its ACL";
    case ErrorCode::no_replicas: return "it has too few replicas to take writes";
    case ErrorCode::oom: return "its maxmemory is reached and it may not evict";
    case ErrorCode::read_only: return "it is a replica";
    case ErrorCode::redirect:
    case ErrorCode::other: break;
  }
  return "see its own log";
}

}  // namespace

std::optional<std::string> ErrorReport::next(const redis::CallCounters& calls, Instant now) {
  std::string line;
  for (std::size_t i = 0; i < redis::error_code_count; ++i) {
    const auto code = static_cast<ErrorCode>(i);
    const std::uint64_t count = calls.errors[i].load(std::memory_order_relaxed);
    if (code == ErrorCode::redirect || count == told_[i]) continue;
    if (told_at_[i] && now - *told_at_[i] < again_after) continue;
    line += line.empty() ? "Redis refuses: " : "; ";
    line += std::string(to_string(code)) + " (" + meaning_of(code) + "), " +
            std::to_string(count - told_[i]) + " times";
    told_[i] = count;
    told_at_[i] = now;
  }
  if (line.empty()) return std::nullopt;
  return line;
}

}  // namespace homeostat::tier
