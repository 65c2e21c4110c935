// ClientConnection: what became of a request, for telemetry, advice and the access log.
#include "runtime/proxy/client_connection.hpp"
#include "runtime/proxy/worker.hpp"

namespace homeostat::proxy {

void ClientConnection::watch_patterns(const telemetry::RequestRecord& record) {
  const RequestContext& request = *request_;
  WatchedRequest watched;
  watched.client = address_key_;
  watched.host = request.host;
  watched.target = record.target;
  watched.path = request.path;
  watched.query = request.target.query;
  watched.json = request.outcome.json;
  watched.now = idle_since_;
  std::string key;
  if (record.cache == telemetry::CacheResult::miss && request.target.has_query) {
    key = worker_.cache().key_text(request.cache_request, request.decision);
    watched.cache_key = key;
  }
  worker_.patterns().note(watched, record, run_);
}

void ClientConnection::record_outcome() {
  RequestContext& request = *request_;
  const RequestOutcome& outcome = request.outcome;
  const http::RequestHead& head = request.head();
  idle_since_ = worker_.now();
  // How long a stream or tunnel stayed open says nothing about the upstream.
  const Duration latency = outcome.streamed ? outcome.upstream_latency.value_or(Duration::zero())
                                            : idle_since_ - request.started;
  telemetry::RequestRecord record;
  record.endpoint = request.endpoint;
  record.arm = request.draw.arm;
  record.method = head.method_text;
  record.target = head.target;
  record.latency = latency;
  record.upstream_latency = outcome.upstream_latency;
  record.request_bytes = outcome.request_bytes;
  record.response_bytes = outcome.response_bytes;
  record.status = static_cast<std::uint16_t>(outcome.status);
  record.cache = outcome.cache;
  record.rejected = outcome.rejected;
  record.upstream_error = outcome.upstream_error;
  record.upstream_timeout = outcome.upstream_timeout;
  record.client_abort = outcome.client_abort;
  record.truncated = outcome.truncated;
  worker_.telemetry().record(record);
  const bool stored =
      record.cache == telemetry::CacheResult::hit || record.cache == telemetry::CacheResult::stale;
  if (!stored && !outcome.streamed) watch_patterns(record);
  telemetry::AccessLog& log = worker_.services().access_log;
  if (!log.enabled()) return;
  const telemetry::EndpointName name =
      worker_.services().telemetry.endpoints().name(request.endpoint);
  log.write({.time = worker_.wall_now(),
             .client = client_address_,
             .method = head.method_text,
             .host = request.host,
             .target = head.target,
             .status = outcome.status,
             .bytes = outcome.response_bytes,
             .duration = latency,
             .upstream_duration = outcome.upstream_latency,
             .cache_status = telemetry::to_string(outcome.cache),
             .endpoint = name.route,
             .request_id = head.headers.get(http::HeaderId::x_request_id)});
}

}  // namespace homeostat::proxy
