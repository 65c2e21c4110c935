#include "runtime/http/target.hpp"

#include <array>

#include "runtime/http/ascii.hpp"

namespace homeostat::http {
namespace {

/// reg-name of RFC 3986 without ',' (some recipients join repeated Host lines).
constexpr auto name_chars = [] {
  std::array<bool, 256> table{};
  for (unsigned byte = 0; byte < 128; ++byte) {
    const char c = static_cast<char>(byte);
    table[byte] = is_alpha(c) || is_digit(c) ||
                  std::string_view("-._~!$&'()*+;=").find(c) != std::string_view::npos;
  }
  return table;
}();

bool valid_name(std::string_view name) noexcept {
  if (name.empty()) return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name_chars[static_cast<unsigned char>(name[i])]) continue;
    if (name[i] != '%' || i + 2 >= name.size()) return false;
    if (hex_value(name[i + 1]) < 0 || hex_value(name[i + 2]) < 0) return false;
    i += 2;
  }
  return true;
}

/// Inside of the brackets: IPv6 address text; its exact form is the resolver's
/// business, the characters are ours.
bool valid_ip_literal(std::string_view text) noexcept {
  bool colon = false;
  for (const char c : text) {
    colon = colon || c == ':';
    if (hex_value(c) < 0 && c != ':' && c != '.') return false;
  }
  return colon;
}

bool valid_port(std::string_view port) noexcept {
  if (port.empty()) return true;  // "host:" is allowed by RFC 3986 section 3.2.3
  const auto value = parse_decimal(port);
  return value && *value <= 65535 && port.size() <= 5;
}

void split_query(RequestTarget& target, std::string_view path_query) noexcept {
  target.path_query = path_query;
  const std::size_t mark = path_query.find('?');
  target.has_query = mark != std::string_view::npos;
  target.path = path_query.substr(0, mark);
  if (target.has_query) target.query = path_query.substr(mark + 1);
  if (target.path.empty()) target.path = "/";
}

std::optional<RequestTarget> parse_absolute(std::string_view text) noexcept {
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) return std::nullopt;
  RequestTarget target;
  target.form = TargetForm::absolute;
  target.scheme = text.substr(0, colon);
  if (!iequals(target.scheme, "http") && !iequals(target.scheme, "https")) return std::nullopt;
  const std::string_view rest = text.substr(colon + 3);
  const std::size_t end = rest.find_first_of("/?");
  target.authority = rest.substr(0, end);
  if (!valid_authority(target.authority)) return std::nullopt;
  const std::string_view path_query =
      end == std::string_view::npos ? std::string_view("/") : rest.substr(end);
  split_query(target, path_query);
  return target;
}

}  // namespace

bool valid_authority(std::string_view text) noexcept {
  if (text.empty()) return false;
  if (text.front() == '[') {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return false;
    if (!valid_ip_literal(text.substr(1, close - 1))) return false;
    const std::string_view rest = text.substr(close + 1);
    return rest.empty() || (rest.front() == ':' && valid_port(rest.substr(1)));
  }
  const std::size_t colon = text.find(':');
  if (!valid_name(text.substr(0, colon))) return false;
  return colon == std::string_view::npos || valid_port(text.substr(colon + 1));
}

std::optional<RequestTarget> parse_target(Method method, std::string_view target) noexcept {
  if (target.empty() || target.find('#') != std::string_view::npos) return std::nullopt;
  RequestTarget result;
  if (method == Method::connect) {
    // authority-form needs a port (RFC 9112 section 3.2.3).
    if (!valid_authority(target) || !is_digit(target.back())) return std::nullopt;
    const std::size_t name_end = target.front() == '[' ? target.find(']') : 0;
    if (target.find(':', name_end) == std::string_view::npos) return std::nullopt;
    result.form = TargetForm::authority;
    result.authority = target;
    return result;
  }
  if (target.front() == '/') {
    split_query(result, target);
    return result;
  }
  if (target == "*") {
    if (method != Method::options) return std::nullopt;
    result.form = TargetForm::asterisk;
    result.path = result.path_query = target;
    return result;
  }
  std::optional<RequestTarget> absolute = parse_absolute(target);
  if (absolute && method == Method::options &&
      absolute->authority.end() == target.end()) {  // neither path nor query
    // The server as a whole is meant (RFC 9112 section 3.2.4).
    absolute->path = absolute->path_query = "*";
  }
  return absolute;
}

bool ambiguous_path(std::string_view path) noexcept {
  for (std::size_t i = 0; i < path.size(); ++i) {
    const std::string_view rest = path.substr(i + 1);
    if (path[i] == '\\') return true;
    if (path[i] == '%' && (rest.starts_with("2F") || rest.starts_with("5C") ||
                           rest.starts_with("25") || rest.starts_with("00"))) {
      return true;
    }
    if (path[i] != '/' || rest.empty()) continue;
    if (rest.front() == '/') return true;
    if (rest.front() != '.') continue;
    // A parameter is no part of the name: `..;x` is a dot segment to some.
    const std::string_view segment = rest.substr(0, rest.find_first_of("/;"));
    if (segment == "." || segment == "..") return true;
  }
  return false;
}

bool delimited_path(std::string_view path) noexcept {
  static constexpr std::string_view encoded[] = {"3B", "3F", "23", "0A", "0D"};
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == ';') return true;
    if (path[i] != '%') continue;
    const std::string_view digits = path.substr(i + 1, 2);
    for (const std::string_view one : encoded) {
      if (digits == one) return true;
    }
  }
  return false;
}

}  // namespace homeostat::http
