// Which fields pass the proxy, in either direction (RFC 9110 section 7.6.1).
//
// Removed are the fixed hop-by-hop fields and those a message names in
// Connection. A sender cannot use Connection to remove fields that the
// recipient's safety or the message's meaning depends on (Host, Content-Length,
// Authorization, Cache-Control, ...); those pass regardless.
// Trailer passes: it describes trailers, which are forwarded.
// Ownership: keeps a pointer to the table; use it while the table lives.
// Thread safety: none; a value on the stack of one request.
#pragma once

#include "runtime/http/header_table.hpp"

namespace homeostat::http {

class HopByHopFilter {
 public:
  explicit HopByHopFilter(const HeaderTable& headers) noexcept;
  /// Whether this field of the same table goes to the other side.
  [[nodiscard]] bool forwarded(const Field& field) const noexcept;

 private:
  const HeaderTable* headers_;
  HeaderSet removed_;          // fixed set and the listed names that have an identifier
  bool names_others_ = false;  // Connection lists names without an identifier
};

/// The fixed set alone: Connection, Keep-Alive, Proxy-*, TE, Transfer-Encoding,
/// Upgrade, HTTP2-Settings.
[[nodiscard]] bool is_hop_by_hop(HeaderId id) noexcept;

}  // namespace homeostat::http
