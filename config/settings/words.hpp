// The words of the configuration's enumerations, in the order of their values.
#pragma once

#include <array>
#include <string_view>
#include <utility>

namespace homeostat::config::words {

inline constexpr std::array<std::string_view, 3> loop_mode{"off", "shadow", "on"};
inline constexpr std::array<std::string_view, 3> compression_mode{"off", "on", "adaptive"};
inline constexpr std::array<std::string_view, 3> redis_topology{"single", "sentinel", "cluster"};
inline constexpr std::array<std::string_view, 3> shared_compression{"off", "gzip", "zstd"};
inline constexpr std::array<std::string_view, 2> write_mode{"invalidate", "through"};
inline constexpr std::array<std::string_view, 2> heuristic_freshness{"off", "last-modified"};
/// rules::Coding without identity, which is nothing to ask for.
inline constexpr std::array<std::string_view, 3> coding{"gzip", "br", "zstd"};
/// rules::Coding where identity stands for what is configured.
inline constexpr std::array<std::string_view, 4> coding_preference{"configured", "gzip", "br",
                                                                   "zstd"};
inline constexpr std::array<std::string_view, 2> role{"viewer", "operator"};
inline constexpr std::array<std::string_view, 4> priority_class{"critical", "high", "normal",
                                                                "low"};
inline constexpr std::array<std::string_view, 4> deadline_format{"grpc", "time", "milliseconds",
                                                                 "seconds"};
inline constexpr std::array<std::string_view, 4> tenant_key{"client", "header", "authorization",
                                                            "token_subject"};
inline constexpr std::array<std::string_view, 4> cache_tenant_key{"none", "header", "authorization",
                                                                  "token_subject"};
inline constexpr std::array<std::string_view, 2> log_format{"console", "json"};
inline constexpr std::array<std::string_view, 5> log_level{"trace", "debug", "info", "warn",
                                                           "error"};
inline constexpr std::array<std::string_view, 4> level_setting{"conservative", "balanced",
                                                               "aggressive", "adaptive"};
inline constexpr std::array<std::string_view, 3> level{"conservative", "balanced", "aggressive"};
inline constexpr std::array<std::string_view, 2> scope{"global", "endpoint"};
inline constexpr std::array<std::string_view, 3> no_data{"hold", "clear", "fire"};
inline constexpr std::array<std::string_view, 2> unproven{"rollback", "keep"};
inline constexpr std::array<std::string_view, 3> severity{"info", "warning", "critical"};

/// `mode: true` and what YAML 1.1 tools make of `on`.
inline constexpr std::array<std::pair<std::string_view, std::string_view>, 4> switch_spellings{{
    {"true", "on"},
    {"yes", "on"},
    {"false", "off"},
    {"no", "off"},
}};

}  // namespace homeostat::config::words
