#include "config/address.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

namespace homeostat::config {
namespace {

constexpr std::size_t host_bytes_max = 253;
constexpr std::size_t unix_path_bytes_max = 107;  // sun_path of Linux, less the NUL
constexpr std::size_t url_bytes_max = 2048;
constexpr std::string_view unix_prefix = "unix:";

bool is_name_char(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_';
}

bool is_ipv6(const std::string& host) {
  in6_addr ignored{};
  return inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
}

bool is_ipv4(const std::string& host) {
  in_addr ignored{};
  return inet_pton(AF_INET, host.c_str(), &ignored) == 1;
}

/// A DNS name or an IPv4 address; four numbers must be a real address.
std::optional<std::string> check_name(const std::string& host) {
  if (host.empty()) return "the host is missing";
  if (host.size() > host_bytes_max || !std::all_of(host.begin(), host.end(), is_name_char)) {
    return "not a host name or IP address";
  }
  const bool numeric = host.find_first_not_of("0123456789.") == std::string::npos;
  if (numeric && !is_ipv4(host)) return "not an IPv4 address";
  return std::nullopt;
}

Parsed<std::uint16_t> parse_port(std::string_view text) {
  const auto parsed = parse_integer(text);
  const auto* value = std::get_if<std::int64_t>(&parsed);
  if (value == nullptr || *value < 0 || *value > 65535) {
    return UnitError{"the port must be a number from 0 to 65535"};
  }
  return static_cast<std::uint16_t>(*value);
}

Parsed<Address> parse_unix(std::string_view path) {
  if (path.empty() || path.front() != '/') {
    return UnitError{"a Unix socket needs an absolute path: unix:/run/name.sock"};
  }
  if (path.size() > unix_path_bytes_max) {
    return UnitError{fmt::format("a Unix socket path has at most {} bytes", unix_path_bytes_max)};
  }
  Address address;
  address.unix_path = path;
  return address;
}

/// host:port; the port may be left out only if there is a default.
Parsed<Address> parse_authority(std::string_view text, std::optional<std::uint16_t> default_port) {
  Address address;
  std::string_view rest;
  if (!text.empty() && text.front() == '[') {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return UnitError{"`[` without its `]`"};
    address.host = text.substr(1, end - 1);
    rest = text.substr(end + 1);
    if (!is_ipv6(address.host)) return UnitError{"not an IPv6 address between the brackets"};
  } else {
    if (std::count(text.begin(), text.end(), ':') > 1) {
      return UnitError{"an IPv6 address is written in brackets: [::1]:8080"};
    }
    const auto colon = text.find(':');
    address.host = text.substr(0, colon);
    rest = colon == std::string_view::npos ? std::string_view{} : text.substr(colon);
    if (auto error = check_name(address.host)) return UnitError{std::move(*error)};
  }
  if (rest.empty() && default_port) {
    address.port = *default_port;
    return address;
  }
  if (rest.empty() || rest.front() != ':') return UnitError{"the port is missing"};
  auto port = parse_port(rest.substr(1));
  if (auto* error = std::get_if<UnitError>(&port)) return std::move(*error);
  address.port = std::get<std::uint16_t>(port);
  return address;
}

/// Takes "http://" off; refuses other schemes, users and blanks.
std::optional<std::string> take_scheme(std::string_view& url, std::string_view example) {
  if (url.size() > url_bytes_max) return fmt::format("longer than {} bytes", url_bytes_max);
  if (url.substr(0, 8) == "https://") return "https is not available in this version; use http://";
  if (url.substr(0, 7) != "http://") return fmt::format("not a URL; write {}", example);
  url.remove_prefix(7);
  const auto authority = url.substr(0, url.find_first_of("/?#"));
  if (authority.find('@') != std::string_view::npos) return "a user in a URL is not supported";
  const bool blank = std::any_of(url.begin(), url.end(), [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f;
  });
  if (blank) return "blanks, control and non-ASCII characters must be percent-encoded";
  return std::nullopt;
}

}  // namespace

Parsed<Address> parse_listen_address(std::string_view text) {
  if (text.substr(0, unix_prefix.size()) == unix_prefix) {
    return parse_unix(text.substr(unix_prefix.size()));
  }
  if (text.find("://") != std::string_view::npos) {
    return UnitError{"an address to listen on has no scheme; write e.g. 127.0.0.1:8080"};
  }
  if (text.substr(0, 2) == "*:") text.remove_prefix(1);
  if (!text.empty() && text.front() == ':' && text.find(':', 1) == std::string_view::npos) {
    Address every;  // an empty host: every interface, IPv6 and IPv4
    auto port = parse_port(text.substr(1));
    if (auto* error = std::get_if<UnitError>(&port)) return std::move(*error);
    every.port = std::get<std::uint16_t>(port);
    return every;
  }
  return parse_authority(text, std::nullopt);
}

Parsed<UpstreamTarget> parse_upstream(std::string_view text) {
  UpstreamTarget target;
  if (text.substr(0, unix_prefix.size()) == unix_prefix) {
    auto parsed = parse_unix(text.substr(unix_prefix.size()));
    if (auto* error = std::get_if<UnitError>(&parsed)) return std::move(*error);
    target.address = std::get<Address>(std::move(parsed));
    target.host_header = "localhost";
    return target;
  }
  if (auto error = take_scheme(text, "http://host:port or unix:/path")) {
    return UnitError{std::move(*error)};
  }
  const auto path = text.find_first_of("/?#");
  if (path != std::string_view::npos && text.substr(path) != "/") {
    return UnitError{"an upstream has no path; requests keep their own"};
  }
  target.host_header = text.substr(0, path);
  auto parsed = parse_authority(target.host_header, std::uint16_t{80});
  if (auto* error = std::get_if<UnitError>(&parsed)) return std::move(*error);
  target.address = std::get<Address>(std::move(parsed));
  if (target.address.port == 0) return UnitError{"port 0 cannot be connected to"};
  return target;
}

Parsed<RedisServer> parse_redis_url(std::string_view text) {
  constexpr std::string_view plain = "redis://", secure = "rediss://";
  constexpr std::uint16_t default_port = 6379;
  constexpr std::int64_t databases_max = 65536;
  RedisServer server;
  if (text.substr(0, unix_prefix.size()) == unix_prefix) {
    auto parsed = parse_unix(text.substr(unix_prefix.size()));
    if (auto* error = std::get_if<UnitError>(&parsed)) return std::move(*error);
    server.address = std::get<Address>(std::move(parsed));
    return server;
  }
  server.tls = text.substr(0, secure.size()) == secure;
  if (!server.tls && text.substr(0, plain.size()) != plain) {
    return UnitError{"not a Redis URL; write redis://host:port/database or unix:/path"};
  }
  text.remove_prefix(server.tls ? secure.size() : plain.size());
  if (text.find('@') != std::string_view::npos) {
    return UnitError{"user and password have keys of their own: `user`, `password`"};
  }
  const auto slash = text.find('/');
  if (slash != std::string_view::npos && slash + 1 < text.size()) {
    const auto parsed = parse_integer(text.substr(slash + 1));
    const auto* number = std::get_if<std::int64_t>(&parsed);
    if (number == nullptr || *number < 0 || *number >= databases_max) {
      return UnitError{"the database must be a number: redis://host:port/0"};
    }
    server.database = static_cast<unsigned>(*number);
  }
  auto parsed = parse_authority(text.substr(0, slash), default_port);
  if (auto* error = std::get_if<UnitError>(&parsed)) return std::move(*error);
  server.address = std::get<Address>(std::move(parsed));
  if (server.address.port == 0) return UnitError{"port 0 cannot be connected to"};
  return server;
}

std::optional<std::string> check_http_url(std::string_view text) {
  if (auto error = take_scheme(text, "http://host:port/path")) return error;
  if (text.find('#') != std::string_view::npos) return "a fragment (#) has no meaning here";
  auto parsed = parse_authority(text.substr(0, text.find_first_of("/?")), std::uint16_t{80});
  if (auto* error = std::get_if<UnitError>(&parsed)) return std::move(error->message);
  if (std::get<Address>(parsed).port == 0) return "port 0 cannot be connected to";
  return std::nullopt;
}

bool is_loopback(const Address& address) {
  if (!address.unix_path.empty() || address.host == "localhost") return true;
  in_addr v4{};
  if (inet_pton(AF_INET, address.host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24U) == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, address.host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

std::string to_url(const Address& address) {
  return address.unix_path.empty() ? "http://" + to_string(address) : to_string(address);
}

std::string redacted_url(std::string_view url) {
  const auto scheme = url.find("://");
  const auto start = scheme == std::string_view::npos ? 0 : scheme + 3;
  const auto end = std::min(url.find_first_of("/?#", start), url.size());
  const auto user = url.substr(start, end - start).rfind('@');
  const auto host = user == std::string_view::npos ? start : start + user + 1;
  const bool more = end < url.size() && url.substr(end) != "/";
  return fmt::format("{}{}{}", url.substr(0, start), url.substr(host, end - host),
                     more ? "/***" : "");
}

}  // namespace homeostat::config
