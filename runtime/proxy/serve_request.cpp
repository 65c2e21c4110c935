#include "runtime/proxy/serve_request.hpp"

#include <utility>

#include "runtime/cache/preconditions.hpp"
#include "runtime/http/ascii.hpp"
#include "runtime/http/forwarded.hpp"
#include "runtime/http/query.hpp"
#include "runtime/proxy/body_collector.hpp"
#include "runtime/proxy/client_connection.hpp"
#include "runtime/proxy/client_identity.hpp"
#include "runtime/proxy/failure_response.hpp"
#include "runtime/proxy/fill_exchange.hpp"
#include "runtime/proxy/forward_exchange.hpp"
#include "runtime/proxy/local_response.hpp"
#include "runtime/proxy/object_reply.hpp"
#include "runtime/proxy/request_terms.hpp"
#include "runtime/proxy/stale_reply.hpp"
#include "runtime/proxy/stored_form.hpp"
#include "runtime/proxy/worker.hpp"
#include "runtime/tier/worker_tier.hpp"

namespace homeostat::proxy {
namespace {

using cache::Forward;
using cache::Lookup;

void refuse(ClientConnection& connection, unsigned status, std::string_view detail,
            std::string_view fields = {}) {
  connection.hand_over(make_error_response(connection, status, detail, {}, fields));
}

/// Fills the derived facts; false if the request was refused.
bool identify(ClientConnection& connection) {
  Worker& worker = connection.worker();
  RequestContext& request = connection.request();
  const http::RequestHead& head = request.head();
  if (head.method == http::Method::connect) {
    refuse(connection, 501, "CONNECT is not supported");
    return false;
  }
  if (head.method == http::Method::trace) {
    refuse(connection, 405, "TRACE is not allowed",
           "Allow: " + std::string(methods_forwarded) + "\r\n");
    return false;
  }
  const std::optional<http::RequestTarget> target = http::parse_target(head.method, head.target);
  if (!target.has_value()) {
    refuse(connection, 400, "the request target is not valid");
    return false;
  }
  if (http::via_contains(head.headers, worker.pseudonym())) {
    refuse(connection, 508, "the upstream of this agent leads back to it");
    return false;
  }
  describe_request(worker, request, *target);
  return true;
}

Forward forward_kind(const RequestContext& request) {
  const cache::RequestDecision& decision = request.decision;
  if (decision.reason == cache::Reason::method) return Forward::method;
  if (request.found.kind == Lookup::Kind::bypass) return Forward::bypass;
  if (request.found.by_request || request.found.kind == Lookup::Kind::hit) return Forward::request;
  if (request.found.kind == Lookup::Kind::stale) return Forward::stale;
  if (request.found.vary_miss) return Forward::vary_miss;
  return Forward::uri_miss;
}

cache::CacheStatus status_of(const RequestContext& request) {
  cache::CacheStatus status;
  status.key = request.cache_key;
  return status;
}

/// Asked before anything is made for a request that would go upstream: under
/// overload most requests end here.
std::optional<gate::Rejection> refused(ClientConnection& connection) {
  const RequestContext& request = connection.request();
  Worker& worker = connection.worker();
  if (worker.upstream().set()->refuses(request.endpoint, request.started)) {
    return worker.breaker_rejection(request.endpoint, request.priority_class);
  }
  const AdmissionTerms& terms = request.terms;
  return worker.gate().refuse({request.endpoint, request.priority_class, request.started,
                               terms.deadline, terms.tenant, terms.weight, terms.cap,
                               terms.stream});
}

/// A stale answer is better than none, where that is allowed.
void reject(ClientConnection& connection, const gate::Rejection& rejection,
            const cache::CacheStatus& status) {
  if (bridge_with_stale(connection, rejection_reason(rejection), status)) return;
  send_rejection(connection, rejection, status);
}

/// What goes upstream needs a buffer for the answer; what is stored is served without.
bool has_room(Worker& worker) noexcept { return worker.has_body_memory(BufferPool::body_size); }

void refuse_for_memory(ClientConnection& connection, const cache::CacheStatus& status) {
  connection.worker().counters().memory_refusals.fetch_add(1, std::memory_order_relaxed);
  if (bridge_with_stale(connection, cache::Reason::rejected, status)) return;
  send_error(connection, {503, "the memory for requests is used up"});
}

void forward(ClientConnection& connection, cache::CacheStatus status, cache::Reason reason) {
  status.detail = reason;
  if (!has_room(connection.worker())) return refuse_for_memory(connection, status);
  settle_terms(connection);
  if (const auto rejection = refused(connection)) {
    reject(connection, *rejection, status);
    return;
  }
  connection.hand_over(make_ref<ForwardExchange>(connection, status));
}

/// RFC 9111 section 5.2.1.7. True if that was the answer.
bool refused_to_forward(ClientConnection& connection, cache::CacheStatus status) {
  if (!connection.request().decision.only_if_cached) return false;
  std::string text;
  status.forward = Forward::none;
  status.detail = cache::Reason::only_if_cached;
  cache::write_cache_status(status, text);
  connection.hand_over(make_error_response(connection, 504, "not in the cache", text));
  return true;
}

/// The origin has it in a form that the client takes, this agent not yet.
void ask_for_form(ClientConnection& connection) {
  cache::CacheStatus status = status_of(connection.request());
  status.forward = Forward::request;
  if (refused_to_forward(connection, status)) return;
  connection.worker().cache().count(cache::Reason::content_coding);
  forward(connection, status, cache::Reason::content_coding);
}

/// What somebody has stored since this request missed.
void reply_filled(ClientConnection& connection, Lookup& found) {
  if (must_ask_origin(connection, found.object)) return ask_for_form(connection);
  reply_with_hit(connection, found);
}

/// If-Match with tags of this agent's before a request that changes something.
/// False: it does not hold, and the request was answered.
bool own_condition_holds(ClientConnection& connection) {
  RequestContext& request = connection.request();
  cache::RequestDecision& decision = request.decision;
  if (decision.tag_owners == cache::TagOwners::others || http::is_safe(request.head().method)) {
    return true;
  }
  decision.own_tag_holds = connection.worker().cache().claim_own_tag(
      request.cache_request, request.config->cache_rules(), request.started);
  if (decision.own_tag_holds || decision.tag_owners == cache::TagOwners::mixed) return true;
  connection.worker().cache().count(cache::Reason::precondition);
  reply_condition_failed(connection, status_of(request));
  return false;
}

}  // namespace

void describe_request(Worker& worker, RequestContext& request, const http::RequestTarget& target) {
  const http::RequestHead& head = request.head();
  request.target = target;
  request.host.clear();
  for (const char c : http::effective_host(target, head.host)) request.host += http::to_lower(c);
  request.path = target.path;
  if (target.path.find('%') != std::string_view::npos) {
    request.path_text.clear();
    http::normalise_percent(request.path_text, target.path);
    request.path = request.path_text;
  }
  request.path_readings = http::path_readings(request.path);
  request.endpoint = worker.telemetry().endpoint(head.method_text, head.target);
  request.priority_class =
      request.config->admission().priority_class(head.method_text, request.read_path());
  cache::Request& lookup = request.cache_request;
  lookup.method = head.method_text;
  lookup.host = request.host;
  lookup.path = request.path;
  lookup.query = target.query;
  lookup.target = target.path_query;
  lookup.fields = &head.headers;
  if (request.config->server().trust_forwarded) {
    http::append_forwarded_resource(request.forwarded_resource, head.headers, request.host);
    lookup.forwarded_resource = request.forwarded_resource;
  }
  lookup.tenant_unclear =
      !read_cache_tenant(head.headers, request.config->settings().cache.tenant, request.tenant);
  lookup.tenant = request.tenant;
  lookup.endpoint = request.endpoint;
  lookup.has_body = head.body != http::BodyKind::none;
  lookup.upgrade = head.upgrade;
}

EndpointId content_endpoint(Worker& worker, const RequestContext& request) {
  const http::RequestHead& head = request.head();
  return head.method == http::Method::head ? worker.telemetry().endpoint("GET", head.target)
                                           : request.endpoint;
}

namespace {

/// How long what a rule keeps may live, by what was seen of its endpoint. In emergency mode
/// as long as the rule says: then hits count for more.
rules::LifetimeBound lifetime_bound(Worker& worker, const RequestContext& request) {
  const config::ChangeSettings& settings = request.config->settings().cache.ttl_by_change;
  const cache::CompiledRule* rule = request.decision.rule;
  if (rule == nullptr || !rule->settings.ttl || settings.mode == config::LoopMode::off ||
      worker.policy().mode.emergency) {
    return {};
  }
  const EndpointId endpoint = content_endpoint(worker, request);
  if (endpoint == telemetry::other_endpoint) return {};
  return {worker.cache().cache().changes().bound(endpoint), settings.lowest,
          settings.mode == config::LoopMode::on};
}

}  // namespace

void decide_caching(Worker& worker, RequestContext& request) {
  request.decision = request.config->cache_rules().decide(request.cache_request);
  request.decision.lifetime_bound = lifetime_bound(worker, request);
  if (request.decision.for_all_tenants()) request.cache_request.tenant = {};
}

void fill_or_follow(ClientConnection& connection, const cache::CacheStatus& status) {
  Worker& worker = connection.worker();
  RequestContext& request = connection.request();
  settle_terms(connection);
  cache::FillStart begin = worker.cache().begin_fill(request.cache_request, request.decision,
                                                     request.found, request.started);
  switch (begin.kind) {
    case cache::FillStart::Kind::hit: reply_filled(connection, begin.hit); return;
    case cache::FillStart::Kind::pass:
      request.pass_mark = begin.mark;
      forward(connection, status, begin.reason);
      return;
    case cache::FillStart::Kind::follower:
      connection.hand_over(
          make_ref<FillExchange>(connection, std::move(*begin.follower), status, false));
      return;
    case cache::FillStart::Kind::leader: {
      // The shared tier may have it, and costs the origin nothing: then the gate is
      // asked after it. Where it hardly ever has, a rejection is not to cost a read.
      if (!has_room(worker)) {
        begin.leader->fail(cache::Reason::rejected);
        return refuse_for_memory(connection, status);
      }
      const bool tier_first =
          worker.tier() != nullptr && worker.tier()->may_spare_rejection(request.endpoint);
      const auto rejection = tier_first ? std::nullopt : refused(connection);
      if (rejection) {
        begin.leader->fail(rejection_reason(*rejection));
        reject(connection, *rejection, status);
        return;
      }
      auto exchange = make_ref<FillExchange>(connection, begin.leader->reader(), status, true);
      connection.replace_exchange(exchange);
      exchange->start();
      exchange->lead(std::move(*begin.leader));
      return;
    }
  }
}

namespace {

/// RFC 9110 section 7.6.2; TRACE has been refused already.
bool ends_here(const http::RequestHead& head) {
  return head.method == http::Method::options && http::forwards_left(head.headers) == 0U;
}

}  // namespace

void serve_request(ClientConnection& connection) {
  if (!identify(connection) || !within_rate_limits(connection)) return;
  if (!within_page_limits(connection)) return;
  if (ends_here(connection.request().head())) {
    connection.hand_over(make_options_response(connection));
    return;
  }
  if (BodyCollector::wanted(connection.worker(), connection.request())) {
    connection.hand_over(make_ref<BodyCollector>(connection));
    return;
  }
  serve_identified(connection);
}

namespace {

/// Draws the request's part in what applies to a share of them; true if stored
/// responses live as long for it as the control plane's multiplier says.
bool lives_longer(Worker& worker, RequestContext& request) {
  const CachePolicy& policy = worker.policy().cache;
  if (policy.endpoints.empty()) [[likely]]
    return false;
  const EndpointPolicy& own = policy.of(request.endpoint);
  if (own.divides()) request.draw = own.draw(worker.random_unit());
  return own.extends_lifetime(request.draw);
}

}  // namespace

void serve_identified(ClientConnection& connection) {
  Worker& worker = connection.worker();
  RequestContext& request = connection.request();
  decide_caching(worker, request);
  request.decision.plain_lifetime = !lives_longer(worker, request);
  request.found = worker.cache().lookup(request.cache_request, request.decision, request.started);
  if (request.config->settings().cache.status_key && request.decision.lookup) {
    request.cache_key = worker.cache().key_text(request.cache_request, request.decision);
  }
  Lookup& found = request.found;
  const bool fits = !request.decision.precondition || found.object == nullptr ||
                    cache::satisfies_preconditions(request.head().headers, found.object->head());
  // Tags that are nobody's but this agent's: what is stored and fresh decides.
  const bool decided = fits || request.decision.tag_owners == cache::TagOwners::own;
  if (found.kind == Lookup::Kind::hit) {
    const bool answers = decided && !must_ask_origin(connection, found.object);
    worker.cache().count_hit(answers);
    if (answers) return reply_with_hit(connection, found);
    if (decided) return ask_for_form(connection);
  }
  // What is stale may be older than what a precondition is about.
  if (found.kind == Lookup::Kind::stale && !request.decision.precondition &&
      reply_with_stale(connection)) {
    return;
  }
  cache::CacheStatus status = status_of(request);
  status.forward = forward_kind(request);
  if (refused_to_forward(connection, status)) return;
  if (!own_condition_holds(connection)) return;
  const bool may_fill = request.decision.store && found.kind != Lookup::Kind::bypass &&
                        request.head().method != http::Method::head;
  if (may_fill) {
    fill_or_follow(connection, status);
    return;
  }
  const bool head = request.head().method == http::Method::head && !request.decision.bypass();
  const cache::Reason reason =
      head ? cache::Reason::head_request
           : (found.reason != cache::Reason::none ? found.reason : request.decision.reason);
  // The lookup has counted what it found.
  if (reason != found.reason) worker.cache().count(reason);
  forward(connection, status, reason);
}

}  // namespace homeostat::proxy
