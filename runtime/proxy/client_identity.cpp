#include "runtime/proxy/client_identity.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cstring>
#include <random>

#include "runtime/cache/tenant.hpp"
#include "runtime/http/ascii.hpp"
#include "runtime/http/hop_by_hop.hpp"

namespace homeostat::proxy {
namespace {

using http::HeaderId;

/// Without port and brackets: "192.0.2.1:80", "[2001:db8::1]:80".
std::string_view bare_address(std::string_view text) noexcept {
  if (text.starts_with('[')) return text.substr(1, text.find(']') - 1);
  const std::size_t colon = text.find(':');
  const bool with_port =
      colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos;
  return with_port ? text.substr(0, colon) : text;
}

constexpr std::size_t token_bytes_max = 16 * 1024;

int base64url_value(char c) noexcept {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (http::is_digit(c)) return c - '0' + 52;
  if (c == '-') return 62;
  return c == '_' ? 63 : -1;
}

std::optional<std::string> base64url_decoded(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  unsigned held = 0;
  for (const char c : text) {
    const int value = base64url_value(c);
    if (value < 0) return std::nullopt;
    bits = (bits << 6U) | static_cast<std::uint32_t>(value);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes += static_cast<char>((bits >> held) & 0xFFU);
  }
  return bytes;
}

}  // namespace

std::uint64_t process_secret() noexcept {
  static const std::uint64_t value = [] {
    std::random_device device;
    return (std::uint64_t{device()} << 32U) | device();
  }();
  return value;
}

std::uint64_t identity_key(std::string_view text, std::uint64_t secret) noexcept {
  const std::uint64_t hash = XXH3_64bits_withSeed(text.data(), text.size(), secret);
  return hash == 0 ? 1 : hash;
}

std::uint64_t combined_key(std::uint64_t first, std::uint64_t second,
                           std::uint64_t secret) noexcept {
  const std::array<std::uint64_t, 2> both{first, second};
  const std::uint64_t hash = XXH3_64bits_withSeed(both.data(), sizeof both, secret);
  return hash == 0 ? 1 : hash;
}

std::uint64_t address_key(std::string_view address, std::uint64_t secret) noexcept {
  const std::string_view bare = bare_address(address);
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (bare.size() >= text.size()) return identity_key(address, secret);
  std::copy(bare.begin(), bare.end(), text.begin());
  in_addr four{};
  if (::inet_pton(AF_INET, text.data(), &four) == 1) {
    return identity_key({reinterpret_cast<const char*>(&four), sizeof four}, secret);
  }
  in6_addr six{};
  if (::inet_pton(AF_INET6, text.data(), &six) != 1) return identity_key(address, secret);
  const char* const bytes = reinterpret_cast<const char*>(&six);
  if (IN6_IS_ADDR_V4MAPPED(&six)) return identity_key({bytes + 12, 4}, secret);
  return identity_key({bytes, 8}, secret);
}

std::uint64_t client_key(const http::HeaderTable& fields, const config::ServerSettings& server,
                         std::uint64_t connection, std::uint64_t secret) noexcept {
  if (!server.trust_forwarded || !fields.has(HeaderId::x_forwarded_for)) return connection;
  // The last `hops` entries, as a ring.
  std::array<std::string_view, config::ServerSettings::forwarded_hops_max> last{};
  std::size_t count = 0;
  fields.for_each_token(HeaderId::x_forwarded_for,
                        [&](std::string_view entry) { last[count++ % last.size()] = entry; });
  if (count == 0) return connection;
  const std::size_t hops = std::min<std::size_t>(server.forwarded_hops, count);
  return address_key(last[(count - hops) % last.size()], secret);
}

std::uint64_t tenant_key(const http::HeaderTable& fields, const config::TenantSettings& tenant,
                         std::uint64_t client, std::uint64_t secret) {
  std::string_view value;
  switch (tenant.by) {
    case config::TenantKey::client: return client;
    case config::TenantKey::header: value = fields.get(std::string_view(tenant.field)); break;
    case config::TenantKey::authorization: value = fields.get(HeaderId::authorization); break;
    case config::TenantKey::token_subject: {
      value = fields.get(HeaderId::authorization);
      if (const auto subject = token_subject(value)) return identity_key(*subject, secret);
      break;
    }
  }
  return value.empty() ? client : identity_key(value, secret);
}

namespace {

struct TokenOwner {
  std::string issuer;  // may be missing
  std::string subject;
};

std::optional<TokenOwner> token_owner(std::string_view authorization) {
  constexpr std::string_view scheme = "Bearer ";
  if (authorization.size() > token_bytes_max || authorization.size() < scheme.size() ||
      !http::iequals(authorization.substr(0, scheme.size()), scheme)) {
    return std::nullopt;
  }
  const std::string_view token = authorization.substr(scheme.size());
  const std::size_t first = token.find('.');
  const std::size_t second = token.find('.', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos) return std::nullopt;
  const auto claims = base64url_decoded(token.substr(first + 1, second - first - 1));
  if (!claims) return std::nullopt;
  boost::system::error_code error;
  // For each request: claims of the usual size are read without allocating.
  std::array<unsigned char, 4096> memory;
  boost::json::monotonic_resource resource(memory.data(), memory.size());
  const boost::json::value parsed = boost::json::parse(*claims, error, &resource);
  const boost::json::object* object = error ? nullptr : parsed.if_object();
  if (object == nullptr) return std::nullopt;
  const boost::json::value* subject = object->if_contains("sub");
  if (subject == nullptr || !subject->is_string() || subject->get_string().empty()) {
    return std::nullopt;
  }
  TokenOwner owner;
  owner.subject.assign(subject->get_string().data(), subject->get_string().size());
  if (const boost::json::value* issuer = object->if_contains("iss");
      issuer != nullptr && issuer->is_string()) {
    owner.issuer.assign(issuer->get_string().data(), issuer->get_string().size());
  }
  return owner;
}

/// The first blank ends the issuer, whatever the two hold.
std::string owner_name(const TokenOwner& owner) {
  if (owner.issuer.empty()) return "- " + owner.subject;
  std::string name;
  for (const char c : owner.issuer) {
    if (c == ' ') {
      name += "%20";
    } else if (c == '%' || (c == '-' && owner.issuer.size() == 1)) {
      name += c == '%' ? "%25" : "%2D";
    } else {
      name += c;
    }
  }
  return name + ' ' + owner.subject;
}

/// Equal in any case, and where `_`, `.` or the like stands for `-`: servers that hand fields on as
/// variables (CGI, WSGI, FastCGI) cannot tell these apart.
bool alike(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           const auto folded = [](char c) {
             const char small = http::to_lower(c);
             return http::is_digit(c) || (small >= 'a' && small <= 'z') ? small : '-';
           };
           return folded(x) == folded(y);
         });
}

