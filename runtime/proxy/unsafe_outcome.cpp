#include "runtime/proxy/unsafe_outcome.hpp"

#include "runtime/proxy/worker.hpp"
#include "runtime/tier/tier.hpp"

namespace homeostat::proxy {

bool changes_stored(const RequestContext& request) {
  const http::RequestHead& head = request.head();
  return !http::is_safe(head.method) &&
         !request.config->cache_rules().wants_body_hash(head.method_text, request.path);
}

namespace {

void invalidate(Worker& worker, const RequestContext& request, const cache::Response& response,
                std::function<void()> told) {
  const cache::RequestRules& rules = request.config->cache_rules();
  if (tier::Tier* tier = worker.services().tier) {
    tier::FleetLog::Settled settled;
    if (told) settled = [told = std::move(told)](std::optional<tier::LogPosition>) { told(); };
    tier->publish(worker.cache().outdated_by(request.cache_request, response, rules),
                  std::move(settled));
  }
  worker.cache().invalidate_after(request.cache_request, response, rules);
}

}  // namespace

void invalidate_after(Worker& worker, const RequestContext& request,
                      const http::ResponseHead& response, std::function<void()> told) {
  cache::Response outcome;
  outcome.status = response.status;
  outcome.fields = &response.headers;
  invalidate(worker, request, outcome, std::move(told));
}

void invalidate_unanswered(Worker& worker, const RequestContext& request) {
  static const http::HeaderTable nothing;
  cache::Response outcome;
  outcome.status = 204;
  outcome.fields = &nothing;
  invalidate(worker, request, outcome, {});
}

void UnsafeOutcome::on_upstream_head(const http::ResponseHead& head) {
  invalidate_after(worker_, *request_, head);
}

void UnsafeOutcome::on_upstream_failure(const UpstreamFailure&) {
  invalidate_unanswered(worker_, *request_);
}

}  // namespace homeostat::proxy
