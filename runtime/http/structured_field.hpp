// Structured fields (RFC 9651, which replaces RFC 8941): dictionaries and lists.
//
// One pull parser for every user. It checks the whole syntax and gives integers
// and booleans values; texts are views. Parameters are checked and skipped: no
// field read here gives them a meaning. Any error makes the whole field
// malformed: whoever reads must then act as if it were absent.
//
//   StructuredFieldReader reader(text);
//   StructuredMember member;
//   while (reader.next_member(member)) use(member.key, member.value);
//   if (!reader.ok()) forget_everything();
//
// Later duplicates of a dictionary's key win (section 4.2.2): the reader gives
// them all, in order. Thread safety: plain values. No allocation but for
// combined_value() of several lines and decoded strings. Errors: ok() is false.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/http/header_table.hpp"

namespace homeostat::http {

struct StructuredItem {
  enum class Kind : std::uint8_t {
    integer,
    decimal,
    string,  ///< `text` is what stands between the quotes, still escaped
    token,
    bytes,
    boolean,
    date,
    display_string,
    inner_list,  ///< `text` is what stands between the parentheses
  };
  Kind kind = Kind::boolean;
  std::int64_t integer = 0;  ///< integer and date
  bool boolean = true;       ///< boolean
  std::string_view text;

  [[nodiscard]] bool is(Kind other) const noexcept { return kind == other; }
};

struct StructuredMember {
  std::string_view key;
  StructuredItem value;
};

class StructuredFieldReader {
 public:
  explicit StructuredFieldReader(std::string_view text) noexcept;

  /// The next member of a dictionary; false at the end and on an error.
  [[nodiscard]] bool next_member(StructuredMember& member) noexcept;
  /// The next member of a list.
  [[nodiscard]] bool next_item(StructuredItem& item) noexcept;
  /// The next item of an inner list; made with the `text` of one.
  [[nodiscard]] bool next_inner(StructuredItem& item) noexcept;
  [[nodiscard]] bool ok() const noexcept { return ok_; }

 private:
  void fail() noexcept;
  [[nodiscard]] bool take(char c) noexcept;
  void skip_spaces() noexcept;
  void skip_blanks() noexcept;
  void separator() noexcept;
  [[nodiscard]] std::string_view key() noexcept;
  void parameters() noexcept;
  [[nodiscard]] StructuredItem item_or_inner_list() noexcept;
  [[nodiscard]] StructuredItem inner_list() noexcept;
  [[nodiscard]] StructuredItem bare_item() noexcept;
  [[nodiscard]] StructuredItem number() noexcept;
  [[nodiscard]] StructuredItem string() noexcept;
  [[nodiscard]] StructuredItem byte_sequence() noexcept;
  [[nodiscard]] StructuredItem boolean() noexcept;
  [[nodiscard]] StructuredItem token() noexcept;
  [[nodiscard]] StructuredItem date() noexcept;
  [[nodiscard]] StructuredItem display_string() noexcept;

  std::string_view rest_;
  bool ok_ = true;
};

/// Without its escapes. REQUIRES: kind string.
[[nodiscard]] std::string decoded_string(const StructuredItem& item);

/// All lines of a field as one value: the line itself if there is one,
/// otherwise `storage`, filled. Empty if the field is absent.
[[nodiscard]] std::string_view combined_value(const HeaderTable& headers, HeaderId id,
                                              std::string& storage);

/// A list of strings, e.g. Cache-Groups and Cache-Group-Invalidation (RFC
/// 9875). Empty if the field is absent, malformed, or has a member that is no
/// string. Duplicates are dropped; members above `items_max` are, too.
[[nodiscard]] std::vector<std::string> parse_string_list(const HeaderTable& headers, HeaderId id,
                                                         std::size_t items_max);

}  // namespace homeostat::http
