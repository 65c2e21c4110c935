#include "config/leaf.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "config/address.hpp"

namespace homeostat::config {
namespace {

bool is_safe(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_-./+%*:").find(c) != std::string_view::npos;
}

bool is_plain(std::string_view text) noexcept {
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_safe)) return false;
  // These would be read as something else: a list item, an alias, a null, a key.
  const char first = text.front();
  if (first == '-' || first == '*' || first == '%' || first == ':' || text.back() == ':') {
    return false;
  }
  return text != "null" && text != "Null" && text != "NULL" && text != "...";
}

}  // namespace

std::string yaml_text(std::string_view text) {
  if (is_plain(text)) return std::string(text);
  std::string quoted = "\"";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const auto byte = static_cast<unsigned char>(c);
    if (text.substr(i, 2) == "${") {
      quoted += "$$";  // a literal `${`, not a variable
    } else if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (c == '\n') {
      quoted += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      quoted += fmt::format("\\x{:02x}", byte);
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

std::string shown_url(const Node& scalar) {
  Node part = scalar;
  part.text = redacted_url(scalar.text);
  return shown(part);
}

void report_type(const Leaf& leaf, const Node& node, const std::string& path, Reading& reading) {
  const auto allowed = leaf.allowed();
  reading.report.error(node.place, fmt::format("`{}` expects {}{}; {} was given", path, leaf.type(),
                                               allowed.empty() ? "" : fmt::format(" ({})", allowed),
                                               describe(node.kind)));
}

void report_value(const Node& node, const std::string& path, const std::string& why,
                  Reading& reading, std::string suggestion) {
  reading.report.error(node.place, fmt::format("`{}`: {}: {}", path, shown(node), why),
                       std::move(suggestion));
}

}  // namespace homeostat::config
