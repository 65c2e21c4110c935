#include "config/text_checks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/address.hpp"

namespace homeostat::config {
namespace {

constexpr std::array<std::string_view, 7> methods{"GET",   "HEAD",   "POST",   "PUT",
                                                  "PATCH", "DELETE", "OPTIONS"};

/// Labels of an alert that say what it is (docs/alerts.md).
constexpr std::array<std::string_view, 6> reserved_labels{"alertname", "severity", "service",
                                                          "instance",  "scope",    "injected"};

bool is_alnum(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// RFC 9110 section 5.6.2.
bool is_token_char(char c) noexcept {
  return is_alnum(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_visible(char c) noexcept {
  return static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) < 0x7f;
}

template <class Predicate>
bool all(std::string_view text, Predicate predicate) {
  return !text.empty() && std::all_of(text.begin(), text.end(), predicate);
}

std::string upper(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return result;
}

}  // namespace

CheckResult check_path_pattern(std::string_view text) {
  if (text.empty() || (text.front() != '/' && text.front() != '*')) {
    return "a path pattern starts with / (or *), e.g. /api/v1/books/*";
  }
  if (!all(text, is_visible)) return "a path pattern has no blanks; percent-encode them";
  if (text.find('?') != std::string_view::npos || text.find('#') != std::string_view::npos) {
    return "a path pattern matches the path only, without ?query or #fragment";
  }
  return std::nullopt;
}

CheckResult check_method(std::string_view text) {
  if (std::find(methods.begin(), methods.end(), text) != methods.end()) return std::nullopt;
  const auto large = upper(text);
  if (std::find(methods.begin(), methods.end(), large) != methods.end()) {
    return fmt::format("methods are written in capitals: {}", large);
  }
  return "allowed is GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS";
}

CheckResult check_field_name(std::string_view text) {
  if (all(text, is_token_char)) return std::nullopt;
  return "not the name of a header field";
}

CheckResult check_identifier(std::string_view text) {
  const auto allowed = [](char c) { return is_alnum(c) || c == '_' || c == '-'; };
  if (all(text, allowed) && text.size() <= 64) return std::nullopt;
  return "1 to 64 letters, digits, `_` or `-` are allowed";
}

CheckResult check_cache_control(std::string_view text) {
  static constexpr std::array<std::string_view, 9> flags{
      "public",           "private",      "no-cache",  "no-store",       "must-revalidate",
      "proxy-revalidate", "no-transform", "immutable", "must-understand"};
  static constexpr std::array<std::string_view, 4> timed{
      "max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"};
  for (std::string_view rest = text; !rest.empty() || rest.data() == text.data();) {
    const std::size_t comma = rest.find(',');
    std::string_view item = rest.substr(0, comma);
    rest = comma == std::string_view::npos ? rest.substr(rest.size()) : rest.substr(comma + 1);
    while (!item.empty() && item.front() == ' ') item.remove_prefix(1);
    while (!item.empty() && item.back() == ' ') item.remove_suffix(1);
    const std::size_t equals = item.find('=');
    const std::string_view name = item.substr(0, equals);
    const bool flag = std::find(flags.begin(), flags.end(), name) != flags.end();
    if (flag && equals == std::string_view::npos) continue;
    if (std::find(timed.begin(), timed.end(), name) == timed.end()) {
      return flag ? fmt::format("`{}` takes no value here", name)
                  : fmt::format("`{}` is no directive of a response", name);
    }
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    if (equals == std::string_view::npos || !all(item.substr(equals + 1), digit)) {
      return fmt::format("`{}` needs whole seconds, e.g. {}=60", name, name);
    }
  }
  return std::nullopt;
}

CheckResult check_tag(std::string_view text) {
  if (all(text, is_visible) && text.find(',') == std::string_view::npos) return std::nullopt;
  return "a tag has no blanks and no commas, e.g. books or book:42";
}

CheckResult check_event_name(std::string_view text) {
  const bool good =
      !text.empty() && text.size() <= 128 && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-' || c == '.';
      });
  return good ? std::nullopt : CheckResult("expected letters, digits, `_`, `-` and `.`");
}

CheckResult check_event_item(std::string_view text) {
  if (text.empty() || text == "tag:" || text == "event:") return "names nothing";
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t open = rest.find_first_of("{}");
    if (open == std::string_view::npos) return std::nullopt;
    const std::size_t close = rest.find('}', open);
    if (rest[open] == '}' || close == std::string_view::npos || close == open + 1 ||
        rest.substr(open + 1, close - open - 1).find('{') != std::string_view::npos) {
      return "expected each `{name}` to open and close, and to have a name";
    }
    rest.remove_prefix(close + 1);
  }
  return std::nullopt;
}

CheckResult check_label_name(std::string_view text) {
  const auto allowed = [](char c) { return is_alnum(c) || c == '_'; };
  const bool digit_first = !text.empty() && text.front() >= '0' && text.front() <= '9';
  if (!all(text, allowed) || digit_first || text.substr(0, 2) == "__") {
    return "not a label name: letters, digits and `_`, no digit or `__` in front";
  }
  if (std::find(reserved_labels.begin(), reserved_labels.end(), text) != reserved_labels.end()) {
    return "this label is set by homeostat itself";
  }
  return std::nullopt;
}

CheckResult check_content_type(std::string_view text) {
  const auto slash = text.find('/');
  if (slash != std::string_view::npos && all(text.substr(0, slash), is_token_char) &&
      all(text.substr(slash + 1), is_token_char)) {
    return std::nullopt;
  }
  return "not a media type without parameters, e.g. text/* or application/json";
}

CheckResult check_route(std::string_view text) {
  if (text.empty() || text.front() != '/' || !all(text, is_visible)) {
    return "a route starts with / and has no blanks, e.g. /book/{id}";
  }
  bool open = false;
  for (const char c : text) {
    if ((c == '{' && open) || (c == '}' && !open) || (c == '/' && open)) {
      return "braces must stand in pairs inside one path segment";
    }
    if (c == '{' || c == '}') open = c == '{';
  }
  if (open) return "braces must stand in pairs inside one path segment";
  return std::nullopt;
}

CheckResult check_absolute_path(std::string_view text) {
  if (text.empty() || text.front() != '/') return "an absolute path is needed";
  return check_file_name(text);
}

CheckResult check_request_path(std::string_view text) {
  if (text.empty() || text.front() != '/' || !all(text, is_visible)) {
    return "a request path starts with / and has no blanks";
  }
  return std::nullopt;
}

CheckResult check_url(std::string_view text) { return check_http_url(text); }

CheckResult check_file_name(std::string_view text) {
  if (text.empty()) return "a file name is needed";
  if (text.find('\0') != std::string_view::npos) return "a file name has no NUL byte";
  return std::nullopt;
}

CheckResult check_parameter(std::string_view text) {
  const auto name = !text.empty() && text.back() == '*' ? text.substr(0, text.size() - 1) : text;
  const auto allowed = [](char c) {
    return is_visible(c) && std::string_view("&=#?*").find(c) == std::string_view::npos;
  };
  if (all(text, is_visible) && std::all_of(name.begin(), name.end(), allowed)) return std::nullopt;
  return "the name of a query parameter, e.g. utm_source or utm_*";
}

}  // namespace homeostat::config
