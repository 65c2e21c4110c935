#include "runtime/compress/variant.hpp"

namespace homeostat::compress {
namespace {

bool is_tag(std::string_view etag) noexcept {
  if (etag.substr(0, 2) == "W/") etag.remove_prefix(2);
  return etag.size() >= 2 && etag.front() == '"' && etag.find('"', 1) == etag.size() - 1;
}

constexpr char lower(char c) noexcept {
  return (c >= 'A' && c <= 'Z') ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool same_name(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

/// Whether a Vary list has the name, or `*`.
bool vary_covers(std::string_view vary, std::string_view name) noexcept {
  while (!vary.empty()) {
    const std::size_t comma = vary.find(',');
    std::string_view element = vary.substr(0, comma);
    vary = comma == std::string_view::npos ? std::string_view{} : vary.substr(comma + 1);
    const std::size_t first = element.find_first_not_of(" \t");
    if (first == std::string_view::npos) continue;
    element = element.substr(first, element.find_last_not_of(" \t") - first + 1);
    if (element == "*" || same_name(element, name)) return true;
  }
  return false;
}

}  // namespace

void append_variant_etag(std::string& out, std::string_view etag, std::string_view suffix) {
  if (!is_tag(etag)) return;
  out.append(etag.substr(0, etag.size() - 1)).append(suffix).push_back('"');
}

bool is_variant_etag(std::string_view etag, std::string_view suffix) noexcept {
  if (!is_tag(etag)) return false;
  etag.remove_suffix(1);
  return etag.size() >= suffix.size() && etag.substr(etag.size() - suffix.size()) == suffix;
}

bool append_without_suffix(std::string& out, std::string_view tag_list, std::string_view suffix) {
  bool found = false;
  // Quotes cannot be escaped in a tag, so they open and close in turn.
  while (!tag_list.empty()) {
    const std::size_t open = tag_list.find('"');
    const std::size_t close = open == std::string_view::npos ? open : tag_list.find('"', open + 1);
    if (close == std::string_view::npos) break;
    std::string_view inside = tag_list.substr(open + 1, close - open - 1);
    if (inside.size() >= suffix.size() && inside.substr(inside.size() - suffix.size()) == suffix) {
      inside.remove_suffix(suffix.size());
      found = true;
    }
    out.append(tag_list.substr(0, open + 1)).append(inside).push_back('"');
    tag_list.remove_prefix(close + 1);
  }
  out.append(tag_list);
  return found;
}

void append_vary(std::string& out, std::string_view vary, std::string_view name) {
  out.append(vary);
  if (vary_covers(vary, name)) return;
  if (vary.find_first_not_of(" \t,") != std::string_view::npos) out.append(", ");
  out.append(name);
}

}  // namespace homeostat::compress
