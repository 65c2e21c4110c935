#include "runtime/proxy/client_identity.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cstring>
#include <random>

#include "runtime/http/ascii.hpp"

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

std::optional<std::string> token_subject(std::string_view authorization) {
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
  const boost::json::value parsed = boost::json::parse(*claims, error);
  const boost::json::object* object = error ? nullptr : parsed.if_object();
  if (object == nullptr) return std::nullopt;
  const boost::json::value* subject = object->if_contains("sub");
  if (subject == nullptr || !subject->is_string() || subject->get_string().empty()) {
    return std::nullopt;
  }
  std::string key;
  if (const boost::json::value* issuer = object->if_contains("iss");
      issuer != nullptr && issuer->is_string()) {
    key.assign(issuer->get_string().data(), issuer->get_string().size());
  }
  key += '\0';
  key.append(subject->get_string().data(), subject->get_string().size());
  return key;
}

}  // namespace homeostat::proxy
