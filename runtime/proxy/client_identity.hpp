// Who asks: keys of clients and tenants for fair turns and rate limits, and names of
// tenants for the cache.
//
// A key is a hash with a secret, this process's or its fleet's, so that nobody outside can
// choose keys that meet in a table. Keys are never logged. Names of the cache's
// tenants are the same in all processes, and not hashed unless they are secret.
//
// What can be trusted: the address of the connection, and with
// server.trust_forwarded that entry of X-Forwarded-For which the outermost
// trusted proxy wrote (server.forwarded_hops from the right); what stands left
// of it is the client's own invention. IPv6 counts by its /64, which is what one
// subscriber has. A header field is as good as who sets it. Authorization is
// not verified here: its hash cannot be guessed, so nobody can use up what
// belongs to another, but anybody can invent new ones. The subject of a bearer
// token can be copied, too, which is why the configuration allows it only
// behind a proxy that verifies tokens.
//
// Thread safety: pure functions of their arguments and the secret.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/settings/admission.hpp"
#include "config/settings/cache.hpp"
#include "config/settings/server.hpp"
#include "runtime/http/header_table.hpp"

namespace homeostat::proxy {

/// Drawn when the process needs it first.
[[nodiscard]] std::uint64_t process_secret() noexcept;

/// A key of any text. Never 0.
[[nodiscard]] std::uint64_t identity_key(std::string_view text,
                                         std::uint64_t secret = process_secret()) noexcept;
/// Of an IP address as text, perhaps with brackets and port; anything else as it is.
[[nodiscard]] std::uint64_t address_key(std::string_view address,
                                        std::uint64_t secret = process_secret()) noexcept;
/// Of two keys, in order.
[[nodiscard]] std::uint64_t combined_key(std::uint64_t first, std::uint64_t second,
                                         std::uint64_t secret = process_secret()) noexcept;

/// The client's address as far as it can be trusted. `connection` is the
/// address_key of the peer, with the same secret.
[[nodiscard]] std::uint64_t client_key(const http::HeaderTable& fields,
                                       const config::ServerSettings& server,
                                       std::uint64_t connection,
                                       std::uint64_t secret = process_secret()) noexcept;
/// `client` where the request does not say who it belongs to.
[[nodiscard]] std::uint64_t tenant_key(const http::HeaderTable& fields,
                                       const config::TenantSettings& tenant, std::uint64_t client,
                                       std::uint64_t secret = process_secret());

/// Issuer and subject of a JSON web token (RFC 7519) in an Authorization field,
/// not verified; nothing if it holds none. Bounds: tokens of 16 KiB.
[[nodiscard]] std::optional<std::string> token_subject(std::string_view authorization);

/// Writes whose namespace of the cache the request asks in (runtime/cache/tenant.hpp); nothing
/// if it names no tenant. False: it names one in a way that servers read differently, as by
/// two lines of the field, a `_` for a `-` in its name, or a token without a subject.
/// Of a token the name is `{iss} {sub}`, `-` for a missing issuer.
[[nodiscard]] bool read_cache_tenant(const http::HeaderTable& fields,
                                     const config::CacheTenantSettings& tenant, std::string& name);

}  // namespace homeostat::proxy
