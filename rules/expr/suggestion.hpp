// The nearest allowed word to a misspelt one, for error messages.
//
// Thread safety: pure functions. Bounded: words longer than 64 bytes get none.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace homeostat::rules {

class Macros;

/// The candidate with the smallest edit distance (insert, delete, replace,
/// swap of neighbours), or empty if none is near: a third of the word at most.
[[nodiscard]] std::string_view nearest_word(std::string_view word,
                                            std::span<const std::string_view> candidates);

/// The nearest signal or macro name; endpoint.* names only if they are allowed.
/// `macros` may be null.
[[nodiscard]] std::string_view nearest_signal(std::string_view word, bool allow_endpoint,
                                              const Macros* macros = nullptr);

}  // namespace homeostat::rules
