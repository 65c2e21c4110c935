// The request and response fields as this room reads them.
#pragma once

#include "runtime/http/header_table.hpp"

namespace homeostat::cache {

using Fields = http::HeaderTable;

}  // namespace homeostat::cache
