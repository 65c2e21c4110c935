// How an UpstreamCall ends that nobody waits for any more.
#include <utility>

#include "runtime/proxy/upstream_call.hpp"
#include "runtime/proxy/worker.hpp"

namespace homeostat::proxy {
namespace {

UpstreamHeir nobody;

}  // namespace

void UpstreamCall::end() {
  over_ = true;
  gate::GateWaiter::cancel();
  if (abandoned_) worker_.release_call(*this);
}

void UpstreamCall::cancel() {
  if (over_) return;
  const Ref<UpstreamCall> keep(this);
  end();
  let_go(false);
  permit_.ignore();
}

bool UpstreamCall::abandon(std::unique_ptr<UpstreamHeir> heir) {
  const bool sent_all = out_.empty() && (request_.body == http::BodyKind::none || body_ended_);
  const bool at_work = permit_ && !permit_.aside() && connection_ && !connection_->connecting() &&
                       sent_all && !head_received_;
  if (over_ || !at_work || !set_->settings().finish_abandoned) {
    cancel();
    return false;
  }
  abandoned_ = true;
  heir_ = std::move(heir);
  sink_ = heir_ ? heir_.get() : &nobody;
  set_->counters().abandoned.fetch_add(1, std::memory_order_relaxed);
  worker_.adopt_call(Ref<UpstreamCall>(this));
  return true;
}

}  // namespace homeostat::proxy
