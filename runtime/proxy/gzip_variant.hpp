// Compression of responses: which are, and the stored gzip variant of objects.
//
// A stored object gets one gzip variant, built once by the background pool the
// first time a client could use it; until then the identity form is sent.
// Thread safety: none; one worker (the pool's job touches only the object).
#pragma once

#include <optional>

#include "runtime/cache/object.hpp"
#include "runtime/http/message.hpp"

namespace homeostat::proxy {

class ClientConnection;
class RequestContext;
class Worker;

/// The object itself or its gzip variant, whichever answers this request.
[[nodiscard]] cache::ObjectPtr choose_variant(ClientConnection& connection,
                                              cache::ObjectPtr object);

/// zlib level for a response that streams through; 0 = leave it as it is.
[[nodiscard]] int gzip_level_for(Worker& worker, const RequestContext& request,
                                 const http::ResponseHead& head);
[[nodiscard]] int gzip_level_for(Worker& worker, const RequestContext& request,
                                 const cache::ObjectHead& head,
                                 std::optional<std::uint64_t> length);

}  // namespace homeostat::proxy
