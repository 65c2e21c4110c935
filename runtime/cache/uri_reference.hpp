// URI references in responses (Location, Content-Location) as places on the host
// that was asked (RFC 3986 section 5).
//
// Pure; thread safety: none needed.
#pragma once

#include <string>
#include <string_view>

namespace homeostat::cache {

/// Path and query of a URI reference on the same host; empty path if it is
/// somewhere else or not understood.
struct LocalUri {
  std::string path;
  std::string_view query;
};

/// `base` is the path of the request. The query is a view into `reference`.
[[nodiscard]] LocalUri local_uri(std::string_view reference, std::string_view host,
                                 std::string_view base);

}  // namespace homeostat::cache
