// The paths that servers may take one path for.
//
// What is written `//login`, `/x/../login`, `/login;x` or `/%6cogin%2F.` reaches
// /login at many servers, and something else at others. Whoever bounds what may be
// done by path has to look at all of it: a limit that a second slash evades is none.
//
// Pure; thread safety: none needed. Bounds: at most 15 readings, none longer than the
// path; linear in its length. Source: RFC 3986 section 5.2.4 for dot segments.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace homeostat::http {

/// What else `path` may be read as: slashes merged, dot segments resolved, parameters
/// left out, encoded delimiters decoded, and all of it, which comes first. Empty for a
/// path that all servers read alike. REQUIRES: what need not be encoded is not
/// (normalise_percent).
[[nodiscard]] std::vector<std::string> path_readings(std::string_view path);

/// A path with its readings; views.
struct ReadPath {
  std::string_view path;
  std::span<const std::string> others{};

  template <class Visit>
  void each(Visit&& visit) const {
    visit(path);
    for (const std::string& other : others) visit(std::string_view(other));
  }
  /// As a server reads it that resolves everything.
  [[nodiscard]] std::string_view resolved() const noexcept {
    return others.empty() ? path : std::string_view(others.front());
  }
};

}  // namespace homeostat::http
