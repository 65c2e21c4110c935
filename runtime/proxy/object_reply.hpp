// Answers a request from a stored object: the hit path.
//
// The whole answer is one writev of the prebuilt head, a few dynamic fields and
// the body's blocks. Only if the socket has no room is an exchange created.
// Thread safety: none; one worker.
#pragma once

#include "runtime/cache/cache_status.hpp"
#include "runtime/cache/object.hpp"
#include "runtime/telemetry/worker_telemetry.hpp"

namespace homeostat::proxy {

class ClientConnection;

/// Sends `object` (or 304, or the head only, as the request wants) and finishes
/// the request. Without `tell_age` it was made for this request, and has no Age.
void reply_with_object(ClientConnection& connection, cache::ObjectPtr object,
                       const cache::CacheStatus& status, telemetry::CacheResult result,
                       bool tell_age = true);

}  // namespace homeostat::proxy
