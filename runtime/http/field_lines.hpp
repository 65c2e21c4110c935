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

/// Appends the fields of `block` to `fields`. `dropped`, if not null: those with `_` in
/// their names are left out and counted there. REQUIRES: `block` was accepted by
/// LineScanner::to_empty_line.
[[nodiscard]] FieldLines split_field_lines(std::string_view block, std::size_t count_max,
                                           HeaderTable& fields, std::size_t* dropped = nullptr);

}  // namespace homeostat::http
