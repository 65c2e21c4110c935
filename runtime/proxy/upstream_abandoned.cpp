// How an UpstreamCall ends that nobody waits for any more.
#include <utility>

#include "runtime/proxy/upstream_call.hpp"
#include "runtime/proxy/worker.hpp"

namespace homeostat::proxy {
namespace {

/// Whom the answer to an abandoned request goes to.
class Nobody final : public UpstreamSink {
 public:
  [[nodiscard]] bool upstream_wanted() override { return false; }
  void on_upstream_rejected(const gate::Rejection&) override {}
  void on_upstream_wants_body() override {}
  void on_upstream_body_drained() override {}
  void on_upstream_interim(const http::ResponseHead&) override {}
  void on_upstream_head(const http::ResponseHead&) override {}
  void on_upstream_data() override {}
  void on_upstream_failure(UpstreamError) override {}
};

Nobody nobody;

}  // namespace

void UpstreamCall::end() {
  over_ = true;
  if (abandoned_) worker_.release_call(*this);
}

void UpstreamCall::cancel() {
  if (over_) return;
  const Ref<UpstreamCall> keep(this);
  end();
  gate::GateWaiter::cancel();
  permit_.ignore();
  let_go(false);
}

void UpstreamCall::abandon() {
  const bool sent_all = out_.empty() && (request_.body == http::BodyKind::none || body_ended_);
  const bool at_work =
      permit_ && connection_ && !connection_->connecting() && sent_all && !head_received_;
  if (over_ || !at_work || !set_->settings().finish_abandoned) {
    cancel();
    return;
  }
  abandoned_ = true;
  sink_ = &nobody;
  set_->counters().abandoned.fetch_add(1, std::memory_order_relaxed);
  worker_.adopt_call(Ref<UpstreamCall>(this));
}

}  // namespace homeostat::proxy
