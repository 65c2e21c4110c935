// The request as it goes to the upstream: hop-by-hop fields removed, forwarding
// fields added, framing restated.
//
// Thread safety: none; one worker.
#pragma once

#include "runtime/cache/object.hpp"
#include "runtime/proxy/upstream_call.hpp"

namespace homeostat::proxy {

class RequestContext;
class Worker;

/// `validate`: a stored response whose validators replace the client's own
/// conditions. `for_cache`: conditions are left out even without one, so that
/// a whole representation comes back.
[[nodiscard]] UpstreamRequest make_upstream_request(Worker& worker, const RequestContext& request,
                                                    std::string_view client_address, bool for_cache,
                                                    const cache::Object* validate);

}  // namespace homeostat::proxy
