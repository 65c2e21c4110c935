#include "config/substitution.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace homeostat::config {
namespace {

struct Pair {
  char plain;
  char reserved;
};
// Everything YAML could take for structure inside `${NAME:-default}`.
constexpr std::array<Pair, 7> pairs{{{'{', '\x01'},
                                     {'}', '\x02'},
                                     {',', '\x03'},
                                     {'[', '\x04'},
                                     {']', '\x05'},
                                     {':', '\x06'},
                                     {'#', '\x0e'}}};
constexpr char open_byte = '\x01';
constexpr char close_byte = '\x02';

char to_reserved(char c) noexcept {
  for (const auto& pair : pairs) {
    if (pair.plain == c) return pair.reserved;
  }
  return c;
}

char to_plain(char c) noexcept {
  for (const auto& pair : pairs) {
    if (pair.reserved == c) return pair.plain;
  }
  return c;
}

bool is_name(std::string_view name) noexcept {
  if (name.empty() || (name.front() >= '0' && name.front() <= '9')) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

/// True if the `{` at `at` continues a word, as in /book/{id} or book:{id}, and
/// so cannot be meant as the start of a map.
bool continues_word(const std::string& text, std::size_t at) noexcept {
  if (at == 0) return false;
  const char before = text[at - 1];
  if (before == ':') return at >= 2 && is_name(std::string_view(text).substr(at - 2, 1));
  return before == '/' || before == '-' || before == '.' || before == close_byte ||
         is_name(std::string_view(text).substr(at - 1, 1)) || (before >= '0' && before <= '9');
}

/// Hides the braces of path templates, which flow YAML would choke on.
void protect_templates(std::string& text) {
  for (std::size_t at = 0; (at = text.find('{', at)) != std::string::npos; ++at) {
    const auto end = text.find_first_of("{}\n", at + 1);
    if (end == std::string::npos || text[end] != '}' || !continues_word(text, at)) continue;
    if (!is_name(std::string_view(text).substr(at + 1, end - at - 1))) continue;
    text[at] = to_reserved('{');
    text[end] = to_reserved('}');
  }
}

struct Substitution {
  const Environment* environment;  ///< null: there is none to read
  Report& report;
  std::set<std::string, std::less<>>& referenced;

  /// The value of what stands between the braces; nothing after an error.
  std::optional<std::string> value_of(Node& node, const std::string& inside) {
    if (environment == nullptr) {
      report.error(node.place, "`${...}` is replaced in files only, not in what is sent here",
                   "write the value itself; a literal `${` is written `$${`");
      return std::nullopt;
    }
    const auto split = inside.find(":-");
    const auto name = inside.substr(0, split);
    if (!is_name(name)) {
      report.error(node.place, "`${...}` must name an environment variable: letters, digits and _");
      return std::nullopt;
    }
    referenced.insert(name);
    const auto found = environment->find(name);
    const bool has_default = split != std::string::npos;
    if (found == environment->end() || (has_default && found->second.empty())) {
      if (has_default) {
        node.defaulted = true;
        return inside.substr(split + 2);
      }
      report.error(node.place, fmt::format("environment variable {} is not set", name),
                   fmt::format("set it, or write a default: ${{{}:-...}}", name));
      return std::nullopt;
    }
    return found->second;
  }

  void scalar(Node& node) {
    std::string result;
    const std::string& text = node.text;
    for (std::size_t at = 0; at < text.size();) {
      const bool opens = text[at] == '$' && at + 1 < text.size() && text[at + 1] == open_byte;
      if (text[at] == '$' && text.compare(at, 3, std::string{'$', '$', open_byte}) == 0) {
        ++at;  // `$${`: the second dollar and the rest up to `}` are literal
        const auto end = text.find(close_byte, at);
        result += unprotect(text.substr(at, end == std::string::npos ? end : end + 1 - at));
        at = end == std::string::npos ? text.size() : end + 1;
      } else if (opens) {
        const auto end = text.find(close_byte, at);
        if (end == std::string::npos) {
          report.error(node.place, "`${` without its `}`");
          node.broken = true;
          return;
        }
        const auto value = value_of(node, unprotect(text.substr(at + 2, end - at - 2)));
        if (!value) {
          node.broken = true;
          return;
        }
        result += *value;
        node.substituted = true;
        at = end + 1;
      } else {
        result += to_plain(text[at++]);
      }
      if (result.size() > scalar_bytes_max) {
        report.error(node.place,
                     fmt::format("longer than {} bytes after substitution", scalar_bytes_max));
        node.broken = true;
        return;
      }
    }
    node.text = std::move(result);
  }
};

void walk(Node& node, Substitution& substitution) {
  const auto& text = node.text;
  if (node.is_scalar() &&
      (text.find('$') != std::string::npos || std::any_of(text.begin(), text.end(), is_reserved))) {
    substitution.scalar(node);
  }
  for (auto& child : node.children) walk(child, substitution);
}

}  // namespace

bool is_reserved(char c) noexcept { return to_plain(c) != c; }

std::string protect(std::string text) {
  protect_templates(text);
  for (std::size_t at = 0; (at = text.find("${", at)) != std::string::npos; ++at) {
    const auto line_end = std::min(text.find('\n', at), text.size());
    const auto end = text.find('}', at);
    if (end == std::string::npos || end > line_end) {
      text[at + 1] = to_reserved(text[at + 1]);
      continue;
    }
    for (std::size_t i = at + 1; i <= end; ++i) text[i] = to_reserved(text[i]);
    at = end;
  }
  return text;
}

std::string unprotect(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), to_plain);
  return text;
}

void substitute(Node& node, const Environment& environment, Report& report,
                std::set<std::string, std::less<>>& referenced) {
  Substitution substitution{&environment, report, referenced};
  walk(node, substitution);
}

void refuse_substitution(Node& node, Report& report) {
  std::set<std::string, std::less<>> none;
  Substitution substitution{nullptr, report, none};
  walk(node, substitution);
}

}  // namespace homeostat::config
