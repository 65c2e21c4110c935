// How an exchange that follows a fill ends when the fill, or its client, fails.
#include <algorithm>
#include <utility>

#include "runtime/proxy/failure_response.hpp"
#include "runtime/proxy/fill_exchange.hpp"
#include "runtime/proxy/forward_exchange.hpp"
#include "runtime/proxy/local_response.hpp"
#include "runtime/proxy/serve_request.hpp"
#include "runtime/proxy/stale_reply.hpp"
#include "runtime/proxy/worker.hpp"

namespace homeostat::proxy {

using telemetry::CacheResult;

bool FillExchange::may_bridge(const cache::Object& stored, cache::Reason failure) const {
  return proxy::may_bridge(*connection_, stored, failure);
}

/// Each fetches for himself what may not be shared. A 304 that is not about what was stored
/// forbids nothing: one fetches the whole, the others wait for that.
void FillExchange::uncacheable() {
  RequestContext& request = connection_->request();
  const cache::Reason reason = reader_->reason();
  const bool anew = reason == cache::Reason::validator && (contradicted_ || !leader_);
  if (!anew || request.fill_attempts == rejoins_max) {
    forward_instead(reason);
    return;
  }
  ++request.fill_attempts;
  look_again();
}

void FillExchange::failed() {
  RequestContext& request = connection_->request();
  const cache::Reason reason = reader_->reason();
  const std::optional<gate::Rejection> rejection = rejection_;
  const std::optional<UpstreamFailure> failure = failure_;
  leave();
  if (writer_.started()) {
    request.outcome.upstream_error = true;
    request.outcome.truncated = true;
    connection_->abort();
    return;
  }
  if (bridge_with_stale(*connection_, reason, status_)) return;
  if (rejection.has_value()) {
    connection_->hand_over(make_rejection_response(*connection_, *rejection, status_));
    return;
  }
  if (failure.has_value()) {
    request.outcome.upstream_error = failure->error != UpstreamError::local;
    request.outcome.upstream_timeout = failure->error == UpstreamError::timeout;
    if (request.outcome.upstream_timeout) {
      request.outcome.upstream_latency = worker_.now() - request.started;
    }
    connection_->hand_over(make_failure_response(*connection_, *failure, status_));
    return;
  }
  if (leader_) {  // a validation the origin contradicted: one own attempt
    forward_instead(reason);
    return;
  }
  follower_failed(reason);
}

void FillExchange::follower_failed(cache::Reason reason) {
  RequestContext& request = connection_->request();
  connection_->disarm_deadline(ClientWait::answer);
  status_.collapsed = false;
  status_.forward_status = 0;
  status_.detail = reason;
  if (reason == cache::Reason::upstream_timeout) {
    request.outcome.upstream_error = request.outcome.upstream_timeout = true;
    connection_->hand_over(
        make_failure_response(*connection_, {UpstreamError::timeout, {}}, status_));
    return;
  }
  if (request.fill_attempts < rejoins_max) {
    ++request.fill_attempts;
    status_.detail = cache::Reason::none;
    fill_or_follow(*connection_, status_);
    return;
  }
  if (reason == cache::Reason::upstream_failed) {
    request.outcome.upstream_error = true;
    connection_->hand_over(
        make_failure_response(*connection_, {UpstreamError::reset, {}}, status_));
    return;
  }
  forward_instead(reason);  // its own class and its own place at the gate
}

/// Others of an unstorable fill waited for this client for too long.
void FillExchange::cut_off() {
  const Ref<FillExchange> keep(this);
  watching_ = false;
  if (!reader_ || !reader_->cut_off()) return;
  ServerCounters& counters = worker_.counters();
  if (!writer_.committed()) {  // nothing went out yet: a transfer of its own
    flushing_ = false;
    counters.fill_readers_detached.fetch_add(1, std::memory_order_relaxed);
    forward_instead(reader_->reason());
    return;
  }
  counters.fill_readers_cut_off.fetch_add(1, std::memory_order_relaxed);
  connection_->request().outcome.client_abort = true;
  connection_->request().outcome.truncated = true;
  leave();
  connection_->abort();
}

void FillExchange::forward_instead(cache::Reason reason) {
  leave();
  status_.collapsed = false;
  status_.forward_status = 0;
  status_.detail = reason;
  connection_->hand_over(make_ref<ForwardExchange>(*connection_, status_));
}

/// What was purged since this fetch began is not for who came afterwards, nor another
/// variant's answer for this one's: the first of them fetches anew, the others follow.
void FillExchange::look_again() {
  leave();
  connection_->disarm_deadline(ClientWait::answer);
  connection_->disarm_request_deadline();
  serve_identified(*connection_);
}

void FillExchange::leave() {
  const Ref<FetchTask> task = std::move(task_);
  if (task) task->forget_client();
  reader_.reset();
  // Sent already, it goes on and is stored; still waiting for a permit, it had
  // better leave its place to others.
  if (task && task->queued()) task->cancel_if_unwanted();
}

void FillExchange::on_client_readable() {
  if (!connection_->client_left()) return;
  connection_->request().outcome.client_abort = true;
  const Ref<FillExchange> keep(this);
  leave();
  connection_->abort();
}

void FillExchange::on_client_writable() {
  const Ref<FillExchange> keep(this);
  if (flushing_) flush();
}

void FillExchange::on_client_deadline(ClientWait wait) {
  const Ref<FillExchange> keep(this);
  if (writer_.started()) {
    if (wait == ClientWait::send) {
      worker_.counters().write_timeouts.fetch_add(1, std::memory_order_relaxed);
      connection_->request().outcome.client_abort = true;
    }
    connection_->request().outcome.truncated = true;
    leave();
    connection_->abort();
    return;
  }
  if (wait == ClientWait::deadline) {
    deadline_passed();
    return;
  }
  if (wait == ClientWait::answer) {  // waited long enough for somebody else's answer
    forward_instead(cache::Reason::none);
    return;
  }
  connection_->request().outcome.upstream_timeout = true;
  leave();
  connection_->hand_over(
      make_failure_response(*connection_, {UpstreamError::timeout, {}}, status_));
}

/// This client's, or its route's; the fill goes on for others and for later.
void FillExchange::deadline_passed() {
  if (task_ && task_->queued()) return;  // the gate's own deadline is the same
  leave();
  worker_.counters().deadlines_missed.fetch_add(1, std::memory_order_relaxed);
  if (bridge_with_stale(*connection_, cache::Reason::upstream_timeout, status_)) return;
  connection_->hand_over(
      make_failure_response(*connection_, {UpstreamError::timeout, {}}, status_));
}

void FillExchange::on_client_gone() { leave(); }

}  // namespace homeostat::proxy
