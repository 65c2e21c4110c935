// Decides what happens to a request whose head was read: answer from the cache,
// join or begin a fill, pass it through, or refuse it.
//
// Thread safety: none; one worker.
#pragma once

#include "runtime/cache/cache_status.hpp"
#include "runtime/http/target.hpp"
#include "runtime/ports/policy.hpp"

namespace homeostat::proxy {

class ClientConnection;

class RequestContext;
class Worker;

/// Derives what the cache and the gate need to know of a request whose target was read.
void describe_request(Worker& worker, RequestContext& request, const http::RequestTarget& target);

/// The endpoint whose content answers it: for HEAD that of GET.
[[nodiscard]] EndpointId content_endpoint(Worker& worker, const RequestContext& request);

/// What the cache may do with it. When its body's hash is known; again if it is served anew.
void decide_caching(Worker& worker, RequestContext& request);

/// REQUIRES: the connection's request has a valid head. The request is answered
/// or handed to an exchange on return.
void serve_request(ClientConnection& connection);

/// The second half, for a request whose body was collected first.
void serve_identified(ClientConnection& connection);

/// Joins the fill of the request's key, or begins one. REQUIRES: the lookup said
/// miss or stale, and the request may store. `status` says why it is forwarded.
void fill_or_follow(ClientConnection& connection, const cache::CacheStatus& status);

}  // namespace homeostat::proxy
