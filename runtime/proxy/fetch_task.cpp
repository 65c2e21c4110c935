#include "runtime/proxy/fetch_task.hpp"

#include <utility>

#include "runtime/cache/preconditions.hpp"
#include "runtime/cache/response_rules.hpp"
#include "runtime/proxy/fill_exchange.hpp"
#include "runtime/proxy/upstream_head.hpp"
#include "runtime/proxy/worker.hpp"

namespace homeostat::proxy {

FetchTask::FetchTask(Worker& worker, cache::FillLeader leader, Ref<RequestContext> request,
                     std::string client_address)
    : worker_(worker),
      leader_(std::move(leader)),
      request_(std::move(request)),
      client_address_(std::move(client_address)) {}

void FetchTask::start(FillExchange& client) {
  client_ = &client;
  requested_ = worker_.now();
  worker_.adopt_fetch(Ref<FetchTask>(this));
  call_ = make_ref<UpstreamCall>(
      worker_, static_cast<UpstreamSink&>(*this),
      make_upstream_request(worker_, *request_, client_address_, true, leader_.stale().get()));
  const Ref<UpstreamCall> call = call_;
  call->start();
}

void FetchTask::cancel() {
  const Ref<FetchTask> keep(this);
  if (call_) call_->cancel();
  leader_.cancel_wait();
  if (!leader_.done()) leader_.fail(cache::Reason::upstream_failed);
  done();
}

void FetchTask::done() {
  worker_.wheel().disarm(*this);
  call_.reset();
  client_ = nullptr;
  worker_.release_fetch(*this);
}

bool FetchTask::serve_stale_instead(const http::ResponseHead& head) const {
  if (!leader_.stale()) return false;
  const bool failure = head.status == 500 || (head.status >= 502 && head.status <= 504);
  return failure && stale_is_allowed(worker_, *leader_.stale());
}

void FetchTask::on_upstream_interim(const http::ResponseHead& head) {
  if (client_ != nullptr) client_->pass_interim(head);
}

void FetchTask::on_upstream_wants_body() { call_->send_whole_body(request_->body); }

void FetchTask::on_upstream_head(const http::ResponseHead& head) {
  cache::Response response;
  response.status = head.status;
  response.reason_phrase = head.reason;
  response.fields = &head.headers;
  if (head.has_content_length) response.content_length = head.content_length;
  response.requested = requested_;
  response.received = worker_.now();
  response.received_wall = worker_.wall_now();
  if (client_ != nullptr) client_->note_upstream(head.status, call_->latency());
  if (head.status == 304 && leader_.stale()) {
    not_modified(response, head);
    return;
  }
  if (serve_stale_instead(head)) {
    leader_.fail(cache::Reason::upstream_failed);
    return;
  }
  cache::StoreDecision decision = cache::decide_store(
      request_->decision, request_->cache_request, response,
      worker_.policy().cache.of(request_->endpoint), worker_.cache().cache().object_bytes_max());
  if (request_->decision.range && !fills_range(decision, response)) {
    // The client gets its range by a request of its own.
    leader_.abandon_range(response.received);
    return;
  }
  if (!decision.storable()) {
    uncacheable(decision.reason, head);
    return;
  }
  const bool stored = leader_.publish_head(std::move(decision), response.content_length,
                                           request_->head().headers, response.received);
  if (client_ != nullptr) client_->note_stored(stored);
}

/// Whether what came for a request without its Range is worth fetching whole.
bool FetchTask::fills_range(const cache::StoreDecision& decision,
                            const cache::Response& response) const {
  if (response.status >= 300) return true;  // redirects and errors have no ranges
  return decision.storable() && response.status == 200 && response.content_length.has_value() &&
         *response.content_length <= request_->decision.responses->range_fill_max;
}

void FetchTask::not_modified(const cache::Response& response, const http::ResponseHead& head) {
  using cache::Validated;
  switch (cache::validated(leader_.stale()->head(), request_->head().headers, head.headers)) {
    case Validated::stored: break;
    case Validated::client:
      // The client is up to date, the cache is not.
      leader_.drop_stale();
      leader_.abandon(cache::Reason::validator);
      hand_to_client(head, cache::Reason::validator);
      return;
    case Validated::unknown: leader_.abandon(cache::Reason::validator); return;
  }
  std::optional<cache::ObjectHead> refreshed =
      cache::refreshed_head(*leader_.stale(), request_->decision, request_->cache_request, response,
                            worker_.policy().cache.of(request_->endpoint));
  if (!refreshed.has_value()) {
    // It may not be stored any more: everyone asks for himself.
    leader_.drop_stale();
    leader_.uncacheable(cache::Reason::no_store, response.received);
    return;
  }
  leader_.complete_refreshed(std::move(*refreshed), request_->head().headers, response.received);
}

void FetchTask::uncacheable(cache::Reason reason, const http::ResponseHead& head) {
  leader_.uncacheable(reason, worker_.now());
  hand_to_client(head, reason);
}

void FetchTask::hand_to_client(const http::ResponseHead& head, cache::Reason reason) {
  if (client_ == nullptr) return;  // on_upstream_data ends the call
  FillExchange& client = *client_;
  const Ref<FetchTask> keep(this);
  Ref<UpstreamCall> call = std::move(call_);
  done();
  client.adopt(std::move(call), head, reason);
}

void FetchTask::on_upstream_data() {
  const Ref<FetchTask> keep(this);
  if (leader_.done()) {
    // Answered already (304, stale instead) or nobody wants the rest.
    const Ref<UpstreamCall> call = call_;
    if (call->ended()) {
      done();
      call->resume();
    } else {
      cancel();
    }
    return;
  }
  const Instant now = worker_.now();
  for (const std::string_view piece : call_->pieces()) leader_.append(piece, now);
  const Ref<UpstreamCall> call = call_;
  if (call->ended()) {
    const cache::Reason reason = leader_.complete(now);
    if (client_ != nullptr) client_->note_stored(reason == cache::Reason::none);
    done();
    call->resume();
    return;
  }
  if (!leader_.storing()) {
    if (leader_.readers() == 0) {
      cancel();
      return;
    }
    if (leader_.backlog() > backlog_high) {
      pause();
      return;
    }
  }
  call->resume();
}

/// The slowest reader sets the pace of a fill that keeps nothing, within limits:
/// while others wait for it, it has lag_time_max to come closer.
void FetchTask::pause() {
  leader_.wait_drained(backlog_low, worker_.context().get_executor(),
                       [this, keep = Ref<FetchTask>(this)] {
                         worker_.wheel().disarm(*this);
                         if (call_) call_->resume();
                       });
  if (leader_.readers() > 1) arm_lag();
}

void FetchTask::arm_lag() { worker_.wheel().arm(*this, worker_.now() + lag_time_max); }

void FetchTask::on_deadline() {
  const Ref<FetchTask> keep(this);
  if (!call_ || leader_.done()) return;
  leader_.cut_off_laggards(backlog_low);
  arm_lag();
}

void FetchTask::on_upstream_rejected(const gate::Rejection& rejection) {
  const Ref<FetchTask> keep(this);
  if (client_ != nullptr) client_->note_rejection(rejection);
  if (!leader_.done()) leader_.fail(cache::Reason::upstream_failed);
  done();
}

void FetchTask::on_upstream_failure(UpstreamError error) {
  const Ref<FetchTask> keep(this);
  if (client_ != nullptr) client_->note_failure(error);
  if (!leader_.done()) leader_.fail(cache::Reason::upstream_failed);
  done();
}

}  // namespace homeostat::proxy
