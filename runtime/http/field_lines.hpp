// Splits the field lines of a head into a HeaderTable.
//
// Purpose: the fast path for the fields that do not frame the message. The caller
// has scanned the block with LineScanner: every line ends in CRLF, the last one is
// empty, and no line starts with a blank or holds a control byte but tab. What is
// left to check is the grammar of RFC 9112 section 5: token ":" OWS value OWS.
//
// Ownership: names and values are views into `block`. Thread safety: pure.
// Work: linear; no allocation beyond HeaderTable's own.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "runtime/http/header_table.hpp"

namespace homeostat::http {

enum class FieldLines : unsigned char { ok, bad_name, too_many };

/// Appends the fields of `block` to `fields`, and the lines that say how the
/// message is framed and what becomes of the connection (Content-Length,
/// Transfer-Encoding, Connection, Proxy-Connection, Upgrade), as received, to
/// `framing`. REQUIRES: `block` was accepted by LineScanner::to_empty_line.
[[nodiscard]] FieldLines split_field_lines(std::string_view block, std::size_t count_max,
                                           HeaderTable& fields, std::string& framing);

}  // namespace homeostat::http
