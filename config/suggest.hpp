// "did you mean ...?": the nearest of the names that are allowed.
//
// Thread safety: pure functions. Cost: O(names x length^2), names of at most
// 64 bytes; longer ones have no neighbour.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace homeostat::config {

/// Optimal string alignment distance: insert, delete, replace, swap neighbours.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

/// The nearest candidate within a third of the name's length (at least 1, at
/// most 3 edits); empty if none is that near.
[[nodiscard]] std::string_view nearest(std::string_view name,
                                       std::span<const std::string_view> candidates);

/// "did you mean `x`?", or empty.
[[nodiscard]] std::string did_you_mean(std::string_view name,
                                       std::span<const std::string_view> candidates);

/// "a, b or c".
[[nodiscard]] std::string join_or(std::span<const std::string_view> names);

}  // namespace homeostat::config
