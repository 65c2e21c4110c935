// A GET that the agent makes by itself, as if a client had sent it: warm-up, and what a write
// has changed.
//
// Thread safety: the worker's thread.
#pragma once

#include <string_view>

#include "runtime/proxy/request_context.hpp"

namespace homeostat::proxy {

class Worker;

/// `host` as clients name it, path and query, and further fields as complete lines. With the
/// cache's decision; null: no request can be made of it, or it is too large.
[[nodiscard]] Ref<RequestContext> make_own_request(Worker& worker, std::string_view host,
                                                   std::string_view target,
                                                   std::string_view fields);

}  // namespace homeostat::proxy
