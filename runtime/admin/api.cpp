#include "runtime/admin/api.hpp"

#include <fmt/format.h>
#include <openssl/rand.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <utility>

#include "runtime/admin/reply.hpp"
#include "runtime/ports/rfc3339.hpp"

namespace homeostat::admin {

namespace {

std::shared_ptr<spdlog::logger> process_log() {
  auto logger = spdlog::get("homeostat");
  return logger ? logger : spdlog::default_logger();
}

bool sane_request_id(const std::string& id) {
  constexpr std::string_view allowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/+=@";
  return !id.empty() && id.size() <= 128 && id.find_first_not_of(allowed) == std::string::npos;
}

}  // namespace

std::string correlation_id_of(const std::string& request_id) {
  if (sane_request_id(request_id)) return request_id;
  std::array<unsigned char, 16> bytes{};
  RAND_bytes(bytes.data(), static_cast<int>(bytes.size()));
  std::string id;
  for (const unsigned char byte : bytes) id += fmt::format("{:02x}", byte);
  return id;
}

void add_routes(Router& router, const RouteContext& context) {
  add_performance_routes(router, context);
  add_history_route(router, context);
  add_injection_route(router, context);
  add_rule_routes(router, context);
  add_rule_change_route(router, context);
  add_replay_route(router, context);
  add_cache_routes(router, context);
  add_invalidation_routes(router, context);
  add_entry_routes(router, context);
  add_cache_event_routes(router, context);
  add_warm_routes(router, context);
  add_upstream_routes(router, context);
  add_probe_routes(router, context);
  add_event_route(router, context);
  add_page_routes(router);
}

Api::Api(const config::AdminSettings& settings, AdminServices services, AdminCounters& counters,
         BackgroundJob::Post post)
    : services_(std::move(services)),
      counters_(counters),
      authenticator_(settings),
      audit_(counters.changes, services_.clock, services_.events),
      background_(std::move(post)),
      context_{services_,
               audit_,
               counters,
               background_,
               settings.allow_injection,
               std::max<std::size_t>(1, settings.connections_max / 2)} {
  add_routes(router_, context_);
}

AdminResponse Api::handle(const AdminRequest& request) {
  counters_.requests.fetch_add(1, std::memory_order_relaxed);
  const std::string correlation_id = correlation_id_of(request.request_id);
  Reply reply;
  try {
    reply = answer(request, correlation_id);
  } catch (const std::exception& error) {
    process_log()->error("admin {} {} failed: {} correlation_id={}", request.method,
                         log_safe(request.path), error.what(), correlation_id);
    reply = problem(500, "internal error; the log has the correlation id");
  }
  return render(std::move(reply), correlation_id);
}

std::size_t Api::body_bytes_max(const AdminRequest& head) const {
  const Route* const route = router_.match(head.method, head.segments).route;
  const bool larger = route != nullptr && route->body_bytes_max > body_bytes_standard &&
                      authenticator_.check(route->access, head).status == 200;
  return larger ? route->body_bytes_max : body_bytes_standard;
}

AdminResponse Api::refuse(unsigned status, std::string detail) {
  counters_.requests.fetch_add(1, std::memory_order_relaxed);
  return render(problem(status, std::move(detail)), correlation_id_of({}));
}

Reply Api::answer(const AdminRequest& request, const std::string& correlation_id) {
  const RouteMatch match = router_.match(request.method, request.segments);
  if (match.route == nullptr) {
    if (match.allow.empty()) return problem(404, "there is nothing at this path");
    Reply reply = problem(405, "allowed here: " + match.allow);
    reply.headers.emplace_back("Allow", match.allow);
    return reply;
  }
  const AuthDecision decision = authenticator_.check(match.route->access, request);
  if (decision.status != 200) return deny(decision, request);
  return match.route->handler(Call{request, match.path, decision.who, correlation_id});
}

Reply Api::deny(const AuthDecision& decision, const AdminRequest& request) {
  auto& counter = decision.status == 401 ? counters_.unauthorized : counters_.forbidden;
  counter.fetch_add(1, std::memory_order_relaxed);
  log_denial(decision, request);
  Reply reply = problem(decision.status, decision.detail);
  if (decision.status == 401) {
    const bool sent = !request.authorization.empty();
    reply.headers.emplace_back("WWW-Authenticate",
                               sent ? "Bearer realm=\"homeostat\", error=\"invalid_token\""
                                    : "Bearer realm=\"homeostat\"");
  }
  return reply;
}

/// At most one line a second, so that a guesser cannot fill the log.
void Api::log_denial(const AuthDecision& decision, const AdminRequest& request) {
  const Instant now = services_.clock.now();
  if (denial_logged_ != Instant{} && now - denial_logged_ < std::chrono::seconds(1)) {
    ++denials_unlogged_;
    return;
  }
  process_log()->warn("admin {} {} refused with {}: {} who=\"{}\" peer={} ({} more not logged)",
                      log_safe(request.method), log_safe(request.path), decision.status,
                      decision.detail, log_safe(decision.who), request.peer, denials_unlogged_);
  denial_logged_ = now;
  denials_unlogged_ = 0;
}

AdminResponse Api::render(Reply reply, const std::string& correlation_id) {
  AdminResponse response;
  if (reply.later) {
    response.later = [this, later = std::move(reply.later),
                      correlation_id](std::function<void(AdminResponse)> done) {
      later([this, correlation_id, done = std::move(done)](Reply finished) {
        done(render(std::move(finished), correlation_id));
      });
    };
    response.abandoned = std::move(reply.abandoned);
    return response;
  }
  response.status = reply.status;
  response.headers = std::move(reply.headers);
  response.events_after = reply.events_after;
  if (reply.events_after) {
    response.content_type = "text/event-stream";
  } else if (reply.raw) {
    response.content_type = std::move(reply.raw->content_type);
    response.body = std::move(reply.raw->text);
  } else {
    reply.members["timestamp"] = rfc3339(services_.clock.wall_now());
    reply.members["correlation_id"] = correlation_id;
    reply.members["service"] = services_.service;
    response.content_type = reply.problem ? "application/problem+json" : "application/json";
    response.body = json_text(reply.members);
  }
  response.headers.emplace_back("X-Request-Id", correlation_id);
  return response;
}

}  // namespace homeostat::admin
