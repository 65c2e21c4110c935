// Whose behalf a request is made on: the fields that say so. Pure.
#pragma once

#include "runtime/http/header_table.hpp"

namespace homeostat::http {

/// Authorization and Cookie.
[[nodiscard]] constexpr bool is_credential(HeaderId id) noexcept {
  return id == HeaderId::authorization || id == HeaderId::cookie;
}

[[nodiscard]] inline bool carries_credentials(const HeaderTable& request) noexcept {
  return request.has(HeaderId::authorization) || request.has(HeaderId::cookie);
}

}  // namespace homeostat::http
