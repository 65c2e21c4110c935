#include "runtime/proxy/failure_response.hpp"

#include "runtime/http/head_writer.hpp"
#include "runtime/proxy/client_connection.hpp"
#include "runtime/proxy/local_response.hpp"
#include "runtime/proxy/worker.hpp"

namespace homeostat::proxy {
namespace {

std::string status_text(const cache::CacheStatus& status) {
  std::string text;
  cache::write_cache_status(status, text);
  return text;
}

/// Of what was refused before it was sent on: `fwd` would say that it was (RFC 9211).
std::string unsent_text(cache::CacheStatus status) {
  status.forward = cache::Forward::none;
  return status_text(status);
}

constexpr std::string_view at_its_limit = "the service is at its limit; try again later";
constexpr std::string_view upstream_unavailable = "the service does not work at the moment";

unsigned note_rejection(RequestContext& request, const gate::Rejection& rejection) {
  request.outcome.rejected = true;
  request.outcome.cache = telemetry::CacheResult::none;
  // 429 would blame the client for the upstream's state.
  if (gate::of_upstream(rejection.reason)) return 503;
  return static_cast<unsigned>(request.config->settings().admission.reject_status);
}

std::string_view detail_of(const gate::Rejection& rejection) {
  return gate::of_upstream(rejection.reason) ? upstream_unavailable : at_its_limit;
}

std::string rejection_fields(const gate::Rejection& rejection) {
  std::string fields;
  fields.reserve(96);
  http::HeadWriter out(fields);
  out.field(http::HeaderId::retry_after, static_cast<std::uint64_t>(rejection.retry_after.count()));
  std::string reason = gate::to_string(rejection.reason);
  reason += "; class=";
  http::append_number(reason, rejection.priority_class);
  if (rejection.limit != nullptr) {
    reason += "; limit=";
    reason += rejection.limit->name;
  }
  out.field("Homeostat-Rejected", reason);
  return fields;
}

}  // namespace

Ref<Exchange> make_rejection_response(ClientConnection& connection,
                                      const gate::Rejection& rejection,
                                      const cache::CacheStatus& status) {
  const unsigned code = note_rejection(connection.request(), rejection);
  return make_error_response(connection, code, detail_of(rejection), unsent_text(status),
                             rejection_fields(rejection));
}

void send_rejection(ClientConnection& connection, const gate::Rejection& rejection,
                    const cache::CacheStatus& status) {
  const unsigned code = note_rejection(connection.request(), rejection);
  const std::string cache_status = unsent_text(status);
  const std::string fields = rejection_fields(rejection);
  send_error(connection, {code, detail_of(rejection), cache_status, fields});
}

void send_rate_rejection(ClientConnection& connection, const gate::LimitCounters& limit,
                         std::chrono::seconds retry_after) {
  RequestContext& request = connection.request();
  request.outcome.rejected = true;
  request.outcome.cache = telemetry::CacheResult::none;
  const std::string fields = rejection_fields(
      {gate::RejectReason::rate_limit, retry_after, request.priority_class, &limit});
  const std::string members = R"(,"violated-policies":[")" + limit.name + R"("])";
  send_error(connection, {.status = 429,
                          .detail = "a rate limit is used up; try again later",
                          .fields = fields,
                          .type = "https://iana.org/assignments/http-problem-types#quota-exceeded",
                          .members = members});
}

void send_page_rejection(ClientConnection& connection, const gate::LimitCounters& limit,
                         std::string_view excess) {
  connection.request().outcome.cache = telemetry::CacheResult::none;
  const std::string members = R"(,"violated-policies":[")" + limit.name + R"("])";
  send_error(connection, {.status = 400, .detail = excess, .members = members});
}

Ref<Exchange> make_failure_response(ClientConnection& connection, const UpstreamFailure& failure,
                                    const cache::CacheStatus& status) {
  const UpstreamError error = failure.error;
  std::string fields;
  http::HeadWriter out(fields);
  std::string proxy_status = "homeostat; error=";
  proxy_status += to_string(error);
  if (!failure.details.empty()) {
    proxy_status.append("; details=\"").append(failure.details).append("\"");
  }
  out.field("Proxy-Status", proxy_status);
  if (status_of(error) == 503) out.field(http::HeaderId::retry_after, std::uint64_t{1});
  const std::string_view detail = error == UpstreamError::local
                                      ? "no connection to the upstream could be opened here"
                                      : "the upstream did not answer";
  return make_error_response(connection, status_of(error), detail, status_text(status), fields);
}

void reply_condition_failed(ClientConnection& connection, cache::CacheStatus status) {
  status.detail = cache::Reason::precondition;
  const std::string text = status_text(status);
  send_error(connection, {.status = 412,
                          .detail = "the response has changed, or is not known any more",
                          .cache_status = text});
}

}  // namespace homeostat::proxy
