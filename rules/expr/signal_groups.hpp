// How the catalogue's signals group: global ones first, then those of endpoints.
//
// Thread safety: constants.
#pragma once

#include "rules/expr/signal.hpp"

namespace homeostat::rules {

/// Index of the first signal of endpoints; the number of global ones.
inline constexpr auto first_endpoint_signal = static_cast<std::size_t>(SignalId::endpoint_rate);
inline constexpr std::size_t endpoint_signal_count = signal_count - first_endpoint_signal;

}  // namespace homeostat::rules
