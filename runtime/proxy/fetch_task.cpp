#include "runtime/proxy/fetch_task.hpp"

#include <utility>

#include "runtime/cache/preconditions.hpp"
#include "runtime/cache/response_rules.hpp"
#include "runtime/http/credentials.hpp"
#include "runtime/proxy/fill_exchange.hpp"
#include "runtime/proxy/serve_request.hpp"
#include "runtime/proxy/stale_reply.hpp"
#include "runtime/proxy/upstream_head.hpp"
#include "runtime/proxy/worker.hpp"

namespace homeostat::proxy {

FetchTask::FetchTask(Worker& worker, cache::FillLeader leader, Ref<RequestContext> request,
                     const cache::RequestDecision& decision, std::string client_address)
    : worker_(worker),
      leader_(std::move(leader)),
      request_(std::move(request)),
      asked_(request_->cache_request),
      decision_(decision),
      stored_(leader_.stale()),
      client_address_(std::move(client_address)) {
  asked_.endpoint = content_endpoint(worker_, *request_);
  if (asked_.method == "HEAD") asked_.method = "GET";
}

void FetchTask::start(FillExchange& client) {
  client_ = &client;
  begin(UpstreamPurpose::fill);
}

void FetchTask::start_refresh(cache::RefreshKind kind) {
  refresh_ = kind;
  begin(UpstreamPurpose::refresh);
}

void FetchTask::start_unasked(Ended ended) {
  ended_ = std::move(ended);
  begin(UpstreamPurpose::refresh);
}

void FetchTask::begin(UpstreamPurpose purpose) {
  purpose_ = purpose;
  worker_.adopt_fetch(Ref<FetchTask>(this));
  if (!ask_tier()) ask_origin();
}

void FetchTask::ask_origin() {
  requested_ = worker_.now();
  worker_.cache().cache().refresh().fetch_begins(request_->config->settings().cache.refresh);
  UpstreamRequest asking =
      make_upstream_request(worker_, *request_, client_address_, purpose_, stored_.get());
  asking.endpoint = asked_.endpoint;
  call_ = make_ref<UpstreamCall>(worker_, static_cast<UpstreamSink&>(*this), std::move(asking));
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

void FetchTask::cancel_if_unwanted() {
  if (client_ == nullptr && leader_.readers() == 0) cancel();
}

void FetchTask::done() {
  worker_.wheel().disarm(*this);
  if (refresh_) {
    worker_.cache().cache().refresh().finish(*refresh_, result_);
    refresh_.reset();
  }
  lease_.give_back();
  call_.reset();
  client_ = nullptr;
  const Ended ended = std::exchange(ended_, nullptr);
  const Ref<FetchTask> keep(this);
  worker_.release_fetch(*this);
  if (ended) ended(result_);
}

void FetchTask::report(const cache::FetchEnd& end) {
  worker_.cache().cache().refresh().report(stored_.get(), asked_.endpoint, end,
                                           request_->config->settings().cache.refresh,
                                           worker_.now());
}

/// A failure says nothing about the resource: what is stored stays, and answers
/// those who wait where that is allowed.
bool FetchTask::keep_stored(const cache::FetchEnd& end) const {
  if (end.ok() || !stored_) return false;
  // Whoever still follows decides for himself.
  if (client_ == nullptr) return true;
  // What is wrong with his own request is his to know.
  if (end.report.outcome == rules::FetchOutcome::refused) return false;
  return client_->may_bridge(*stored_, cache::Reason::status);
}

/// An answer about its own request, which is for nobody else and must not cost the others what is
/// stored, nor that they wait for each other: anybody can earn one with odd fields (but for
/// method and target, which the key has). So can who shows bad credentials where nothing or
/// something fresh is stored, or whose credentials a refresh happens to have.
bool FetchTask::concerns_client_alone(const cache::FetchEnd& end,
                                      const cache::StoreDecision& decision, int status) const {
  // A redirect to another spelling of what is stored: that is as good as it was.
  if (decision.reason == cache::Reason::spelling && status < 400) return true;
  if (end.report.outcome == rules::FetchOutcome::refused) {
    const bool keyed = status == 405 || status == 414;
    return !keyed || !decision.storable() || (stored_ && stored_->status() != status);
  }
  if (status != 401 && status != 403) return false;
  if (stored_ && stored_->freshness().fresh(worker_.now())) return true;
  return (!stored_ || purpose_ == UpstreamPurpose::refresh) &&
         http::carries_credentials(*asked_.fields);
}

void FetchTask::leave_to_client(const http::ResponseHead& head, cache::Reason reason) {
  result_ = stored_ ? cache::RefreshResult::failed : cache::RefreshResult::uncacheable;
  lease_.give_back();
  leader_.abandon(reason);
  hand_to_client(head, reason);
}

/// An answer that is no failure ends what was stored before. `reason`: why it may not be stored.
void FetchTask::end_stored(cache::Reason reason) {
  leader_.drop_stale();
  // What is for those without credentials stays theirs.
  if (reason != cache::Reason::authorization) unshare();
}

void FetchTask::fail(cache::Reason reason, cache::RefreshResult result) {
  result_ = result;
  if (!leader_.done()) leader_.fail(reason);
}

void FetchTask::on_upstream_interim(const http::ResponseHead& head) {
  if (client_ != nullptr) client_->pass_interim(head);
}

void FetchTask::on_upstream_wants_body() { call_->send_whole_body(request_->body.view()); }

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
  note_origin_latency(head.status);
  const cache::FetchEnd end =
      cache::fetch_end_of(head.status, head.headers, response.received_wall);
  report(end);
  if (head.status == 304 && leader_.stale()) {
    not_modified(response, head);
    return;
  }
  if (keep_stored(end)) {
    fail(cache::Reason::status, cache::RefreshResult::failed);
    return;
  }
  cache::StoreDecision decision = worker_.cache().judge(asked_, decision_, response,
                                                        worker_.policy().cache.of(asked_.endpoint));
  if (concerns_client_alone(end, decision, response.status)) {
    leave_to_client(head, decision.storable() ? cache::Reason::status : decision.reason);
    return;
  }
  if (decision_.range && !fills_range(decision, response)) {
    if (end.ok() && outdates_stored(decision, response)) end_stored(decision.reason);
    // The client gets its range by a request of its own.
    leader_.abandon_range(response.received);
    return;
  }
  if (!decision.storable()) {
    if (end.ok()) end_stored(decision.reason);
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
         *response.content_length <= decision_.responses->range_fill_max;
}

/// REQUIRES: its body is not fetched. What may be stored could still be what is stored.
bool FetchTask::outdates_stored(const cache::StoreDecision& decision,
                                const cache::Response& response) const {
  return !decision.storable() || (stored_ && cache::compare_head_response(*stored_, response) ==
                                                 cache::HeadComparison::differs);
}

void FetchTask::not_modified(const cache::Response& response, const http::ResponseHead& head) {
  using cache::Validated;
  // Only what was asked about counts: nobody's own conditions go into a refresh.
  static const http::HeaderTable nothing;
  const http::HeaderTable& asked =
      purpose_ == UpstreamPurpose::refresh ? nothing : request_->head().headers;
  switch (cache::validated(leader_.stale()->head(), asked, head.headers)) {
    case Validated::stored: break;
    case Validated::client:
      // The client is up to date, the cache is not.
      leader_.drop_stale();
      unshare();
      leader_.abandon(cache::Reason::validator);
      hand_to_client(head, cache::Reason::validator);
      return;
    case Validated::unknown: leader_.abandon(cache::Reason::validator); return;
  }
  std::optional<cache::RefreshedHead> refreshed = cache::refreshed_head(
      *leader_.stale(), decision_, asked_, response, worker_.policy().cache.of(asked_.endpoint));
  if (!refreshed.has_value()) {
    // It may not be stored any more, or is not what the application has.
    const bool about = cache::is_about(*leader_.stale(), head.headers);
    result_ = cache::RefreshResult::uncacheable;
    leader_.drop_stale();
    unshare();
    if (about) {
      leader_.uncacheable(cache::Reason::no_store, response.received);
    } else {
      if (client_ != nullptr) client_->note_contradicted();
      leader_.abandon(cache::Reason::validator);
    }
    return;
  }
  result_ = cache::RefreshResult::not_modified;
  note_refetch(leader_.stale().get());
  leader_.complete_refreshed(std::move(*refreshed), request_->head().headers, response.received);
  share();
}

/// What was stored had expired; `now` takes its place. A client that asked for it
/// afresh says nothing about the lifetime.
void FetchTask::note_refetch(const cache::Object* now) {
  const cache::ObjectPtr& before = leader_.stale();
  if (!before || now == nullptr || decision_.revalidate) return;
  const cache::Freshness freshness = before->freshness();
  if (freshness.no_cache) return;  // asked for each time, as the origin wants it
  const std::optional<bool> unchanged =
      now == before.get() ? std::optional(true) : same_content(*before, *now);
  if (!unchanged) return;
  worker_.patterns().note_refetch(asked_.endpoint, *unchanged,
                                  freshness.lifetime - freshness.initial_age);
  // What was purged is known to have changed: that says nothing about its lifetime.
  if (!before->head().rule_ttl || before->softened()) return;
  if (asked_.endpoint == telemetry::other_endpoint) return;
  worker_.cache().cache().changes().observe(asked_.endpoint,
                                            {!*unchanged, worker_.now() - freshness.received});
}

void FetchTask::uncacheable(cache::Reason reason, const http::ResponseHead& head) {
  result_ = cache::RefreshResult::uncacheable;
  lease_.give_back();
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
    if (reason == cache::Reason::none) {
      result_ = cache::RefreshResult::updated;
      note_refetch(leader_.object().get());
    }
    if (client_ != nullptr) client_->note_stored(reason == cache::Reason::none);
    share();
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
/// while others wait for it, it has follower_lag_max to come closer.
void FetchTask::pause() {
  call_->await_client();
  leader_.wait_drained(backlog_low, worker_.context().get_executor(),
                       [this, keep = Ref<FetchTask>(this)] {
                         worker_.wheel().disarm(*this);
                         if (call_) call_->resume();
                       });
  if (leader_.readers() > 1) arm_lag();
}

void FetchTask::arm_lag() {
  const auto lag_max = worker_.config()->settings().cache.follower_lag_max;
  worker_.wheel().arm(*this, worker_.now() + lag_max);
}

void FetchTask::on_deadline() {
  const Ref<FetchTask> keep(this);
  if (!call_ || leader_.done()) return;
  leader_.cut_off_laggards(backlog_low);
  arm_lag();
}

/// All clients may have left while it waited for a permit.
bool FetchTask::upstream_wanted() {
  if (wanted()) return true;
  cancel();
  return false;
}

void FetchTask::on_upstream_rejected(const gate::Rejection& rejection) {
  const Ref<FetchTask> keep(this);
  report({{rules::FetchOutcome::refused, {}}});
  if (client_ != nullptr) client_->note_rejection(rejection);
  fail(rejection_reason(rejection), cache::RefreshResult::rejected);
  done();
}

void FetchTask::on_upstream_failure(const UpstreamFailure& failure) {
  const Ref<FetchTask> keep(this);
  const cache::Reason reason = failure_reason(failure.error);
  const bool own_bound = reason == cache::Reason::rejected;
  report({{own_bound ? rules::FetchOutcome::refused : rules::FetchOutcome::failure, {}},
          !own_bound && !call_->head_received()});
  if (client_ != nullptr) client_->note_failure(failure);
  fail(reason, cache::RefreshResult::failed);
  done();
}

}  // namespace homeostat::proxy
