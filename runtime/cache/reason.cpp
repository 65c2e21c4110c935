#include "runtime/cache/reason.hpp"

#include <array>

namespace homeostat::cache {

std::string_view to_string(Reason reason) noexcept {
  static constexpr std::array<std::string_view, reason_count> tokens = {"none",
                                                                        "disabled",
                                                                        "rule-bypass",
                                                                        "method",
                                                                        "range",
                                                                        "request-no-store",
                                                                        "request-body",
                                                                        "authorization",
                                                                        "request-directive",
                                                                        "only-if-cached",
                                                                        "upgrade",
                                                                        "request-override",
                                                                        "tenant",
                                                                        "ambiguous-path",
                                                                        "precondition",
                                                                        "content-coding",
                                                                        "no-store",
                                                                        "private",
                                                                        "no-cache",
                                                                        "set-cookie",
                                                                        "vary-star",
                                                                        "vary-limit",
                                                                        "partial-content",
                                                                        "status",
                                                                        "spelling",
                                                                        "no-freshness",
                                                                        "expired",
                                                                        "too-large",
                                                                        "truncated",
                                                                        "tag-limit",
                                                                        "admission",
                                                                        "invalidated",
                                                                        "fill-memory",
                                                                        "hit-for-miss",
                                                                        "upstream-failed",
                                                                        "head-request",
                                                                        "validator",
                                                                        "upstream-timeout",
                                                                        "rejected",
                                                                        "stale-while-revalidate",
                                                                        "stale-if-error",
                                                                        "origin-backoff",
                                                                        "emergency",
                                                                        "shared"};
  return tokens[static_cast<std::size_t>(reason)];
}

}  // namespace homeostat::cache
