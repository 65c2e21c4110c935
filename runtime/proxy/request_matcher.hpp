// Which requests a configured match is about.
//
// Thread safety: immutable after construction.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings/common.hpp"
#include "runtime/cache/request_rules.hpp"

namespace homeostat::proxy {

class RequestMatcher {
 public:
  explicit RequestMatcher(const config::RequestMatch& match)
      : path_(match.path), methods_(match.methods) {}

  [[nodiscard]] bool matches(std::string_view method, std::string_view path) const noexcept {
    const bool method_fits =
        methods_.empty() || std::find(methods_.begin(), methods_.end(), method) != methods_.end();
    return method_fits && path_.matches(path);
  }

 private:
  cache::PathPattern path_;
  std::vector<std::string> methods_;  ///< empty: all
};

/// The first of `rules` whose `match` fits, or null.
template <class Rules>
[[nodiscard]] auto* first_match(const Rules& rules, std::string_view method,
                                std::string_view path) noexcept {
  const auto found = std::find_if(rules.begin(), rules.end(), [&](const auto& rule) {
    return rule.match.matches(method, path);
  });
  return found == rules.end() ? nullptr : &*found;
}

}  // namespace homeostat::proxy
