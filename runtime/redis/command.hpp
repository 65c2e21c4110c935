// Commands in wire form, written by hiredis' formatter.
//
// Thread safety: pure functions. Errors: std::bad_alloc.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace homeostat::redis {

[[nodiscard]] std::string make_command(std::span<const std::string_view> arguments);
[[nodiscard]] inline std::string make_command(std::initializer_list<std::string_view> arguments) {
  return make_command(std::span(arguments.begin(), arguments.size()));
}

}  // namespace homeostat::redis
