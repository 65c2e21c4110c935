// Splits the field lines of a head into a HeaderTable.
//
// Purpose: the fields of every head; what they mean is decided elsewhere. The caller
// has scanned the block with LineScanner: every line ends in CRLF, the last one is
// empty, and no line starts with a blank or holds a control byte but tab. What is
// left to check is the grammar of RFC 9112 section 5: token ":" OWS value OWS.
//
// Ownership: names and values are views into `block`. Thread safety: pure.
// Work: linear; no allocation beyond HeaderTable's own.
#pragma once

#include <cstddef>
#include <string_view>

#include "runtime/http/header_table.hpp"

namespace homeostat::http {

enum class FieldLines : unsigned char { ok, bad_name, too_many };

/// Whether a name cannot be mistaken for another: letters, digits and `-` only. Servers
/// that hand fields on as variables make one character of all others (`X_Host`, `X.Host`).
[[nodiscard]] bool is_plain_name(std::string_view name) noexcept;

/// Appends the fields of `block` to `fields`. `dropped`, if not null: those whose names
/// are not plain are left out and counted there. REQUIRES: `block` was accepted by
/// LineScanner::to_empty_line.
[[nodiscard]] FieldLines split_field_lines(std::string_view block, std::size_t count_max,
                                           HeaderTable& fields, std::size_t* dropped = nullptr);

}  // namespace homeostat::http
