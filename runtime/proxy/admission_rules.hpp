// What the configuration says about admitting a request: its class, weight,
// cap, deadline and rate limits. Compiled once for each worker and reload.
//
// A path that servers read differently is asked for by each of its readings, and
// what is worst for the request counts: no spelling evades a limit or buys a class.
//
// Thread safety: immutable after construction; the counters it points to are
// the gate's and outlive it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings/admission.hpp"
#include "rules/laws/request_rate.hpp"
#include "runtime/gate/gate.hpp"
#include "runtime/http/header_table.hpp"
#include "runtime/http/path_readings.hpp"

namespace homeostat::proxy {

struct RateLimit {
  config::RequestMatch match;
  config::BucketKey per;
  rules::RequestRate rate;
  std::uint64_t salt = 0;  ///< tells its buckets from those of other limits and rates
  gate::LimitCounters* counters = nullptr;
  bool shadow = false;
  bool advertise = true;
  bool shared = true;  ///< counts in all agents of the fleet
  std::string policy;  ///< its item of RateLimit-Policy
};

/// How far into a list a request may ask; 0: as it likes.
struct PageLimit {
  config::RequestMatch match;
  std::uint64_t page_max = 0, offset_max = 0, size_max = 0;
  gate::LimitCounters* counters = nullptr;
  bool shadow = false;
};

class AdmissionRules {
 public:
  AdmissionRules(const config::AdmissionSettings& settings, gate::Gate& gate);

  /// 0 critical .. 3 low; the first rule that matches decides, else 2. The worst of
  /// all readings.
  [[nodiscard]] std::uint8_t priority_class(std::string_view method,
                                            const http::ReadPath& path) const noexcept;
  /// The largest of all readings.
  [[nodiscard]] std::uint32_t weight(std::string_view method,
                                     const http::ReadPath& path) const noexcept;
  /// The smallest of all readings.
  [[nodiscard]] gate::ConcurrencyCap cap(std::string_view method,
                                         const http::ReadPath& path) const noexcept;
  /// One that stands aside from the start; by all of its readings.
  [[nodiscard]] bool stream(std::string_view method, const http::ReadPath& path) const noexcept;
  /// What the route allows; the least of all readings.
  [[nodiscard]] std::optional<Duration> within(std::string_view method,
                                               const http::ReadPath& path) const noexcept;
  /// Which format this field has, if it says how much time is left.
  [[nodiscard]] std::optional<config::DeadlineFormat> deadline_format(
      const http::Field& field) const noexcept;
  /// The least time left that the client names, if it does; `invalid` counts
  /// values that say nothing.
  [[nodiscard]] std::optional<Duration> client_time_left(const http::HeaderTable& fields,
                                                         WallTime now,
                                                         unsigned& invalid) const noexcept;
  [[nodiscard]] std::span<const RateLimit> rate_limits() const noexcept { return rate_limits_; }
  [[nodiscard]] std::span<const PageLimit> page_limits() const noexcept { return page_limits_; }
  /// Off: nothing waits and nothing has a deadline.
  [[nodiscard]] config::LoopMode mode() const noexcept { return mode_; }

 private:
  struct Cap {
    config::RequestMatch match;
    gate::ConcurrencyCap cap;
  };
  struct DeadlineField {
    http::HeaderId id;
    std::string name;
    config::DeadlineFormat format;
  };

  void add_rate_limits(const config::AdmissionSettings& settings, gate::Gate& gate);

  config::LoopMode mode_;
  std::vector<config::PriorityRule> priorities_;
  std::vector<config::WeightRule> weights_;
  std::vector<config::StreamRule> streams_;
  std::vector<Cap> caps_;
  std::vector<config::DeadlineRoute> routes_;
  std::vector<DeadlineField> deadline_fields_;
  std::vector<RateLimit> rate_limits_;
  std::vector<PageLimit> page_limits_;
};

}  // namespace homeostat::proxy
