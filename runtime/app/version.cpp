#include "runtime/app/version.hpp"

namespace homeostat::app {

std::string_view version() noexcept { return HOMEOSTAT_VERSION; }
std::string_view revision() noexcept { return HOMEOSTAT_REVISION; }

}  // namespace homeostat::app
