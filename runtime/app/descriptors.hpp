// The process's limit of open files, which bounds its connections.
//
// Thread safety: call raise_descriptor_limit() before threads start; the rest is pure.
#pragma once

#include <cstddef>
#include <string>

#include "config/settings/admin.hpp"

namespace homeostat::app {

/// Sets the soft limit to the hard one; returns the limit then in force.
std::size_t raise_descriptor_limit() noexcept;

/// Client connections that `descriptors` open files allow, at least 1. A client may
/// need one to the upstream as well; the management listener and what the process
/// opens for itself (listeners, event loops, /proc, logs, alerts) come first.
[[nodiscard]] std::size_t client_connections_for(std::size_t descriptors,
                                                 const config::AdminSettings& admin) noexcept;

/// What to tell an operator who asked for more connections than that; empty if
/// they fit.
[[nodiscard]] std::string descriptor_warning(std::size_t descriptors, std::size_t allowed,
                                             std::size_t wanted);

}  // namespace homeostat::app
