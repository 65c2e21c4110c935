// `${NAME}` and `${NAME:-default}` in scalars; `$${` stands for a literal `${`.
//
// Flow YAML gives `{`, `}`, `[`, `]`, `,` and `:` meanings of their own, and
// `{secret: ${TOKEN}}` must still work. So before parsing, protect() replaces
// those characters inside `${...}` by control bytes, one for one (places stay
// right), and substitute() understands the control bytes. A value can never add
// YAML structure. The braces of templates (/book/{id}) are protected likewise,
// so that they need no quotes inside `[...]`.
//
// Thread safety: pure functions.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "config/loader.hpp"
#include "config/node.hpp"

namespace homeostat::config {

inline constexpr std::size_t scalar_bytes_max = 64 * kibibyte;

/// True for the control bytes that protect() uses; text must not contain them.
[[nodiscard]] bool is_reserved(char c) noexcept;

[[nodiscard]] std::string protect(std::string text);
/// The inverse of protect(), for keys and messages.
[[nodiscard]] std::string unprotect(std::string text);

/// Replaces in every scalar of the tree and undoes protect(). A variable that is not set and has no
/// default, an unterminated `${` and a bad name are errors. Every variable named
/// is added to `referenced`.
void substitute(Node& node, const Environment& environment, Report& report,
                std::set<std::string, std::less<>>& referenced);

/// Undoes protect() alone: for texts of which nobody here is the author. `${` is an
/// error, so that such a text can neither read the environment nor seem to.
void refuse_substitution(Node& node, Report& report);

}  // namespace homeostat::config
