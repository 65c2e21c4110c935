// What this binary is. Static text; safe from any thread.
#pragma once

#include <string_view>

namespace homeostat::app {

[[nodiscard]] std::string_view version() noexcept;   ///< "0.1.0"
[[nodiscard]] std::string_view revision() noexcept;  ///< commit it was built from, or "unknown"

}  // namespace homeostat::app
