// A pattern that names stored objects: by path if it starts with `/` or `*`,
// else by whole key. `*` matches any run of characters.
//
// Thread safety: immutable.
#pragma once

#include <string>
#include <string_view>

#include "runtime/cache/key.hpp"
#include "runtime/cache/request_rules.hpp"

namespace homeostat::cache {

class KeyPattern {
 public:
  /// An empty pattern names everything.
  explicit KeyPattern(std::string_view text)
      : pattern_(text.empty() ? std::string("*") : std::string(text)),
        of_paths_(pattern_.text().front() == '/' || pattern_.text().front() == '*') {}

  [[nodiscard]] bool matches(std::string_view path, std::string_view key) const noexcept {
    return pattern_.matches(of_paths_ ? path : key);
  }
  /// True if it may match a variant of a primary key that is not known yet.
  [[nodiscard]] bool may_match(std::string_view path, std::string_view primary,
                               KeyShape shape) const;

 private:
  PathPattern pattern_;
  bool of_paths_;
};

}  // namespace homeostat::cache
