// What a client is told when the upstream could not answer or the gate said no.
//
// 429/503 carry Retry-After and Homeostat-Rejected (reason and class); 502, 503
// and 504 carry Proxy-Status (RFC 9209).
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
[[nodiscard]] Ref<Exchange> make_failure_response(ClientConnection& connection, UpstreamError error,
                                                  const cache::CacheStatus& status);

}  // namespace homeostat::proxy
