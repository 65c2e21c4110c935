// On which terms a request is admitted: rate limits and how far into a list it asks
// before anything else, then deadline, tenant, weight and cap of what goes upstream.
//
// Thread safety: none; one worker.
#pragma once

namespace homeostat::proxy {

class ClientConnection;

/// Every request counts, also one that the cache will answer. False: it was
/// answered with 429. REQUIRES: the request's target and class are known.
[[nodiscard]] bool within_rate_limits(ClientConnection& connection);

/// Also of a request that the cache could answer. False: it was answered with 400.
/// REQUIRES: the request's target is known.
[[nodiscard]] bool within_page_limits(ClientConnection& connection);

/// Settles what the gate must know about a request the cache did not answer;
/// does nothing the second time.
void settle_terms(ClientConnection& connection);

}  // namespace homeostat::proxy
