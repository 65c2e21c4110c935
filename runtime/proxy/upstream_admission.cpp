// UpstreamCall at the gate: before it may have a connection.
#include <utility>

#include "runtime/http/deadline_field.hpp"
#include "runtime/proxy/upstream_call.hpp"
#include "runtime/proxy/worker.hpp"

namespace homeostat::proxy {

void UpstreamCall::start() {
  const Ref<UpstreamCall> keep(this);
  gate::Admission admission = worker_.gate().admit(
      {request_.endpoint, request_.priority_class, worker_.now(), request_.deadline,
       request_.tenant, request_.weight, request_.cap, request_.stream},
      *this);
  if (auto* permit = std::get_if<gate::Permit>(&admission)) {
    begin(std::move(*permit));
  } else if (auto* rejection = std::get_if<gate::Rejection>(&admission)) {
    on_rejected(*rejection);
  }
}

void UpstreamCall::on_admitted(gate::Permit permit) {
  const Ref<UpstreamCall> keep(this);
  if (connection_) {
    // It has been sent; where it needs the slot no more, the permit is given back.
    if (!std::exchange(lent_, false)) return;
    permit_.step_back(std::move(permit));
    (void)flush_body();
    return;
  }
  if (sink_->upstream_wanted()) begin(std::move(permit));
}

void UpstreamCall::begin(gate::Permit permit) {
  permit_ = std::move(permit);
  restate_times_left();
  connect();
}

/// What was left on arrival is less after a wait.
void UpstreamCall::restate_times_left() {
  if (request_.times_left.empty()) return;
  const Instant now = worker_.now();
  std::string value;
  for (auto field = request_.times_left.rbegin(); field != request_.times_left.rend(); ++field) {
    value.clear();
    http::append_time_left(field->format, field->until - now, value);
    request_.head.replace(field->offset, field->length, value);
  }
}

void UpstreamCall::on_rejected(const gate::Rejection& rejection) { turn_away(rejection); }

/// At the gate, or because no place is left for what would stand aside.
void UpstreamCall::turn_away(const gate::Rejection& rejection) {
  const Ref<UpstreamCall> keep(this);
  end();
  permit_.ignore();
  let_go(false);
  sink_->on_upstream_rejected(rejection);
}

}  // namespace homeostat::proxy
