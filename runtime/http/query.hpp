// Normalised queries for cache keys: parameters chosen and sorted by name.
//
// Parameters with equal names keep their order (it can carry meaning); "a",
// "a=" and "a=1" stay different. Names are compared as bytes. A pattern is a
// name, or a prefix followed by `*` (utm_*). Empty parameters ("a=1&&b=2")
// vanish when sorting or choosing. normalise_percent() does what RFC 3986 calls
// equivalent, and no more: `+` and `%20`, `%2F` and `/` stay different. A parameter with `;`
// is never dropped: to servers that end parameters there it holds others.
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

/// RFC 3986 section 6.2.2: appends `text` with percent-encoded unreserved
/// characters decoded and the digits of the others in upper case.
void normalise_percent(std::string& out, std::string_view text);

/// Parameters that only tell where a visitor came from, as patterns: those of
/// Google, Meta, Microsoft, Mailchimp, HubSpot, Marketo, Matomo and others.
[[nodiscard]] const std::vector<std::string>& tracking_parameters();

class QueryNormalizer {
 public:
  static constexpr std::size_t parameters_max = 64;

  QueryNormalizer() = default;  ///< changes nothing
  /// Drops what matches `drop`; if `keep` is not empty, also what does not
  /// match it.
  QueryNormalizer(const std::vector<std::string>& drop, const std::vector<std::string>& keep,
                  bool sort);

  /// Appends the normalised query, without '?'. No allocation beyond `out`.
  void append(std::string& out, std::string_view query) const;

 private:
  class Patterns {
   public:
    void add(const std::string& pattern);
    [[nodiscard]] bool empty() const noexcept { return exact_.empty() && prefixes_.empty(); }
    [[nodiscard]] bool match(std::string_view name) const noexcept;

   private:
    std::vector<std::string> exact_;
    std::vector<std::string> prefixes_;
  };
  [[nodiscard]] bool dropped(std::string_view parameter) const noexcept;

  Patterns drop_, keep_;
  bool sort_ = false;
};

}  // namespace homeostat::http
