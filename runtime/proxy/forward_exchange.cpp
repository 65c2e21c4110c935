#include "runtime/proxy/forward_exchange.hpp"

#include <algorithm>
#include <utility>

#include "runtime/cache/preconditions.hpp"
#include "runtime/cache/response_rules.hpp"
#include "runtime/compress/json_tightener.hpp"
#include "runtime/proxy/failure_response.hpp"
#include "runtime/proxy/local_response.hpp"
#include "runtime/proxy/serve_request.hpp"
#include "runtime/proxy/stale_reply.hpp"
#include "runtime/proxy/stream_coding.hpp"
#include "runtime/proxy/tunnel.hpp"
#include "runtime/proxy/unsafe_outcome.hpp"
#include "runtime/proxy/upstream_head.hpp"
#include "runtime/proxy/worker.hpp"
#include "runtime/tier/tier.hpp"

namespace homeostat::proxy {

namespace {

/// Whether it says that the page cannot be stored. A failure does not, which anybody can earn with
/// odd fields; nor does a part, what a condition came to, or what only some clients get.
bool is_unstorable_page(int status, cache::Reason reason) noexcept {
  return status < 400 && status != 206 && status != 304 && reason != cache::Reason::spelling &&
         reason != cache::Reason::authorization;
}

}  // namespace

ForwardExchange::ForwardExchange(ClientConnection& connection, const cache::CacheStatus& status)
    : connection_(&connection),
      worker_(connection.worker()),
      status_(status),
      writer_(connection.worker()) {}

void ForwardExchange::start() {
  const Ref<ForwardExchange> keep(this);
  connection_->request().outcome.cache = telemetry::CacheResult::bypass;
  connection_->arm_request_deadline();
  if (collects_body()) {
    start_collecting();
  } else {
    begin();
  }
}

void ForwardExchange::begin() {
  RequestContext& request = connection_->request();
  requested_ = worker_.now();
  call_ =
      make_ref<UpstreamCall>(worker_, static_cast<UpstreamSink&>(*this),
                             make_upstream_request(worker_, request, connection_->client_address(),
                                                   UpstreamPurpose::pass, nullptr));
  connection_->watch_client();
  const Ref<UpstreamCall> call = call_;
  call->start();
}

void ForwardExchange::adopt(Ref<UpstreamCall> call, const http::ResponseHead& head) {
  const Ref<ForwardExchange> keep(this);
  RequestContext& request = connection_->request();
  requested_ = request.started;
  request.outcome.cache = telemetry::CacheResult::uncacheable;
  call_ = std::move(call);
  call_->set_sink(*this);
  on_upstream_head(head);
}

// -- response ---------------------------------------------------------------------

void ForwardExchange::on_upstream_interim(const http::ResponseHead& head) {
  if (head.status == 100 && sending_body_ && call_->awaits_continue()) connection_->await_body();
  if (connection_->request().head().version_minor == 0 || head.status == 101) return;
  if (!interim_out_.empty()) return;  // 1xx are hints; a stalled client loses further ones
  interim_.clear();
  append_interim(head, interim_);
  interim_out_.add(interim_);
  if (interim_out_.flush(connection_->stream) == IoStatus::would_block) connection_->await_room();
}

/// What the response says about others that are stored: those an unsafe method
/// made invalid, or the GET a HEAD is about.
void ForwardExchange::update_stored(const http::ResponseHead& head) {
  const RequestContext& request = connection_->request();
  if (changes_stored(request)) {
    outcome_known_ = true;
    if (!WriteThrough::wanted(worker_, request, head)) {
      invalidate_after(worker_, request, head);
      return;
    }
    through_ =
        std::make_shared<WriteThrough>(worker_, request, head, connection_->client_address());
    through_->start(request, head);
  } else if (request.decision.head && request.found.object) {
    learn_from_head(head);
  }
}

void ForwardExchange::learn_from_head(const http::ResponseHead& head) {
  const RequestContext& request = connection_->request();
  cache::Response response;
  response.status = head.status;
  response.fields = &head.headers;
  if (head.has_content_length) response.content_length = head.content_length;
  response.requested = requested_;
  response.received = call_->answered_at();
  response.received_wall = worker_.wall_now();
  cache::Request asked = request.cache_request;
  asked.endpoint = content_endpoint(worker_, request);
  const bool current =
      worker_.cache().learn_from_head(asked, request.decision, request.found.object, response,
                                      worker_.policy().cache.of(asked.endpoint));
  if (tier::Tier* tier = worker_.services().tier; tier != nullptr && !current) {
    cache::Outdated told;
    worker_.cache().tell_url(told, request.host, request.path, request.target.query,
                             request.config->cache_rules());
    tier->publish(told);
    // Somebody may have got it back from the tier since.
    worker_.cache().invalidate_uri(request.host, request.path, request.target.query,
                                   request.config->cache_rules());
  }
}

/// The client has gone. What an unsafe request has done is learnt all the same.
void ForwardExchange::leave_call() {
  if (through_) through_->forget();
  through_.reset();
  if (!call_) return;
  const RequestContext& request = connection_->request();
  const bool matters = call_->head_sent() && !outcome_known_ && changes_stored(request);
  std::unique_ptr<UpstreamHeir> heir;
  if (matters) heir = std::make_unique<UnsafeOutcome>(worker_, connection_->shared_request());
  if (!call_->abandon(std::move(heir)) && matters) invalidate_unanswered(worker_, request);
  call_.reset();
}

/// What could not be stored a moment ago perhaps can be now.
void ForwardExchange::reconsider(const http::ResponseHead& head) {
  RequestContext& request = connection_->request();
  cache::Response response;
  response.status = head.status;
  response.reason_phrase = head.reason;
  response.fields = &head.headers;
  if (head.has_content_length) response.content_length = head.content_length;
  response.requested = request.started;
  response.received = call_->answered_at();
  response.received_wall = worker_.wall_now();
  const cache::StoreDecision decision =
      worker_.cache().judge(request.cache_request, request.decision, response,
                            worker_.policy().cache.of(request.endpoint));
  if (decision.storable()) {
    worker_.cache().end_pass(request.pass_mark);
  } else if (is_unstorable_page(head.status, decision.reason)) {
    worker_.cache().renew_pass(request.pass_mark, response.received);
  }
}

void ForwardExchange::on_upstream_head(const http::ResponseHead& head) {
  RequestContext& request = connection_->request();
  connection_->disarm_request_deadline();
  request.outcome.status = head.status;
  request.outcome.upstream_latency = call_->latency();
  upgrade_ = head.upgrade;
  request.outcome.streamed = upgrade_ || is_event_stream(head) || request.terms.stream;
  request.outcome.json = compress::is_json_type(head.headers.get(http::HeaderId::content_type));
  update_stored(head);
  if (status_.detail == cache::Reason::hit_for_miss) reconsider(head);
  // A response before the end of the request body: the rest of it is not read.
  const bool unread = sending_body_ && !connection_->body_complete();
  std::string& text = worker_.scratch();
  text.clear();
  status_.forward_status = head.status;
  if (http::is_safe(request.head().method) &&
      cache::fails_own_condition(request.decision, request.head().headers, head.status, nullptr)) {
    condition_failed();
    return;
  }
  cache::write_cache_status(status_, text);
  ResponseExtras extras;
  extras.cache_status = text;
  if (unread && !head.upgrade) connection_->close_afterwards();
  extras.close = !head.upgrade && connection_->will_close();
  writer_.start_forwarded(request, head, extras, choose_stream_coding(worker_, request, head));
}

/// What came has no tag of this agent's.
void ForwardExchange::condition_failed() {
  const Ref<ForwardExchange> keep(this);
  call_->cancel();
  call_.reset();
  if (response_begun()) {  // an interim response may still be on its way
    connection_->abort();
    return;
  }
  reply_condition_failed(*connection_, status_);
}

void ForwardExchange::on_upstream_data() {
  const Ref<ForwardExchange> keep(this);
  data_pending_ = true;
  const bool last = call_->ended() && !upgrade_;
  if (last && through_) {
    hold_answer();
    return;
  }
  if (!writer_.add(call_->pieces(), last, last ? &call_->trailers() : nullptr)) {
    call_->cancel();
    connection_->abort();
    return;
  }
  flush_response();
}

/// The end of the answer waits for what the write has changed. The call does not: its place at
/// the gate may be the one that the fetch needs.
void ForwardExchange::hold_answer() {
  for (const std::string_view piece : call_->pieces()) held_ += piece;
  const std::string_view held = held_;
  const std::span<const std::string_view> pieces(&held, held.empty() ? 0 : 1);
  const Ref<UpstreamCall> call = std::move(call_);
  sending_body_ = false;
  if (!writer_.add(pieces, true, &call->trailers())) {
    call->cancel();
    connection_->abort();
    return;
  }
  call->resume();  // returns the connection to its pool
  holding_ = true;
  const RequestContext& request = connection_->request();
  Instant latest = worker_.now() + request.config->settings().cache.write_wait_max;
  if (request.terms.deadline) latest = std::min(latest, *request.terms.deadline);
  through_->when_done(latest, [this, keep = Ref<ForwardExchange>(this)] {
    through_.reset();
    holding_ = false;
    flush_response();
  });
}

void ForwardExchange::flush_response() {
  if (!interim_out_.empty()) {
    const IoStatus status = interim_out_.flush(connection_->stream);
    if (status == IoStatus::would_block) {
      connection_->await_room();
      return;
    }
    connection_->all_sent();
  }
  if (!data_pending_ || holding_) return;
  switch (writer_.flush(connection_->stream)) {
    case IoStatus::ok: response_flushed(); break;
    case IoStatus::would_block:
      connection_->await_room();
      if (call_) call_->await_client();
      break;
    default: client_failed();
  }
}

void ForwardExchange::response_flushed() {
  data_pending_ = false;
  RequestContext& request = connection_->request();
  request.outcome.response_bytes = writer_.body_bytes();
  connection_->all_sent();
  if (upgrade_) {
    become_tunnel();
    return;
  }
  if (const Ref<UpstreamCall> call = call_) {
    if (!call->ended()) {
      call->resume();
      return;
    }
    sending_body_ = false;
    call_.reset();
    call->resume();  // returns the connection to its pool
  }
  connection_->finish(!writer_.delimited_by_close());
}

void ForwardExchange::become_tunnel() {
  UpstreamTunnelEnd upstream = call_->release_connection();
  call_.reset();
  worker_.counters().upgrades.fetch_add(1, std::memory_order_relaxed);
  connection_->hand_over(make_ref<Tunnel>(*connection_, std::move(upstream)));
}

void ForwardExchange::on_upstream_rejected(const gate::Rejection& rejection) {
  const Ref<ForwardExchange> keep(this);
  call_.reset();
  if (response_begun()) {
    connection_->abort();
    return;
  }
  if (bridge_with_stale(*connection_, rejection_reason(rejection), status_)) return;
  connection_->hand_over(make_rejection_response(*connection_, rejection, status_));
}

void ForwardExchange::on_upstream_failure(const UpstreamFailure& failure) {
  const UpstreamError error = failure.error;
  const Ref<ForwardExchange> keep(this);
  RequestContext& request = connection_->request();
  if (call_->head_sent() && !outcome_known_ && changes_stored(request)) {
    invalidate_unanswered(worker_, request);
  }
  const bool blamed = error != UpstreamError::local && !call_->owes_nothing(error);
  call_.reset();
  request.outcome.upstream_error = blamed;
  request.outcome.upstream_timeout =
      blamed && (error == UpstreamError::timeout || error == UpstreamError::body_timeout);
  if (error == UpstreamError::timeout) {  // the time waited is what the upstream took at least
    request.outcome.upstream_latency = worker_.now() - request.started;
  }
  if (response_begun()) {
    request.outcome.truncated = true;
    connection_->abort();
    return;
  }
  if (bridge_with_stale(*connection_, failure_reason(error), status_)) return;
  connection_->hand_over(make_failure_response(*connection_, failure, status_));
}

// -- client -----------------------------------------------------------------------

void ForwardExchange::on_client_readable() {
  if (collecting_) {
    collect_body();
    return;
  }
  if (sending_body_) {
    pump_request_body();
    return;
  }
  if (connection_->client_left()) client_failed();
}

/// The client may have left in this moment, behind bytes that nobody has read.
bool ForwardExchange::upstream_wanted() {
  if (!connection_->stream.peer_ended()) return true;
  const Ref<ForwardExchange> keep(this);
  client_failed();
  return false;
}

void ForwardExchange::on_client_writable() {
  const Ref<ForwardExchange> keep(this);
  flush_response();
}

void ForwardExchange::on_client_deadline(ClientWait wait) {
  const Ref<ForwardExchange> keep(this);
  if (wait == ClientWait::answer && collecting_) {
    body_collected();
    return;
  }
  // In the queue the gate's own deadline is the same.
  if (wait == ClientWait::deadline && call_ && call_->queued()) return;
  ServerCounters& counters = worker_.counters();
  RequestOutcome& outcome = connection_->request().outcome;
  // Counted before anybody can see that the call has ended.
  if (wait == ClientWait::send) counters.write_timeouts.fetch_add(1, std::memory_order_relaxed);
  if (wait == ClientWait::body) counters.body_timeouts.fetch_add(1, std::memory_order_relaxed);
  leave_call();
  if (response_begun()) {
    outcome.client_abort = wait == ClientWait::send || wait == ClientWait::body;
    outcome.truncated = true;
    connection_->abort();
    return;
  }
  // While the body is awaited nobody else is late, whichever time is over.
  if (wait == ClientWait::body || collecting_ || (wait == ClientWait::total && sending_body_)) {
    connection_->hand_over(
        make_error_response(*connection_, 408, "the request body did not arrive in time"));
    return;
  }
  if (wait == ClientWait::deadline) {
    counters.deadlines_missed.fetch_add(1, std::memory_order_relaxed);
    if (bridge_with_stale(*connection_, cache::Reason::upstream_timeout, status_)) return;
  } else {
    outcome.upstream_timeout = true;
  }
  connection_->hand_over(
      make_failure_response(*connection_, {UpstreamError::timeout, {}}, status_));
}

void ForwardExchange::client_failed() {
  connection_->request().outcome.client_abort = true;
  leave_call();
  connection_->abort();
}

void ForwardExchange::on_client_gone() { leave_call(); }

}  // namespace homeostat::proxy
