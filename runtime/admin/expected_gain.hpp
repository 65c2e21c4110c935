// The measure by which advice is ranked: how many seconds of waiting it would save
// clients in each second. By Little's law (J. D. C. Little, "A Proof for the Queuing
// Formula L = lambda W", Operations Research 9(3), 1961) that is also how many requests
// fewer would be in progress at a time, on average.
//
// What is no waiting is counted as such at a stated price: a request that fails as the
// `failed_seconds` from which an answer is too late; a byte that is sent as the
// `byte_seconds` it takes on the path that adaptive compression assumes; and what will
// be lost at a limit that is reached as the mean loss over the next day.
//
// Thread safety: pure functions.
#pragma once

#include <chrono>

#include "runtime/ports/signals.hpp"

namespace homeostat::admin {

/// An answer later than this is slow; a failure is no better than one.
inline constexpr double failed_seconds = 2;
/// 100 Mbit/s, as in rules/laws/compression.hpp.
inline constexpr double byte_seconds = 80e-9;
/// Nothing is foretold beyond, and losses are averaged over it.
inline constexpr std::chrono::hours forecast_max{24};

/// Requests per second, over five minutes.
[[nodiscard]] double requests_per_second(const WindowFigures& last_5m) noexcept;
/// Seconds that clients waited in each second, over five minutes.
[[nodiscard]] double waiting(const WindowFigures& last_5m) noexcept;

/// The share of the next day for which a limit that is reached after `reached` will have been.
[[nodiscard]] double share_at_limit(std::chrono::duration<double> reached) noexcept;

/// Of what grows along a line, `limits_per_day` times the limit each day, and reaches it after
/// `reached`: the mean share of it that is beyond the limit over the next day. With u the
/// part of the limit that is used, that is the mean of 1 - 1/u where u > 1.
[[nodiscard]] double share_beyond_limit(std::chrono::duration<double> reached,
                                        double limits_per_day) noexcept;

}  // namespace homeostat::admin
