// The entity tags this agent gives to stored responses whose origin sent none,
// and the If-Match that clients make of them.
//
// Nobody but this agent knows such a tag, so its conditions are judged here and
// never sent upstream (RFC 9110 section 13.1.1; the If-Unmodified-Since beside an
// If-Match counts for nothing, section 13.1.4):
//   GET, HEAD      against the stored response while it is fresh, else against what
//                  the origin sends now, once it is complete;
//   unsafe methods against the stored response, which is given up at the same time:
//                  of several clients that hold one tag a single one goes on.
// A response that is not 2xx is sent whatever the condition (section 13.2.1). With
// the origin's own tags in the same list the request goes upstream as it is,
// unless the stored response satisfies it.
//
// Form: 32 hex digits of the body's SHA-256, then 8 of a checksum over these and
// the agent's key prefix and namespace, by which the tag is recognised when
// nothing is stored. Replicas agree; agents in a row need different prefixes.
//
// Thread safety: OwnTags is immutable. Errors: none.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/cache/fields.hpp"

namespace homeostat::cache {

/// What the tags of an If-Match are.
enum class TagOwners : std::uint8_t {
  others,  ///< no If-Match, or none of its tags is this agent's
  mixed,
  own,  ///< all of them
};

class OwnTags {
 public:
  OwnTags(std::string_view key_prefix, std::string_view key_namespace);

  /// Quoted. `digest`: `digest_size` hex digits.
  [[nodiscard]] std::string make(std::string_view digest) const;
  /// `opaque`: a tag with its quotes, without `W/`.
  [[nodiscard]] bool made(std::string_view opaque) const noexcept;
  [[nodiscard]] TagOwners owners(const Fields& request) const noexcept;

  static constexpr std::size_t digest_size = 32;

 private:
  static constexpr std::size_t check_size = 8;
  [[nodiscard]] std::uint32_t check(std::string_view digest) const noexcept;

  std::uint64_t realm_;
};

}  // namespace homeostat::cache
