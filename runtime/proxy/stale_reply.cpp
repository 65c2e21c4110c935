#include "runtime/proxy/stale_reply.hpp"

#include <utility>

#include "rules/laws/admission_profile.hpp"
#include "runtime/cache/stale.hpp"
#include "runtime/proxy/client_connection.hpp"
#include "runtime/proxy/fetch_task.hpp"
#include "runtime/proxy/object_reply.hpp"
#include "runtime/proxy/serve_request.hpp"
#include "runtime/proxy/stored_form.hpp"
#include "runtime/proxy/worker.hpp"

namespace homeostat::proxy {
namespace {

using cache::RefreshControl;
using cache::RefreshKind;
using cache::StaleUse;
using telemetry::CacheResult;

cache::Trouble trouble_of(cache::Reason failure) noexcept {
  const bool unreachable =
      failure == cache::Reason::upstream_failed || failure == cache::Reason::upstream_timeout;
  return unreachable ? cache::Trouble::unreachable : cache::Trouble::error;
}

cache::StaleView view_of(Worker& worker, const RequestContext& request,
                         const cache::Object& object) {
  cache::Freshness freshness = object.freshness();
  if (request.decision.plain_lifetime) freshness.make_plain();
  cache::StaleView view{freshness, request.decision.stale_windows()};
  view.doubtful = object.doubtful();
  view.now = worker.now();
  view.by_request = request.found.by_request;
  view.emergency = worker.policy().mode.emergency;
  return view;
}

/// For the request that refreshes what this one asked for: a GET, by the rule for GET.
/// Without `lookup` that one may not use the cache.
cache::RequestDecision refreshing(const RequestContext& request) {
  cache::RequestDecision decision = request.decision;
  if (decision.head) {
    cache::Request asked = request.cache_request;
    asked.method = "GET";
    decision = request.config->cache_rules().decide(asked);
    decision.plain_lifetime = request.decision.plain_lifetime;
    decision.lifetime_bound = request.decision.lifetime_bound;
  }
  decision.store = true;
  decision.head = decision.range = decision.precondition = false;
  decision.tag_owners = cache::TagOwners::others;
  decision.reason = cache::Reason::none;
  decision.collapse = !decision.authorization;
  decision.only_if_cached = decision.revalidate = false;
  decision.max_age.reset();
  decision.min_fresh.reset();
  return decision;
}

/// At most half of what the origin takes at once is in use, and nobody waits.
bool gate_is_busy(Worker& worker, const config::Settings& settings) {
  if (settings.admission.mode != config::LoopMode::on) return false;
  const gate::Gate& gate = worker.services().gate;
  return gate.queue_length() > 0 || static_cast<double>(gate.in_flight()) > gate.limit() / 2;
}

/// Longer than a fetch that hangs everywhere it may.
Duration lease_of(const config::Settings& settings) noexcept {
  const config::UpstreamSettings& upstream = settings.upstream;
  const auto patient =
      rules::admission_profile(rules::Level::aggressive, settings.admission.max_wait);
  return patient.max_wait + upstream.connect_timeout + upstream.timeout + upstream.body_timeout;
}

/// Null if there is nothing to do, or somebody does it already.
Ref<FetchTask> prepare_refresh(ClientConnection& connection, const cache::ObjectPtr& object,
                               RefreshKind kind) {
  Worker& worker = connection.worker();
  RequestContext& request = connection.request();
  if (worker.draining()) return {};
  const cache::RequestDecision decision = refreshing(request);
  if (!decision.lookup) return {};
  const config::Settings& settings = request.config->settings();
  RefreshControl& control = worker.cache().cache().refresh();
  RefreshControl::Request wanted{kind, *object, content_endpoint(worker, request),
                                 settings.cache.refresh};
  wanted.lease = lease_of(settings);
  wanted.gate_busy = kind == RefreshKind::ahead && gate_is_busy(worker, settings);
  wanted.now = request.started;
  if (!control.begin(wanted)) return {};
  cache::FillStart begin = worker.cache().begin_fill(request.cache_request, decision, object,
                                                     request.started, cache::FillPurpose::refresh);
  if (begin.kind != cache::FillStart::Kind::leader) {
    control.withdraw(wanted);
    return {};
  }
  if (kind == RefreshKind::ahead) begin.leader->set_ahead();
  return make_ref<FetchTask>(worker, std::move(*begin.leader), connection.shared_request(),
                             decision, connection.client_address());
}

bool wants_refresh_ahead(ClientConnection& connection) {
  RequestContext& request = connection.request();
  return request.config->settings().cache.refresh.ahead != config::LoopMode::off &&
         !connection.worker().policy().mode.emergency && request.head().method == http::Method::get;
}

}  // namespace

cache::Reason rejection_reason(const gate::Rejection& rejection) noexcept {
  const bool silent = rejection.reason == gate::RejectReason::upstream_silent;
  return silent ? cache::Reason::upstream_failed : cache::Reason::rejected;
}

cache::Reason failure_reason(UpstreamError error) noexcept {
  switch (error) {
    case UpstreamError::connect_timeout:
    case UpstreamError::timeout:
    case UpstreamError::body_timeout: return cache::Reason::upstream_timeout;
    case UpstreamError::connection_limit:
    case UpstreamError::local: return cache::Reason::rejected;
    default: return cache::Reason::upstream_failed;
  }
}

void reply_with_hit(ClientConnection& connection, cache::Lookup& found) {
  cache::CacheStatus status;
  status.key = connection.request().cache_key;
  status.hit = true;
  status.ttl = found.remaining;
  if (!found.refresh_due || !wants_refresh_ahead(connection)) [[likely]] {
    reply_with_object(connection, std::move(found.object), status, CacheResult::hit);
    return;
  }
  const Ref<FetchTask> refresh = prepare_refresh(connection, found.object, RefreshKind::ahead);
  reply_with_object(connection, std::move(found.object), status, CacheResult::hit);
  if (refresh) refresh->start_refresh(RefreshKind::ahead);
}

bool reply_with_stale(ClientConnection& connection) {
  Worker& worker = connection.worker();
  RequestContext& request = connection.request();
  const cache::ObjectPtr object = request.found.object;
  cache::StaleView view = view_of(worker, request, *object);
  view.now = request.started;
  view.trouble = worker.cache().cache().refresh().trouble(
      *object, content_endpoint(worker, request), view.now);
  view.purge_grace = cache::in_purge_grace(
      *object, request.decision, request.config->settings().cache.refresh.purge_grace, view.now);
  cache::CacheStatus status;
  status.key = request.cache_key;
  // RFC 9211 section 2.1: not forwarded, so a hit; the ttl says how stale.
  status.hit = true;
  status.ttl = request.found.remaining;
  Ref<FetchTask> refresh;
  RefreshKind kind = RefreshKind::revalidate;
  switch (cache::decide_stale(view)) {
    case StaleUse::validate: return false;
    case StaleUse::emergency: status.detail = cache::Reason::emergency; break;
    case StaleUse::revalidating:
      if (must_ask_origin(connection, object)) return false;
      status.detail = cache::Reason::stale_while_revalidate;
      refresh = prepare_refresh(connection, object, kind);
      break;
    case StaleUse::origin_trouble:
      status.detail = cache::Reason::origin_backoff;
      kind = RefreshKind::attempt;
      refresh = prepare_refresh(connection, object, kind);
      break;
  }
  worker.cache().count(status.detail);
  reply_with_object(connection, object, status, CacheResult::stale);
  if (refresh) refresh->start_refresh(kind);
  return true;
}

bool may_bridge(ClientConnection& connection, const cache::Object& object, cache::Reason failure) {
  const RequestContext& request = connection.request();
  // If-Match and the like are the origin's to judge.
  if (request.decision.precondition) return false;
  Worker& worker = connection.worker();
  // Purges by number look for nobody who has found the object before.
  const cache::TagIndex& tags = worker.cache().cache().tags();
  if (tags.purged(object.head().tags, request.found.since, true)) return false;
  cache::StaleView view = view_of(worker, request, object);
  view.trouble = trouble_of(failure);
  return cache::stale_bridges(view);
}

bool bridge_with_stale(ClientConnection& connection, cache::Reason failure,
                       cache::CacheStatus status) {
  RequestContext& request = connection.request();
  const cache::ObjectPtr object = request.found.object;
  if (!object || !may_bridge(connection, *object, failure)) return false;
  Worker& worker = connection.worker();
  // It was forwarded, so it is no hit, wherever the answer comes from.
  status.detail = cache::Reason::stale_if_error;
  status.ttl = object->freshness().remaining(worker.now());
  worker.cache().count(status.detail);
  reply_with_object(connection, object, status, CacheResult::stale);
  return true;
}

}  // namespace homeostat::proxy
