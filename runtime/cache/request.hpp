// What the cache needs to know about a request. Borrows everything; build it
// on the stack, once per request.
#pragma once

#include <string_view>

#include "runtime/cache/fields.hpp"
#include "runtime/ports/policy.hpp"

namespace homeostat::cache {

struct Request {
  std::string_view method;  ///< as received: methods are case-sensitive
  std::string_view host;    ///< authority, lower case
  std::string_view path;    ///< normalised absolute path, starts with `/`
  std::string_view query;   ///< without `?`; empty if absent
  std::string_view target;  ///< as the application is asked; empty: as the key has it
  const Fields* fields = nullptr;
  EndpointId endpoint = 0;
  bool has_body = false;
  bool upgrade = false;  ///< asks for another protocol
  /// Whose namespace it asks in (tenant.hpp); empty: that of requests without a tenant.
  std::string_view tenant;
  bool tenant_unclear = false;  ///< it cannot be said whose
  /// What a trusted proxy in front says was asked for (http/forwarded.hpp); mostly empty.
  std::string_view forwarded_resource;
  std::string_view body_hash;  ///< hex SHA-256 of the body; only where a rule caches POST
};

}  // namespace homeostat::cache
