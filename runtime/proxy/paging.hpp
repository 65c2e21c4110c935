// What a query asks of a list: which page, from which offset, how many at a time.
//
// By the usual names of parameters (page, offset, skip, limit, per_page, $top, ...); a
// number that is larger than can be held counts as the largest.
//
// Thread safety: pure functions. Memory: allocates only for a query with percent signs.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace homeostat::proxy {

struct PageRequest {
  std::optional<std::uint64_t> page, offset, size;
  bool divided = false;  ///< names a page, an offset, a size or a cursor, whatever its value
};

/// Calls each(name, value) for every parameter of a query without `?`.
template <class Each>
void for_each_parameter(std::string_view query, const Each& each) {
  while (!query.empty()) {
    const std::string_view one = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), one.size() + 1));
    const std::size_t equal = std::min(one.find('='), one.size());
    each(one.substr(0, equal), one.substr(std::min(equal + 1, one.size())));
  }
}

/// `query` without `?`. Of several parameters of a kind the largest counts: servers
/// differ in which of them they take.
[[nodiscard]] PageRequest page_request_of(std::string_view query);

}  // namespace homeostat::proxy
