// Names of tenants, as they stand in keys and as tags.
//
// A tenant is whoever the request names by what cache.tenant says. Its name is part of
// the namespace of its keys, so that nothing of one tenant is ever found by another,
// and a hidden tag of what is stored for it, so that all of it can be purged at the cost
// of one number (tag_index.hpp). A request without a tenant has a namespace of its own.
//
// A name is what the request says if that is visible ASCII (and blanks) of up to `tenant_name_max`
// characters, else `sha256:` and a hash of it. What itself begins with `sha256:` is
// hashed, too: different tenants never have the same name.
//
// Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "runtime/cache/tags.hpp"

namespace homeostat::cache {

inline constexpr std::size_t tenant_name_max = tag_name_max;

/// The name of the tenant that a request calls `said`. REQUIRES: not empty.
[[nodiscard]] std::string tenant_name(std::string_view said);
/// The same where what it says is a secret.
[[nodiscard]] std::string hidden_tenant_name(std::string_view secret);
/// The tag of what is stored for a tenant. `name`: as tenant_name() made it, or as requests
/// say it.
[[nodiscard]] std::string tenant_identity(std::string_view name);

}  // namespace homeostat::cache
