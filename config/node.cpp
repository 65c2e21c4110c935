#include "config/node.hpp"

#include <fmt/format.h>

#include "config/substitution.hpp"

namespace homeostat::config {
namespace {

constexpr std::size_t shown_bytes_max = 60;

bool is_space(char c) noexcept { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/// Where the value's own characters begin: after a quote, or on the line after
/// the header of a block scalar.
std::size_t value_start(const std::string& text, std::size_t at) {
  if (at >= text.size()) return at;
  if (text[at] == '"' || text[at] == '\'') return at + 1;
  if (text[at] == '|' || text[at] == '>') {
    const auto end = text.find('\n', at);
    return end == std::string::npos ? text.size() : end + 1;
  }
  return at;
}

Place moved(const Place& from, std::size_t to) {
  const auto& text = from.source->text;
  Place place = from;
  place.offset = to;
  for (std::size_t at = from.offset; at < to; ++at) {
    if (text[at] == '\n') {
      ++place.line;
      place.column = 1;
    } else {
      ++place.column;
    }
  }
  return place;
}

}  // namespace

const Node* Node::find(std::string_view name) const noexcept {
  if (kind != Kind::map) return nullptr;
  for (const auto& child : children) {
    if (child.key == name) return &child;
  }
  return nullptr;
}

Node* Node::find(std::string_view name) noexcept {
  return const_cast<Node*>(static_cast<const Node*>(this)->find(name));
}

std::string_view describe(Node::Kind kind) noexcept {
  switch (kind) {
    case Node::Kind::null: return "nothing";
    case Node::Kind::scalar: return "a single value";
    case Node::Kind::list: return "a list";
    case Node::Kind::map: return "a map";
  }
  return "nothing";
}

std::string shown(const Node& scalar) {
  if (scalar.substituted) return "the substituted value";
  std::string text = "`";
  for (const char c : unprotect(scalar.text.substr(0, shown_bytes_max))) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      text += fmt::format("\\x{:02x}", byte);
    } else {
      text += c;
    }
  }
  return text + (scalar.text.size() > shown_bytes_max ? "..." : "") + "`";
}

// Walks the value and its source side by side, comparing what is not blank:
// folding and indentation only change blanks, quoting only adds `\` or a second
// `'`. Any other difference means an escape or a substitution: give up.
Place place_inside(const Node& scalar, std::size_t offset) {
  if (!scalar.place.source || !scalar.place.source->lines || scalar.substituted) {
    return scalar.place;
  }
  const auto& source = scalar.place.source->text;
  std::size_t at = value_start(source, scalar.place.offset);
  std::size_t last = at;
  for (std::size_t i = 0; i < scalar.text.size() && i <= offset; ++i) {
    if (is_space(scalar.text[i])) {
      last = at;
      continue;
    }
    while (at < source.size() && is_space(source[at])) ++at;
    const char want = scalar.text[i];
    if (at + 1 < source.size() && source[at] == '\\' && want != '\\') ++at;
    if (at < source.size() && source[at] == '\\' && want == '\\') ++at;
    if (at + 1 < source.size() && source[at] == '\'' && source[at + 1] == '\'') ++at;
    if (at >= source.size() || source[at] != want) return scalar.place;
    last = at++;
  }
  return moved(scalar.place, offset >= scalar.text.size() ? at : last);
}

}  // namespace homeostat::config
