// Header values of a compressed variant.
//
// A gzip variant depends on Accept-Encoding, so its Vary says so (RFC 9110
// section 12.5.5). Its ETag is the identity's made weak; whoever writes the head
// does that. Pure; results are appended to the caller's buffer.
#pragma once

#include <string>
#include <string_view>

namespace homeostat::compress {

/// Appends `vary` with `name` added, unless it is there already or `vary` has
/// `*`, in which case `vary` is appended unchanged.
void append_vary(std::string& out, std::string_view vary,
                 std::string_view name = "Accept-Encoding");

}  // namespace homeostat::compress
