// Reads the JSON body of a change and its members, with errors that say what
// was expected.
//
// Thread safety: pure functions.
#pragma once

#include <boost/json/object.hpp>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "runtime/admin/http_message.hpp"
#include "runtime/admin/reply.hpp"

namespace homeostat::admin {

inline constexpr std::size_t reason_bytes_max = 500;
inline constexpr std::size_t body_memory_max = 41'943'040;  ///< of what a body's values take
inline constexpr std::size_t texts_max = 1000;  ///< of one list; the body's size bounds the rest

/// The body as an object; an absent body is an empty object. Else a problem:
/// 415 if it is not declared as JSON, 400 if it is not a JSON object, 413 if its values need
/// more than body_memory_max.
[[nodiscard]] std::variant<boost::json::object, Reply> read_body(const AdminRequest& request);

/// For the end of an error: ", not `85x`"; nothing where that is too long to repeat, or no text.
[[nodiscard]] std::string instead_of(std::string_view text);

/// Collects what is wrong with a body, so that one answer names everything.
class BodyReader {
 public:
  explicit BodyReader(const boost::json::object& body) : body_(body) {}

  [[nodiscard]] std::string required_text(std::string_view name);
  [[nodiscard]] std::optional<bool> required_flag(std::string_view name);
  /// `reason`: not empty, at most reason_bytes_max bytes.
  [[nodiscard]] std::string required_reason();
  /// `reason` or an empty text.
  [[nodiscard]] std::string optional_reason();
  /// Texts that are not empty; an absent member is an empty list.
  [[nodiscard]] std::vector<std::string> optional_texts(std::string_view name);
  /// A text; empty if the member is absent.
  [[nodiscard]] std::string optional_text(std::string_view name);
  /// Any value; null if the member is absent.
  [[nodiscard]] const boost::json::value* optional_value(std::string_view name) {
    return member(name);
  }
  /// One of `words`; the first if the member is absent.
  [[nodiscard]] std::string optional_word(std::string_view name,
                                          std::initializer_list<std::string_view> words);
  /// Call last: members other than those asked for are errors.
  void refuse_others();
  void fail(std::string error) { errors_.push_back(std::move(error)); }

  [[nodiscard]] bool ok() const noexcept { return errors_.empty(); }
  [[nodiscard]] const std::vector<std::string>& errors() const noexcept { return errors_; }
  /// REQUIRES: !ok().
  [[nodiscard]] Reply to_problem() const;

 private:
  [[nodiscard]] const boost::json::value* member(std::string_view name);

  const boost::json::object& body_;
  std::vector<std::string_view> known_;
  std::vector<std::string> errors_;
};

}  // namespace homeostat::admin
