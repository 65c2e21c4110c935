// Answers with stored content that is stale, or about to be, and starts the
// background refreshes that go with it. What is allowed is decided in
// runtime/cache/stale.hpp; which refresh may begin, in refresh_control.hpp.
//
// A refresh never delays its client: it is prepared before the reply (which
// recycles the request) and sent upstream after it.
// Thread safety: none; one worker.
#pragma once

#include "runtime/cache/cache_status.hpp"
#include "runtime/cache/worker.hpp"
#include "runtime/proxy/upstream_call.hpp"

namespace homeostat::proxy {

class ClientConnection;

/// A fresh hit; refreshed ahead if that is due.
void reply_with_hit(ClientConnection& connection, cache::Lookup& found);

/// REQUIRES: the request's lookup said stale. False: it must go upstream first.
[[nodiscard]] bool reply_with_stale(ClientConnection& connection);

/// After a request that went upstream failed for `failure`: answers with what
/// is stored if that may stand in. `status` as it was when it went.
[[nodiscard]] bool bridge_with_stale(ClientConnection& connection, cache::Reason failure,
                                     cache::CacheStatus status);

/// Whether bridge_with_stale() would answer for these.
[[nodiscard]] bool may_bridge(ClientConnection& connection, const cache::Object& object,
                              cache::Reason failure);

/// upstream_failed where the breaker says that nobody answers; else rejected.
[[nodiscard]] cache::Reason rejection_reason(const gate::Rejection& rejection) noexcept;

/// upstream_failed, upstream_timeout or rejected (own bounds).
[[nodiscard]] cache::Reason failure_reason(UpstreamError error) noexcept;

}  // namespace homeostat::proxy
