// The process's limit of open files, which bounds its connections.
//
// Thread safety: call raise_descriptor_limit() before threads start.
#pragma once

#include <cstddef>

namespace homeostat::demo {

/// Sets the soft limit to the hard one; returns the limit then in force.
std::size_t raise_descriptor_limit() noexcept;

}  // namespace homeostat::demo
