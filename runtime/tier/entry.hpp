// A response as it lies in Redis, and the only code that knows its bytes.
//
//   offset 0   "hsL2"         magic
//          4   version        2
//          5   kind           0 response, 1 vary marker
//          6   coding         of the body: rules::Coding
//          7   0
//          8   checksum       XXH3-64 of everything from offset 16 on
//         16   fixed numbers, then texts, each behind its length; little endian
//
// A vary marker lies under the key without variant and names the fields that select
// one. A response holds the fields as the origin sent them: whoever reads it decides
// by its own rules whether it may be used, and for how long, as if it came from the
// origin. Its age counts from `created`, when it would have been of age zero.
//
// Bytes that are no entry, of another version, cut short or changed are told apart
// and never used. Decoding allocates in proportion to the bytes given, never to what
// they claim.
//
// Thread safety: plain values and pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rules/laws/coding.hpp"
#include "runtime/ports/clock.hpp"
#include "runtime/tier/position.hpp"

namespace homeostat::tier {

struct Entry {
  enum class Kind : std::uint8_t { response, vary };
  Kind kind = Kind::response;
  std::string key;                              ///< the key it was written under
  LogPosition since;                            ///< of the log, when its fetch began
  WallTime created{};                           ///< when its age was zero
  std::chrono::milliseconds soft_ttl{}, ttl{};  ///< fresh, and kept, from `created` on
  std::chrono::milliseconds cost{};             ///< what fetching it took
  std::uint16_t status = 0;
  std::uint64_t query_shape = 0;  ///< RequestRules::query_shape() of its writer
  std::string fields;             ///< complete lines
  std::vector<std::string> vary;  ///< sorted lower-case names; of a marker: what selects
  std::string variant;            ///< their values, as VarySpec writes them
  std::vector<std::string> tags;  ///< names, for listings
  rules::Coding coding = rules::Coding::identity;
  std::uint64_t body_bytes = 0;  ///< decoded
  std::string body;              ///< coded
};

enum class EntryError : std::uint8_t {
  none,
  foreign,  ///< no entry at all
  version,  ///< of another version
  truncated,
  checksum,
  malformed,  ///< intact, and yet not what a writer of this version makes
};
inline constexpr std::size_t entry_error_count = 6;
[[nodiscard]] std::string_view to_string(EntryError error) noexcept;

/// Where, for scripts that compare entries in Redis: 64 bits each, little endian.
namespace entry_layout {
inline constexpr std::size_t version_end = 5;                ///< after magic and version
inline constexpr std::size_t epoch_at = 16, number_at = 24;  ///< `since`
inline constexpr std::size_t created_at = 32;                ///< in milliseconds
}  // namespace entry_layout

[[nodiscard]] std::string encode(const Entry& entry);
/// Fills `entry` if `none` is returned.
[[nodiscard]] EntryError decode(std::string_view bytes, Entry& entry);

}  // namespace homeostat::tier