/// The value of a field that is there once and reaches the application under its own name.
/// Empty: it is not there; nothing: it cannot be said what the application will make of it.
std::optional<std::string_view> plain_value(const http::HeaderTable& fields,
                                            std::string_view name) noexcept {
  const http::Field* found = nullptr;
  for (const http::Field& field : fields) {
    if (!alike(field.name, name)) continue;
    if (found != nullptr || !http::iequals(field.name, name)) return std::nullopt;
    found = &field;
  }
  if (found == nullptr) return std::string_view{};
  if (found->value.empty() || !http::HopByHopFilter(fields).forwarded(*found)) return std::nullopt;
  return found->value;
}

}  // namespace

std::optional<std::string> token_subject(std::string_view authorization) {
  std::optional<TokenOwner> owner = token_owner(authorization);
  if (!owner) return std::nullopt;
  return std::move(owner->issuer) + '\0' + owner->subject;
}

bool read_cache_tenant(const http::HeaderTable& fields, const config::CacheTenantSettings& tenant,
                       std::string& name) {
  using config::CacheTenantKey;
  name.clear();
  if (tenant.by == CacheTenantKey::none) return true;
  const bool by_header = tenant.by == CacheTenantKey::header;
  const auto value = plain_value(fields, by_header ? tenant.field : "Authorization");
  if (!value) return false;
  if (value->empty()) return true;
  if (by_header) {
    name = cache::tenant_name(*value);
  } else if (tenant.by == CacheTenantKey::authorization) {
    name = cache::hidden_tenant_name(*value);
  } else {
    const std::optional<TokenOwner> owner = token_owner(*value);
    if (!owner) return false;
    name = cache::tenant_name(owner_name(*owner));
  }
  return true;
}

}  // namespace homeostat::proxy
