// Section `admission`: concurrency limit, queue, priorities, deadlines, rate
// limits, caps, weights, and how far into lists requests may ask.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/settings/common.hpp"

namespace homeostat::config {

struct PriorityRule {
  RequestMatch match;
  std::uint8_t priority_class = 1;  ///< 0 critical, 1 high, 2 normal, 3 low
};

/// How a field says how much time its request has left (runtime/http/deadline_field.hpp).
enum class DeadlineFormat : std::uint8_t { grpc, time, in_milliseconds, in_seconds };

struct DeadlineField {
  std::string name;
  DeadlineFormat format = DeadlineFormat::time;
};

struct DeadlineRoute {
  RequestMatch match;
  milliseconds within{0};  ///< from the request's head to the response's
};

struct DeadlineSettings {
  std::vector<DeadlineField> fields{{"grpc-timeout", DeadlineFormat::grpc},
                                    {"X-Request-Deadline", DeadlineFormat::time}};
  std::vector<DeadlineRoute> routes;
};

/// What tells tenants apart.
enum class TenantKey : std::uint8_t { client, header, authorization, token_subject };

struct TenantSettings {
  TenantKey by = TenantKey::client;
  std::string field;  ///< only with `header`
  bool fair_queue = true;
};

/// Whose requests share one bucket: all that match, or those that also have
/// these in common.
struct BucketKey {
  bool given = false;  ///< false: nothing was said yet
  bool client = false, tenant = false, route = false;
};

/// `requests` per `period`, as written.
struct Rate {
  double requests = 0;
  seconds period{1};
};

struct RateLimitRule {
  std::string name;
  RequestMatch match{"*", {}};
  BucketKey per;
  Rate rate;
  std::uint64_t burst = 0;  ///< 0: as many as the rate allows in its period
  LoopMode mode = LoopMode::on;
  bool advertise = true;  ///< say RateLimit and RateLimit-Policy
  bool shared = true;     ///< with the other agents, where cache.redis is set
};

struct ConcurrencyCapRule {
  std::string name;
  RequestMatch match;
  std::uint32_t max = 0;
  LoopMode mode = LoopMode::on;
};

/// How far into a list a request may ask.
struct PageLimitRule {
  std::string name;
  RequestMatch match;
  std::uint64_t page_max = 0, offset_max = 0, size_max = 0;  ///< 0: as it likes
  LoopMode mode = LoopMode::on;
};

struct WeightRule {
  RequestMatch match;
  std::uint32_t weight = 1;
};

/// What is at the application without being work there.
struct StreamRule {
  RequestMatch match;
};

struct AdmissionSettings {
  static constexpr std::size_t rate_limits_max = 100;

  LoopMode mode = LoopMode::on;
  std::optional<milliseconds> max_wait;  ///< absent: by level (rules/laws/admission_profile.hpp)
  std::size_t queue_max = 1024;
  double limit_initial = 20;
  double limit_min = 1;
  double limit_max = 4000;
  std::size_t streams_max = 2000;  ///< at the application without a slot of the limit
  int reject_status = 503;         ///< 429 or 503
  seconds retry_after_min{1};
  std::vector<PriorityRule> priorities;  ///< default class: 2 normal
  DeadlineSettings deadlines;
  TenantSettings tenant;
  std::vector<RateLimitRule> rate_limits;
  std::size_t rate_limit_buckets = 65536;  ///< keys remembered at once; 16 bytes each
  std::vector<ConcurrencyCapRule> concurrency_caps;
  std::vector<WeightRule> weights;  ///< default weight: 1
  std::vector<StreamRule> streams;  ///< aside from the start: long polls, feeds, watches
  std::vector<PageLimitRule> page_limits;
};

}  // namespace homeostat::config
