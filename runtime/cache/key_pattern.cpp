#include "runtime/cache/key_pattern.hpp"

#include <algorithm>

namespace homeostat::cache {
namespace {

bool same_beginning(std::string_view a, std::string_view b) noexcept {
  const std::size_t size = std::min(a.size(), b.size());
  return a.substr(0, size) == b.substr(0, size);
}

}  // namespace

bool KeyPattern::may_match(std::string_view path, std::string_view primary, KeyShape shape) const {
  if (of_paths_) return pattern_.matches(path);
  const std::string_view text = pattern_.text();
  const std::string_view literal = text.substr(0, text.find('*'));
  // The part before {vary} is what all variants share, unless they are hashed.
  const std::string hashed = std::string(primary.substr(0, shape.stem)) + "sha256:";
  return same_beginning(literal, primary.substr(0, shape.vary_at)) ||
         same_beginning(literal, hashed);
}

}  // namespace homeostat::cache
