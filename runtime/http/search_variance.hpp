// No-Vary-Search: which parts of a query do not select another response.
//
// Source: draft-ietf-httpbis-no-vary-search, sections 5 (parsing) and 6
// (comparing). Two queries are equivalent under a variance if and only if their
// canonical texts are equal. Names and values are compared after
// form-urlencoded decoding; octets that are no UTF-8 stay different, where the
// draft would replace them all alike.
//
// Bounds: `names_max` parameter names, `parameters_max` parameters in a query;
// what has more is treated as if the field were absent.
// Thread safety: immutable after construction.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/http/header_table.hpp"

namespace homeostat::http {

class SearchVariance {
 public:
  static constexpr std::size_t names_max = 64;
  static constexpr std::size_t parameters_max = 256;

  /// From a response's No-Vary-Search. Nothing if it is absent, malformed, or
  /// says no more than the default: that every query is another resource.
  [[nodiscard]] static std::optional<SearchVariance> of(const HeaderTable& response);

  /// Appends the canonical text; false, appending nothing, above the bound.
  [[nodiscard]] bool append_canonical(std::string& out, std::string_view query) const;
  [[nodiscard]] bool operator==(const SearchVariance&) const = default;
  [[nodiscard]] std::size_t memory() const noexcept;

 private:
  enum class Mode : unsigned char { ignore_listed, keep_listed };

  [[nodiscard]] bool kept(std::string_view name) const noexcept;
  [[nodiscard]] bool is_default() const noexcept {
    return key_order_ && mode_ == Mode::ignore_listed && names_.empty();
  }

  bool key_order_ = true;  ///< the order of parameters matters
  Mode mode_ = Mode::ignore_listed;
  std::vector<std::string> names_;  ///< decoded, sorted
};

}  // namespace homeostat::http
