// Via, X-Forwarded-* and Forwarded (RFC 9110 section 7.6.3, RFC 7239).
//
// With `trust` the fields received are kept and extended; without it they are
// replaced, so that a client cannot forge its address. The caller removes the
// received fields (is_forwarding_field) and appends these lines instead.
// Pure; appends header lines to the caller's buffer. Thread safety: none needed.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/http/head_writer.hpp"
#include "runtime/http/header_table.hpp"

namespace homeostat::http {

struct ForwardingFacts {
  std::string_view client_address;   ///< IP without port or brackets; empty for a Unix socket
  std::string_view scheme = "http";  ///< of the connection the request came on
  std::string_view host;             ///< effective host of the request
  bool trust = false;                ///< ServerSettings::trust_forwarded
};

/// Fields that append_forwarding_fields writes anew: X-Forwarded-For, -Proto,
/// -Host, and Forwarded.
[[nodiscard]] bool is_forwarding_field(HeaderId id) noexcept;

/// Other statements that only a proxy in front may make: about the client, and about
/// the scheme, host, port or path prefix it asked for. Without trust they are removed:
/// frameworks believe them, and what they then answer is meant for nobody else.
[[nodiscard]] bool is_proxy_statement(HeaderId id) noexcept;

/// What a trusted proxy in front says the client asked for, where that is another
/// resource than `host` over http: part of the cache's key, since the application may
/// answer each of them differently. Empty if it says nothing of the kind.
void append_forwarded_resource(std::string& out, const HeaderTable& request, std::string_view host);

/// X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host and Forwarded.
void append_forwarding_fields(HeadWriter& out, const HeaderTable& request,
                              const ForwardingFacts& facts);

/// append_forwarding_fields, remembering its lines for the clients and hosts of late:
/// without trust nothing else decides them. Bounds: `size` entries, which replace each
/// other, for hosts of host_bytes_max at most. Thread safety: none; one owner.
class ForwardingMemo {
 public:
  static constexpr std::size_t size = 256;
  static constexpr std::size_t host_bytes_max = 256;

  void append(HeadWriter& out, const HeaderTable& request, const ForwardingFacts& facts);

 private:
  struct Entry {
    std::string client_address, scheme, host, lines;
  };
  std::array<Entry, size> entries_;
};

/// One Via line: those received, in order, and "1.<minor> <pseudonym>".
/// REQUIRES: pseudonym is a token. The caller drops the received Via lines.
void append_via(HeadWriter& out, const HeaderTable& message, unsigned received_minor,
                std::string_view pseudonym);

/// Whether the pseudonym is already in Via: the request runs in a loop.
[[nodiscard]] bool via_contains(const HeaderTable& message, std::string_view pseudonym) noexcept;

/// An RFC 7239 node: IPv4 bare, IPv6 as "[...]" in quotes, empty as "unknown".
void append_forwarded_node(std::string& out, std::string_view address);

/// RFC 9110 section 7.6.2: how many more servers may pass it on. Nothing if that is not said, or
/// not as one decimal number.
[[nodiscard]] std::optional<std::uint64_t> forwards_left(const HeaderTable& request) noexcept;

}  // namespace homeostat::http
