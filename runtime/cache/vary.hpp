// Vary: which request fields select among the stored variants of a resource,
// and the normalised text of their values (RFC 9111 section 4.1).
//
// Normalisation: Accept-Encoding is reduced to the set of codings the client
// accepts; in Accept, Accept-Language and Accept-Charset list whitespace is
// unified, and the last two are lowered. Everything else counts as it is. Values of Cookie
// and Authorization, and long values, enter the key as SHA-256. Fields that
// Connection names do not reach the application and do not count.
//
// Thread safety: VarySpec is immutable.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/cache/fields.hpp"
#include "runtime/cache/ref.hpp"

namespace homeostat::cache {

/// Sorted, unique, lower-case field names.
class VarySpec final : public RefCounted<VarySpec> {
 public:
  static constexpr std::size_t names_max = 16;
  explicit VarySpec(std::vector<std::string> names) : names_(std::move(names)) {}

  [[nodiscard]] const std::vector<std::string>& names() const noexcept { return names_; }
  /// True if every name of `other` is here.
  [[nodiscard]] bool covers(const VarySpec& other) const noexcept;
  /// Writes the variant text of a request, e.g. `accept-encoding=gzip`.
  void write_variant(const Fields& request, std::string& out) const;
  /// REQUIRES: made by `new`.
  [[nodiscard]] std::size_t memory() const noexcept;

 private:
  std::vector<std::string> names_;
};
using VarySpecPtr = Ref<const VarySpec>;

struct VaryNames {
  std::vector<std::string> names;  ///< sorted, unique, lower case
  /// `*` anywhere, or a field the agent itself writes for each client: never matches.
  bool star = false;
  bool too_many = false;
};
/// Names from all Vary fields of a response plus those a rule adds.
[[nodiscard]] VaryNames vary_names(const Fields& response,
                                   const std::vector<std::string>& from_rule);

/// Appends the normalised value of an Accept-Encoding field.
void append_accepted_codings(std::string_view value, std::string& out);

}  // namespace homeostat::cache
