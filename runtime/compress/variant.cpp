#include "runtime/compress/variant.hpp"

namespace homeostat::compress {
namespace {

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

void append_vary(std::string& out, std::string_view vary, std::string_view name) {
  out.append(vary);
  if (vary_covers(vary, name)) return;
  if (vary.find_first_not_of(" \t,") != std::string_view::npos) out.append(", ");
  out.append(name);
}

}  // namespace homeostat::compress
