// Decides what happens to a request whose head was read: answer from the cache,
// join or begin a fill, pass it through, or refuse it.
//
// Thread safety: none; one worker.
#pragma once

#include "runtime/cache/cache_status.hpp"

namespace homeostat::proxy {

class ClientConnection;

/// REQUIRES: the connection's request has a valid head. The request is answered
/// or handed to an exchange on return.
void serve_request(ClientConnection& connection);

/// The second half, for a request whose body was collected first.
void serve_identified(ClientConnection& connection);

/// Joins the fill of the request's key, or begins one. REQUIRES: the lookup said
/// miss or stale, and the request may store. `status` says why it is forwarded.
void fill_or_follow(ClientConnection& connection, const cache::CacheStatus& status);

}  // namespace homeostat::proxy
