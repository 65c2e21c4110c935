// What an unsafe request makes outdated (RFC 9111 section 4.4), also if nobody waits
// for its answer any more.
//
// The cache is told when the response comes, not before: what is fetched while the
// application still works on the request may be of either version. Without an answer
// nobody knows what became of the request: it then counts as done, because fetching
// once too often is better than serving what is gone.
//
// Thread safety: the worker's thread. Ownership: shares the request.
#pragma once

#include <functional>

#include "runtime/proxy/request_context.hpp"
#include "runtime/proxy/upstream_call.hpp"

namespace homeostat::proxy {

class Worker;

/// An unsafe method, unless a rule caches what a POST here answers: that is a query.
[[nodiscard]] bool changes_stored(const RequestContext& request);

/// Drops what this response to such a request makes outdated, here and in the fleet. `told`, if
/// given, runs on the control loop once the fleet's log has it; never without a fleet.
void invalidate_after(Worker& worker, const RequestContext& request,
                      const http::ResponseHead& response, std::function<void()> told = {});

/// The same for one that was sent and whose answer never came.
void invalidate_unanswered(Worker& worker, const RequestContext& request);

/// Takes the answer of such a request when its client has gone.
class UnsafeOutcome final : public UpstreamHeir {
 public:
  UnsafeOutcome(Worker& worker, Ref<RequestContext> request)
      : worker_(worker), request_(std::move(request)) {}

  void on_upstream_head(const http::ResponseHead& head) override;
  void on_upstream_failure(const UpstreamFailure& failure) override;

 private:
  Worker& worker_;
  Ref<RequestContext> request_;
};

}  // namespace homeostat::proxy
