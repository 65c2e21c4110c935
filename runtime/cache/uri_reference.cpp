#include "runtime/cache/uri_reference.hpp"

#include <algorithm>

#include "runtime/http/ascii.hpp"

namespace homeostat::cache {
namespace {

/// RFC 3986 section 5.2.4.
std::string without_dot_segments(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/', 1), path.size());
    const std::string_view segment = path.substr(0, end);
    path.remove_prefix(end);
    if (segment == "/..") {
      out.resize(out.empty() ? 0 : out.rfind('/'));
      if (path.empty()) out += '/';
    } else if (segment == "/.") {
      if (path.empty()) out += '/';
    } else {
      out += segment;
    }
  }
  return out;
}

/// RFC 3986 section 5.2, for references without a scheme.
std::string merged_path(std::string_view reference, std::string_view base) {
  if (reference.empty()) return std::string(base);
  if (reference.front() == '/') return without_dot_segments(reference);
  std::string merged(base.substr(0, base.rfind('/') + 1));
  merged += reference;
  return without_dot_segments(merged);
}

}  // namespace

LocalUri local_uri(std::string_view reference, std::string_view host, std::string_view base) {
  reference = reference.substr(0, reference.find('#'));
  const std::size_t path_begin = std::min(reference.find_first_of("/?"), reference.size());
  const std::size_t colon = reference.find(':');
  if (colon < path_begin) {
    if (reference.substr(colon, 3) != "://") return {};
    reference.remove_prefix(colon + 1);
  }
  if (reference.starts_with("//")) {
    reference.remove_prefix(2);
    const std::size_t authority = std::min(reference.find_first_of("/?"), reference.size());
    if (!http::iequals(reference.substr(0, authority), host)) return {};
    reference.remove_prefix(authority);
    base = "/";
  }
  const std::size_t mark = reference.find('?');
  return {merged_path(reference.substr(0, mark), base),
          mark == std::string_view::npos ? std::string_view{} : reference.substr(mark + 1)};
}

}  // namespace homeostat::cache
