// What a reader asks about with ?rule= and ?endpoint=, and how many rows an answer about rules
// may have: rules x endpoints can be a hundred thousand.
//
// Plain values. Thread safety: none needed. Ownership: refers to the request.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

#include "runtime/admin/http_message.hpp"

namespace homeostat::admin {

/// Rows of one list that the admin thread builds for one answer.
inline constexpr std::size_t rows_shown = 200;

/// Leaves the `count` rows that `rank` puts first, in that order.
template <class Row, class Rank>
void keep_first(std::vector<const Row*>& rows, std::size_t count, Rank rank) {
  count = std::min(count, rows.size());
  std::partial_sort(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(count), rows.end(),
                    [&rank](const Row* a, const Row* b) { return rank(a) < rank(b); });
  rows.resize(count);
}

struct Subject {
  std::string_view rule, endpoint;  ///< empty: all

  static Subject of(const AdminRequest& request) noexcept {
    return {request.parameter("rule"), request.parameter("endpoint")};
  }
  [[nodiscard]] bool has_rule(std::string_view name) const noexcept {
    return rule.empty() || name == rule;
  }
  /// `name` is "GET /book/{id}"; the route alone means every method.
  [[nodiscard]] bool has_endpoint(std::string_view name) const noexcept {
    return endpoint.empty() || name == endpoint ||
           name.substr(name.find(' ') + 1) == endpoint;
  }
  /// What has no endpoint of its own is so at every one.
  [[nodiscard]] bool has(std::string_view name, std::string_view place) const noexcept {
    return has_rule(name) && (place.empty() || has_endpoint(place));
  }
};

}  // namespace homeostat::admin
