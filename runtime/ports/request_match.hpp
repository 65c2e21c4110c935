// Which requests a configured match is about.
//
// Pure; thread safety: none needed. Work: linear in practice, and never worse than
// the product of the lengths: on a mismatch the last star takes one character more.
#pragma once

#include <algorithm>
#include <functional>
#include <string_view>

#include "config/settings/common.hpp"

namespace homeostat {

/// `*` in `pattern` stands for any run of characters, everything else for itself,
/// or for what `same` takes for it.
template <class Same = std::equal_to<>>
[[nodiscard]] constexpr bool wildcard_match(std::string_view pattern, std::string_view text,
                                            Same same = {}) noexcept {
  std::size_t p = 0, t = 0;
  std::size_t star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && same(pattern[p], text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

/// The method is listed, or none is, and the path fits the pattern.
[[nodiscard]] inline bool matches(const config::RequestMatch& match, std::string_view method,
                                  std::string_view path) noexcept {
  const bool method_fits =
      match.methods.empty() ||
      std::find(match.methods.begin(), match.methods.end(), method) != match.methods.end();
  return method_fits && wildcard_match(match.path, path);
}

/// The first of `rules` whose `match` fits, or null.
template <class Rules>
[[nodiscard]] auto* first_match(const Rules& rules, std::string_view method,
                                std::string_view path) noexcept {
  const auto found = std::find_if(rules.begin(), rules.end(), [&](const auto& rule) {
    return matches(rule.match, method, path);
  });
  return found == rules.end() ? nullptr : &*found;
}

}  // namespace homeostat
