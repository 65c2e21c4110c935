// Normalised queries for cache keys: parameters dropped and sorted by name.
//
// Parameters with equal names keep their order (it can carry meaning). Nothing
// is decoded: %41 and A stay different, which costs a hit at most. Names are
// compared as bytes. A drop pattern is a name, or a prefix followed by `*`
// (utm_*). Empty parameters ("a=1&&b=2") vanish when sorting or dropping.
//
// Bounds: sorts at most `parameters_max` parameters; a query with more is
// appended without sorting, with parameters still dropped.
// Thread safety: immutable after construction; share it freely.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace homeostat::http {

class QueryNormalizer {
 public:
  static constexpr std::size_t parameters_max = 64;

  QueryNormalizer() = default;  ///< changes nothing
  QueryNormalizer(std::vector<std::string> drop, bool sort);

  /// Appends the normalised query, without '?'. No allocation beyond `out`.
  void append(std::string& out, std::string_view query) const;

 private:
  [[nodiscard]] bool dropped(std::string_view name) const noexcept;

  std::vector<std::string> exact_;
  std::vector<std::string> prefixes_;
  bool sort_ = false;
};

}  // namespace homeostat::http
