#include "runtime/redis/error_code.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace homeostat::redis {
namespace {

constexpr std::array<std::string_view, error_code_count> names = {
    "other",  "BUSY",   "CLUSTERDOWN", "LOADING", "MASTERDOWN", "MISCONF",
    "NOAUTH", "NOPERM", "NOREPLICAS",  "OOM",     "READONLY",   "redirect"};

constexpr std::array<std::string_view, 3> redirects = {"MOVED", "ASK", "TRYAGAIN"};

ErrorCode code_named(std::string_view word) noexcept {
  for (std::size_t i = 1; i + 1 < names.size(); ++i) {
    if (names[i] == word) return static_cast<ErrorCode>(i);
  }
  return std::find(redirects.begin(), redirects.end(), word) != redirects.end()
             ? ErrorCode::redirect
             : ErrorCode::other;
}

std::string_view first_word(std::string_view text) noexcept {
  return text.substr(0, text.find(' '));
}

/// "ERR Error running script (call to f_...): @user_script:1: -OOM command not allowed ..."
ErrorCode code_within(std::string_view text) noexcept {
  for (std::size_t at = text.find(" -"); at != std::string_view::npos;
       at = text.find(" -", at + 1)) {
    const ErrorCode code = code_named(first_word(text.substr(at + 2)));
    if (code != ErrorCode::other) return code;
  }
  const bool forbidden = text.find("ACL failure in script") != std::string_view::npos ||
                         text.find("executing the script can't") != std::string_view::npos;
  return forbidden ? ErrorCode::no_perm : ErrorCode::other;
}

}  // namespace

std::string_view to_string(ErrorCode code) noexcept {
  return names[static_cast<std::size_t>(code)];
}

bool refuses_for_now(ErrorCode code) noexcept {
  return code == ErrorCode::busy || code == ErrorCode::cluster_down || code == ErrorCode::loading ||
         code == ErrorCode::master_down;
}

ErrorCode error_code_of(std::string_view text) noexcept {
  const std::string_view word = first_word(text);
  return word == "ERR" ? code_within(text) : code_named(word);
}

}  // namespace homeostat::redis
