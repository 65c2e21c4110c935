// How UpstreamCall deals with what does not answer: refusals, silence, broken
// connections, retries.
#include <spdlog/spdlog.h>

#include <utility>

#include "runtime/proxy/upstream_call.hpp"
#include "runtime/proxy/worker.hpp"

namespace homeostat::proxy {

/// Nobody may be asked: what the last attempt came to, or a rejection.
void UpstreamCall::refused() {
  if (lost_.has_value()) {
    fail(*lost_);
    return;
  }
  over_ = true;
  permit_.ignore();
  sink_->on_upstream_rejected(
      worker_.breaker_rejection(request_.endpoint, request_.priority_class));
}

void UpstreamCall::connect_failed(UpstreamError error) {
  target_->address_failed();
  address_refused_ = address_refused_ || error != UpstreamError::local;
  const bool replaced = set_ != worker_.upstream().set();  // by a reload meanwhile
  if (++addresses_tried_ < target_->address_count() && !replaced) {
    // A name with several addresses is one target: try them all first.
    set_->counters().further_addresses.fetch_add(1, std::memory_order_relaxed);
    target_->request_started();
    open();
    return;
  }
  addresses_tried_ = 0;
  if (!std::exchange(address_refused_, false)) {
    // No vote against the target: whoever else is asked, the same is missing here.
    set_->counters().local_failures.fetch_add(1, std::memory_order_relaxed);
    fail({UpstreamError::local, {}});
    return;
  }
  if (error == UpstreamError::local) error = UpstreamError::connect;  // another address refused
  lost_ = {error, {}};
  set_->counters().connect_failures.fetch_add(1, std::memory_order_relaxed);
  const Instant now = worker_.now();
  set_->not_connected(*target_, dispatched_, now);
  // Nothing was sent: any request may try again.
  if (attempts_ <= set_->settings().retries && set_->may_retry(now)) {
    connect();
    return;
  }
  fail({error, {}});
}

// -- failing ------------------------------------------------------------------

void UpstreamCall::on_upstream_deadline() {
  const Ref<UpstreamCall> keep(this);
  switch (deadlines_.take_due(worker_.now())) {
    case Wait::count_: arm_wheel(); return;
    case Wait::silence: silent(); return;
    case Wait::client: client_too_slow(); return;
    case Wait::stream: goes_on_for_long(); return;
    default: break;
  }
  set_->counters().timeouts.fetch_add(1, std::memory_order_relaxed);
  if (connection_->connecting()) {
    let_go(false);
    connect_failed(UpstreamError::connect_timeout);
    return;
  }
  broken(head_received_ ? UpstreamError::body_timeout : UpstreamError::timeout);
}

/// No answer for much longer than is usual. A sign that nobody is there, unless
/// it is the client's turn, or could be, or it was the agent that stood still; and no work that
/// a place at the gate is for.
void UpstreamCall::silent() {
  constexpr std::chrono::seconds patience{2};
  const bool still = worker_.wheel().stood_still_since(worker_.now() - patience);
  if (deadlines_.armed(Wait::answer) && !awaits_continue() && !still) {
    set_->lost(*target_, request_.endpoint, rules::CallResult::silent, dispatched_, worker_.now());
    if (set_->given_up(*target_, request_.endpoint)) permit_.stand_aside();
    if (over_) return;  // whoever got the slot may have ended this one
  }
  constexpr std::chrono::seconds period{1};
  arm(Wait::silence, period);
}

bool UpstreamCall::may_repeat(UpstreamError error) {
  if (error != UpstreamError::reset || head_received_ || body_started_ || abandoned_) return false;
  if (!repeatable() || !connection_->parser->idle()) return false;
  if (attempts_ > set_->settings().retries) return false;
  // A kept connection that had gone costs the upstream nothing to replace; but one
  // that is reset after the request was read looks the same, and does cost it.
  return set_->may_retry(worker_.now());
}

void UpstreamCall::broken(UpstreamError error, std::string_view details) {
  if (error == UpstreamError::reset)
    set_->counters().resets.fetch_add(1, std::memory_order_relaxed);
  if (error == UpstreamError::protocol) {
    set_->counters().protocol_errors.fetch_add(1, std::memory_order_relaxed);
  }
  const bool was_stale = connection_->served() > 0 && error == UpstreamError::reset;
  const bool repeat = may_repeat(error);
  lost_ = {error, details};
  if (!was_stale && !owes_nothing(error)) {
    const bool answers = head_received_ || error == UpstreamError::protocol;
    set_->lost(*target_, request_.endpoint,
               answers ? rules::CallResult::failed : rules::CallResult::unanswered, dispatched_,
               worker_.now());
  }
  let_go(false);
  if (repeat) {
    fresh_only_ = true;
    if (was_stale) target_ = nullptr;  // the target itself is not to blame
    connect();
    return;
  }
  fail({error, details});
}

/// By value: it may be lost_ that is handed in.
void UpstreamCall::fail(UpstreamFailure failure) {
  if (over_) return;
  const Ref<UpstreamCall> keep(this);
  log_failure(failure);
  end();
  const bool own =
      failure.error == UpstreamError::local || failure.error == UpstreamError::connection_limit;
  if (own || owes_nothing(failure.error)) {
    permit_.ignore();  // no sample of what the upstream can take
  } else {
    permit_.drop();
  }
  sink_->on_upstream_failure(failure);
}

void UpstreamCall::log_failure(const UpstreamFailure& failure) {
  FailureLog& log = worker_.failure_log();
  if (!log.tells(worker_.now())) return;
  const telemetry::EndpointName endpoint =
      worker_.services().telemetry.endpoints().name(request_.endpoint);
  spdlog::warn("{}", log.line({.target = target_ != nullptr ? target_->name() : std::string_view{},
                               .method = endpoint.method,
                               .route = endpoint.route,
                               .error = to_string(failure.error),
                               .details = failure.details}));
}

}  // namespace homeostat::proxy
