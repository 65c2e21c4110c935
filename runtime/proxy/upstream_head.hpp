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

enum class UpstreamPurpose : std::uint8_t {
  pass,     ///< as the client sent it
  fill,     ///< without conditions and Range, so that a whole representation comes back
  refresh,  ///< the same, as GET, in the lowest priority class
};

/// `validate`: a stored response whose validators replace the client's own
/// conditions.
[[nodiscard]] UpstreamRequest make_upstream_request(Worker& worker, const RequestContext& request,
                                                    std::string_view client_address,
                                                    UpstreamPurpose purpose,
                                                    const cache::Object* validate);

}  // namespace homeostat::proxy
