#include "runtime/proxy/paging.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <string>

#include "runtime/http/query.hpp"

namespace homeostat::proxy {
namespace {

// `$` may be sent as it is or encoded; normalise_percent() leaves it as it comes.
constexpr std::array<std::string_view, 5> page_names{"page", "p", "pageNumber", "page_number",
                                                     "paged"};
constexpr std::array<std::string_view, 7> offset_names{"offset",     "skip",  "start",  "from",
                                                       "startIndex", "$skip", "%24skip"};
constexpr std::array<std::string_view, 14> size_names{
    "limit", "per_page", "perPage", "page_size", "pageSize", "size", "count",
    "first", "last",     "top",     "$top",      "%24top",   "max",  "maxResults"};
constexpr std::array<std::string_view, 4> cursor_names{"after", "before", "cursor", "page_token"};

template <std::size_t Count>
bool one_of(std::string_view name, const std::array<std::string_view, Count>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ptr != text.data() + text.size() || text.empty()) return std::nullopt;
  return parsed.ec == std::errc::result_out_of_range ? std::numeric_limits<std::uint64_t>::max()
                                                     : number;
}

void take_larger(std::optional<std::uint64_t>& known, std::string_view value) {
  const auto number = number_in(value);
  if (number) known = std::max(known.value_or(0), *number);
}

void take(PageRequest& request, std::string_view name, std::string_view value) {
  if (one_of(name, page_names)) {
    take_larger(request.page, value);
  } else if (one_of(name, offset_names)) {
    take_larger(request.offset, value);
  } else if (one_of(name, size_names)) {
    take_larger(request.size, value);
  } else if (!one_of(name, cursor_names)) {
    return;
  }
  request.divided = true;
}

}  // namespace

PageRequest page_request_of(std::string_view query) {
  std::string plain;
  if (query.find('%') != std::string_view::npos) {
    http::normalise_percent(plain, query);
    query = plain;
  }
  PageRequest request;
  for_each_parameter(query, [&request](std::string_view name, std::string_view value) {
    take(request, name, value);
  });
  return request;
}

}  // namespace homeostat::proxy
