// What a client is told when the upstream could not answer, the gate said no, or
// the condition of its own request does not hold.
//
// 429/503 carry Retry-After and Homeostat-Rejected (reason, class, and the limit
// if it has a name); 502, 503 and 504 carry Proxy-Status (RFC 9209).
#pragma once

#include "runtime/cache/cache_status.hpp"
#include "runtime/gate/permit.hpp"
#include "runtime/proxy/exchange.hpp"
#include "runtime/proxy/upstream_call.hpp"

namespace homeostat::proxy {

class ClientConnection;

[[nodiscard]] Ref<Exchange> make_rejection_response(ClientConnection& connection,
                                                    const gate::Rejection& rejection,
                                                    const cache::CacheStatus& status);
/// The same, answered at once: of a request nothing was made for yet.
void send_rejection(ClientConnection& connection, const gate::Rejection& rejection,
                    const cache::CacheStatus& status);
/// A rate limit is used up: 429, a problem that names the limit
/// (draft-ietf-httpapi-ratelimit-headers-11 section 5.1).
void send_rate_rejection(ClientConnection& connection, const gate::LimitCounters& limit,
                         std::chrono::seconds retry_after);
/// A request asks too far into a list: 400, a problem that names the limit and what is
/// too much. Another page than the one that was asked for would be a lie.
void send_page_rejection(ClientConnection& connection, const gate::LimitCounters& limit,
                         std::string_view excess);
[[nodiscard]] Ref<Exchange> make_failure_response(ClientConnection& connection,
                                                  const UpstreamFailure& failure,
                                                  const cache::CacheStatus& status);

/// 412 for an If-Match with tags of this agent's (cache/own_tag.hpp). `status` is
/// sent as it is but for the detail. Answers at once.
void reply_condition_failed(ClientConnection& connection, cache::CacheStatus status);

}  // namespace homeostat::proxy
