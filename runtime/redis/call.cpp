#include "runtime/redis/call.hpp"

#include <array>

namespace homeostat::redis {

std::string_view to_string(CallError error) noexcept {
  static constexpr std::array<std::string_view, call_error_count> words = {
      "none", "unavailable", "overloaded", "timeout", "disconnected", "redirects"};
  return words[static_cast<std::size_t>(error)];
}

}  // namespace homeostat::redis
