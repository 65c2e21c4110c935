#include "runtime/proxy/warm_fetch.hpp"

#include <utility>

#include "runtime/proxy/fetch_task.hpp"
#include "runtime/proxy/own_request.hpp"
#include "runtime/proxy/worker.hpp"

namespace homeostat::proxy {
namespace {

/// What browsers send: variants by Accept-Encoding are the common ones.
constexpr std::string_view fields =
    "Accept: */*\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nUser-Agent: "
    "homeostat-warm-up\r\n";

WarmResult result_of(cache::RefreshResult result) noexcept {
  switch (result) {
    case cache::RefreshResult::updated:
    case cache::RefreshResult::not_modified: return WarmResult::fetched;
    case cache::RefreshResult::uncacheable: return WarmResult::uncacheable;
    default: return WarmResult::failed;
  }
}

}  // namespace

void warm_up(Worker& worker, const WarmUrl& url, std::function<void(WarmResult)> ended) {
  if (url.tier_first && worker.tier() != nullptr && !worker.tier()->ready()) {
    return ended(WarmResult::deferred);
  }
  worker.refresh_policy();
  const Ref<RequestContext> request = make_own_request(worker, url.host, url.target, fields);
  if (!request || worker.draining()) return ended(WarmResult::failed);
  const cache::RequestDecision& decision = request->decision;
  if (!decision.lookup || !decision.store) return ended(WarmResult::uncacheable);
  cache::FillStart begin = worker.cache().begin_fill(request->cache_request, decision, {},
                                                     request->started, cache::FillPurpose::refresh);
  switch (begin.kind) {
    case cache::FillStart::Kind::hit:
    case cache::FillStart::Kind::follower: return ended(WarmResult::fresh);
    case cache::FillStart::Kind::pass: return ended(WarmResult::uncacheable);
    case cache::FillStart::Kind::leader: break;
  }
  const auto task = make_ref<FetchTask>(worker, std::move(*begin.leader), request, decision,
                                        std::string("127.0.0.1"));
  task->start_unasked(
      [ended = std::move(ended)](cache::RefreshResult result) { ended(result_of(result)); });
}

}  // namespace homeostat::proxy
