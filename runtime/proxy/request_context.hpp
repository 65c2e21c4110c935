// A request being read or served: its bytes, its parsed head, and what was
// decided about it. Lent by the worker while a connection is active.
//
// The head's views point into `in`, so the context is reference counted: a
// cache fill may outlive the client that began it.
// Thread safety: none; one worker.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/cache/request_rules.hpp"
#include "runtime/cache/worker.hpp"
#include "runtime/gate/named_limits.hpp"
#include "runtime/http/parser.hpp"
#include "runtime/http/path_readings.hpp"
#include "runtime/http/target.hpp"
#include "runtime/proxy/buffer.hpp"
#include "runtime/proxy/ref_counted.hpp"
#include "runtime/proxy/serving_config.hpp"
#include "runtime/telemetry/worker_telemetry.hpp"

namespace homeostat::proxy {

/// What is known about the outcome, for telemetry and the access log.
struct RequestOutcome {
  int status = 0;
  std::uint64_t request_bytes = 0;
  std::uint64_t response_bytes = 0;
  telemetry::CacheResult cache = telemetry::CacheResult::none;
  std::optional<Duration> upstream_latency;
  bool rejected = false, upstream_error = false, upstream_timeout = false, client_abort = false,
       truncated = false;
  bool json = false;      ///< the answer, where it came from upstream
  bool streamed = false;  ///< event stream or tunnel: its duration is not a latency
};

/// What the gate must know about a request that goes upstream (request_terms.hpp).
struct AdmissionTerms {
  bool settled = false;
  std::uint64_t tenant = 0;
  std::uint32_t weight = 1;
  bool stream = false;
  gate::ConcurrencyCap cap;
  std::optional<Instant> deadline;  ///< the client's or the route's
};

class RequestContext final : public RefCounted {
 public:
  explicit RequestContext(const http::ParseLimits& limits) : parser(limits) {}

  /// Forgets the request, keeps the memory. Bytes in `in` stay.
  void clear() {
    config.reset();
    outcome = {};
    found = {};
    pass_mark = {};
    decision = {};
    cache_request = {};
    target = {};
    path = {};
    path_text.clear();
    path_readings.clear();
    host.clear();
    forwarded_resource.clear();
    tenant.clear();
    endpoint = 0;
    draw = {};
    priority_class = 2;
    fill_attempts = 0;
    body.reset();
    body_hash.clear();
    cache_key.clear();
    terms = {};
    limit_fields.clear();
    limit_values.clear();
  }

  [[nodiscard]] const http::RequestHead& head() const noexcept { return parser.head(); }
  /// What limits, caps and classes go by.
  [[nodiscard]] http::ReadPath read_path() const noexcept { return {path, path_readings}; }

  Buffer in;
  http::RequestParser parser;
  Ref<ServingConfig> config;
  http::RequestTarget target;
  std::string_view path;  ///< of the target, http::normalise_percent: what rules match
  std::string path_text;  ///< ... where that is not a part of the target
  std::vector<std::string> path_readings;  ///< what else servers may take it for
  std::string host;                        ///< effective authority, lower case
  std::string forwarded_resource;          ///< cache::Request::forwarded_resource
  std::string tenant;                      ///< cache::Request::tenant
  Buffer body;                             ///< collected, where a rule caches POST
  std::string body_hash;                   ///< not empty: `body` is the whole request body
  std::string cache_key;                   ///< only with cache.status_key
  /// RateLimit-Policy and RateLimit as whole lines, for any response to it.
  std::string limit_fields;
  std::string limit_values;  ///< while those are written
  AdmissionTerms terms;
  cache::Request cache_request;
  cache::RequestDecision decision;
  cache::Lookup found;
  cache::PassMark pass_mark;  ///< where it passes because of hit-for-miss
  rules::EndpointId endpoint = 0;
  Draw draw;  ///< its part in what applies to a share of the requests
  std::uint8_t priority_class = 2;
  std::uint8_t fill_attempts = 0;  ///< fills of others that failed under this request
  Instant started{};
  RequestOutcome outcome;
};

}  // namespace homeostat::proxy
